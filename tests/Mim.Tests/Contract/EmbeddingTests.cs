using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class EmbeddingTests
{
    static readonly string s_space = new('a', 64);

    [Theory]
    [InlineData("z.npy", true)]
    [InlineData("z.npy", false)]
    [InlineData("z.jsonl", true)]
    [InlineData("z.jsonl", false)]
    [InlineData("z.csv", true)]
    [InlineData("z.csv", false)]
    public void Embeddings_read_back_bit_for_bit(string file, bool named)
    {
        using var folder = new TemporaryFolder();
        float[] z = [0.1f, -1 / 3f, float.Epsilon, float.MaxValue, -float.MaxValue, -1.17549435e-38f];
        string[] ids = ["a,b", "\"quoted\"\nline"];
        string[] labels = ["ü", "1"];
        using (var writer = EmbeddingWriter.Create(folder[file], EmbeddingFormats.Of(file), s_space, "sample", dims: 3, version: "1-aaaaaaaa"))
        {
            for (var row = 0; row < 2; row++)
            {
                writer.Write(z.AsSpan(row * 3, 3), named ? ids[row] : null, named ? labels[row] : null);
            }
            Assert.False(File.Exists(folder[file]));
            writer.Complete();
        }
        var set = EmbeddingSet.Read(folder[file]);
        Assert.Equal((s_space, 2, 3), (set.SpaceId, set.Rows, set.Dims));
        Assert.Equal(z, set.Z);
        Assert.Equal(named ? ids : null, set.Ids);
        Assert.Equal(named ? labels : null, set.Labels);
        Assert.Equal(file == "z.npy" ? ("sample", "1-aaaaaaaa") : ("", null), (set.Model, set.Version));
    }

    [Theory]
    [InlineData("z.npy")]
    [InlineData("z.jsonl")]
    [InlineData("z.csv")]
    public void A_writer_that_is_abandoned_leaves_nothing(string file)
    {
        using var folder = new TemporaryFolder();
        using (var writer = EmbeddingWriter.Create(folder[file], EmbeddingFormats.Of(file), s_space, "sample", dims: 1))
        {
            writer.Write([1], null, null);
        }
        Assert.Empty(Directory.GetFiles(folder.Root));
    }

    /// <summary>Equal dimensions are no sign of an equal space: that mistake is silent.</summary>
    [Fact]
    public void A_foreign_space_is_refused_though_the_dimensions_agree()
    {
        var set = new EmbeddingSet { SpaceId = s_space, Model = "sample", Rows = 1, Dims = 2, Z = [0, 0] };
        set.RequireSpace(s_space, "z.npy");
        var foreign = new string('b', 64);
        var refusal = Assert.Throws<InvalidDataException>(() => set.RequireSpace(foreign, "z.npy"));
        Assert.StartsWith($"z.npy: expected embeddings of space {foreign}, found space {s_space} (model 'sample').", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("z.npy", "x", "magic")]
    [InlineData("z.jsonl", "", "at least one")]
    [InlineData("z.jsonl", "{", "z.jsonl:1")]
    [InlineData("z.jsonl", "[]", "expected an object")]
    [InlineData("z.jsonl", """{"space_id":"SPACE","z":[1],"spcae":1}""", "unknown key 'spcae'")]
    [InlineData("z.jsonl", """{"space_id":"SPACE"}""", "'z' is missing")]
    [InlineData("z.jsonl", """{"space_id":"SPACE","z":[1e99]}""", "finite")]
    [InlineData("z.jsonl", """{"space_id":"SPACE","z":["1"]}""", "z.jsonl:1")]
    [InlineData("z.jsonl", """{"space_id":7,"z":[1]}""", "z.jsonl:1")]
    [InlineData("z.jsonl", """{"space_id":"short","z":[1]}""", "64 hexadecimal")]
    [InlineData("z.jsonl", "{\"space_id\":\"SPACE\",\"z\":[1]}\n{\"space_id\":\"SPACE\",\"z\":[1,2]}", "z.jsonl:2: expected 1 dimensions")]
    [InlineData("z.jsonl", "{\"space_id\":\"SPACE\",\"z\":[1]}\n{\"space_id\":\"bbbb\",\"z\":[1]}", "two spaces")]
    [InlineData("z.jsonl", "{\"space_id\":\"SPACE\",\"z\":[1]}\n{\"id\":\"1\",\"space_id\":\"SPACE\",\"z\":[1]}", "some rows have an id")]
    [InlineData("z.csv", "id,z_0\n", "expected the header")]
    [InlineData("z.csv", "id,label,space_id,z_0\n", "at least one")]
    [InlineData("z.csv", "id,label,space_id,z_0\n,,SPACE,one\n", "z.csv:2: expected a finite")]
    [InlineData("z.csv", "id,label,space_id,z_0\n,,SPACE\n", "z.csv:2: expected 4 cells")]
    [InlineData("z.csv", "id,label,space_id,z_0\n\"open,,SPACE,1\n", "no end")]
    public void Malformed_embeddings_are_refused_by_line(string file, string text, string reason)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder[file], text.Replace("SPACE", s_space, StringComparison.Ordinal));
        File.WriteAllText(folder["z.npy.json"], $$"""{"space_id": "{{s_space}}", "model": "m", "version": null, "rows": 1, "dims": 1, "ids": null, "labels": null}""");
        var refusal = Assert.Throws<InvalidDataException>(() => EmbeddingSet.Read(folder[file]));
        Assert.StartsWith(folder[file], refusal.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_without_its_space_is_refused()
    {
        using var folder = new TemporaryFolder();
        Npy.Write(folder["z.npy"], NpyArray.From([1f, 2f], 1, 2));
        Assert.Contains("z.npy.json", Assert.Throws<InvalidDataException>(() => EmbeddingSet.Read(folder["z.npy"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_embedding_that_is_not_finite_is_not_written()
    {
        using var folder = new TemporaryFolder();
        using var writer = EmbeddingWriter.Create(folder["z.csv"], EmbeddingFormat.Csv, s_space, "sample", dims: 2);
        Assert.Throws<InvalidDataException>(() => writer.Write([1, float.NaN], null, null));
    }
}
