using System.Text;
using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class ManifestTests
{
    static readonly ModelManifest s_full = SamplePackage.Manifest with
    {
        SpaceId = new string('c', 64),
        Version = "12-cccccccc",
        Opset = 17,
        IrVersion = 8,
        TrainingCommit = "0123456789abcdef0123456789abcdef01234567+dirty",
        StageKey = new string('d', 64),
        XShape = [3],
        LogVarFloor = LogVarFloor.Clamp(-6, 2),
        Tabular = new TabularSchema
        {
            Columns =
            [
                new TabularColumn { Name = "age", Kind = ColumnKind.Numeric, AllowMissing = true },
                new TabularColumn { Name = "größe", Kind = ColumnKind.Categorical, Categories = ["S", "M, or L"] },
            ],
        },
        Preprocessing =
        [
            new PreprocessingStep { Kind = PreprocessingStep.Impute, A = [0.1f, 0, 0] },
            new PreprocessingStep { Kind = PreprocessingStep.Standardise, A = [1 / 3f], B = [float.Epsilon] },
        ],
        Files = [new PackageFile("encoder.onnx", new string('e', 64), 7)],
    };

    [Fact]
    public void A_manifest_reads_back_as_it_was_written()
    {
        using var folder = new TemporaryFolder();
        s_full.Write(folder["manifest.json"]);
        var read = ModelManifest.Read(folder["manifest.json"]);
        read.Write(folder["again.json"]);
        Assert.Equal(File.ReadAllText(folder["manifest.json"]), File.ReadAllText(folder["again.json"]));
        Assert.Equal((s_full.Version, s_full.LogVarFloor, s_full.Objective, s_full.Dataset), (read.Version, read.LogVarFloor, read.Objective, read.Dataset));
        Assert.Equal("M, or L", read.Tabular?.Columns[1].Categories[1]);
        // Shortest round-trip decimals carry every bit of a float32.
        Assert.Equal(float.Epsilon, read.Preprocessing[1].B[0]);
        Assert.Equal(1 / 3f, read.Preprocessing[1].A[0]);
    }

    /// <summary>The contract is what other languages read: a renamed property must not rename a key.</summary>
    [Fact]
    public void The_keys_are_the_contract()
    {
        using var folder = new TemporaryFolder();
        s_full.Write(folder["manifest.json"]);
        var keys = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(folder["manifest.json"]))!.AsObject().Select(pair => pair.Key);
        Assert.Equal(
            "contract_version name version space_id kind x_shape z_size likelihood log_var_floor preprocessing tabular objective dataset seed engines "
            + "training_commit stage_key opset ir_version minimum_onnx_runtime metrics files",
            string.Join(' ', keys));
        var text = File.ReadAllText(folder["manifest.json"]);
        Assert.All(["\"q_x\"", "\"decoder_log_qx\"", "\"sigma_min\"", "\"categorical\"", "\"allow_missing\""], key => Assert.Contains(key, text, StringComparison.Ordinal));
    }

    /// <summary>The key came after packages had been published: theirs must go on opening.</summary>
    [Fact]
    public void Autoregressive_is_false_where_the_key_is_missing()
    {
        using var folder = new TemporaryFolder();
        (s_full with { Autoregressive = true, Likelihood = ModelManifest.Bernoulli }).Write(folder["manifest.json"]);
        Assert.True(ModelManifest.Read(folder["manifest.json"]).Autoregressive);
        SamplePackage.Edit(folder.Root, manifest => manifest.Remove("autoregressive"));
        Assert.False(ModelManifest.Read(folder["manifest.json"]).Autoregressive);
        SamplePackage.Edit(folder.Root, manifest => manifest["autoregressive"] = false);
        Assert.False(ModelManifest.Read(folder["manifest.json"]).Autoregressive);
    }

    [Fact]
    public void Elements_behind_a_projection_are_not_decoded_one_by_one()
    {
        using var folder = new TemporaryFolder();
        var manifest = s_full with
        {
            Autoregressive = true,
            Likelihood = ModelManifest.Bernoulli,
            Tabular = null,
            Preprocessing = [new PreprocessingStep { Kind = PreprocessingStep.Pca, A = new float[3], B = new float[6] }],
        };
        var refusal = Assert.Throws<InvalidDataException>(() => manifest.Write(folder["manifest.json"]));
        Assert.Contains("key 'autoregressive': expected false behind a step 'pca'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_manifest_that_would_be_refused_is_not_written()
    {
        using var folder = new TemporaryFolder();
        var refusal = Assert.Throws<InvalidDataException>(() => (s_full with { ZSize = 0 }).Write(folder["manifest.json"]));
        Assert.Contains("z_size", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Root));
    }

    // Row by row: too few means, a matrix of no whole rows, more components than features, none, a constant behind it that counts the features before it.
    [Theory]
    [InlineData(2, 3, 0, "preprocessing[0]")]
    [InlineData(3, 4, 0, "preprocessing[0]")]
    [InlineData(3, 12, 0, "preprocessing[0]")]
    [InlineData(3, 0, 0, "preprocessing[0]")]
    [InlineData(3, 6, 3, "preprocessing[1]")]
    [InlineData(3, 6, 2, null)]
    public void A_projection_whose_sizes_do_not_fit_is_refused(int means, int matrix, int behind, string? key)
    {
        using var folder = new TemporaryFolder();
        var chain = new List<PreprocessingStep> { new() { Kind = PreprocessingStep.Pca, A = new float[means], B = new float[matrix] } };
        if (behind > 0)
        {
            chain.Add(new PreprocessingStep { Kind = PreprocessingStep.Standardise, A = new float[behind], B = [1] });
        }
        var manifest = s_full with { Preprocessing = chain, Tabular = null };
        if (key is null)
        {
            manifest.Write(folder["manifest.json"]);
            Assert.Equal([2L], ModelManifest.Read(folder["manifest.json"]).InputShape);
            return;
        }
        var refusal = Assert.Throws<InvalidDataException>(() => manifest.Write(folder["manifest.json"]));
        Assert.Contains(key, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_largest_projection_fits_the_largest_manifest()
    {
        using var folder = new TemporaryFolder();
        var values = Enumerable.Range(0, PreprocessingStep.MaxMatrix).Select(i => -1.1754944e-38f * (1 + i)).ToArray(); // long decimals
        var manifest = s_full with
        {
            XShape = [1024],
            Tabular = null,
            Preprocessing = [new PreprocessingStep { Kind = PreprocessingStep.Pca, A = values[..1024], B = values }],
        };
        manifest.Write(folder["manifest.json"]);
        Assert.Equal(values, ModelManifest.Read(folder["manifest.json"]).Preprocessing[0].B);
    }

    [Theory]
    [InlineData("likelihood", "gausian", "Did you mean 'gaussian'")]
    [InlineData("kind", "autoencodr", "Did you mean 'autoencoder'")]
    [InlineData("version", "12-dddddddd", "<n>-cccccccc")]
    [InlineData("version", "012-cccccccc", "<n>-cccccccc")]
    [InlineData("minimum_onnx_runtime", "recent", "1.14.0")]
    [InlineData("name", "Upper", "[a-z0-9]")]
    [InlineData("name", "-dash", "[a-z0-9]")]
    public void A_wrong_value_is_refused_by_its_key(string key, string value, string hint)
    {
        using var folder = new TemporaryFolder();
        s_full.Write(folder["manifest.json"]);
        SamplePackage.Edit(folder.Root, manifest => manifest[key] = value);
        var refusal = Assert.Throws<InvalidDataException>(() => ModelManifest.Read(folder["manifest.json"]));
        Assert.Contains($"'{key}'", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(hint, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_of_type_names_its_key_too()
    {
        const string Text = """{"path": "a", "sha256": "b", "size": "7"}""";
        var refusal = Assert.Throws<InvalidDataException>(() => StrictJson.Read<PackageFile>(Encoding.UTF8.GetBytes(Text), "f.json"));
        Assert.StartsWith("f.json:1: key 'size': expected another type of value.", refusal.Message, StringComparison.Ordinal);
    }
}
