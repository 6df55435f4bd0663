using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Data;

public sealed class MaterialisedTests : IDisposable
{
    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static Dataset Open(string name) => Dataset.Open(new DatasetOptions { Name = name, RowsPerEpoch = 40 }, 3);

    [Fact]
    public void A_frozen_split_holds_the_rows_that_the_data_set_gives()
    {
        var dataset = Open("sprites");
        var written = Materialised.Write(dataset, SplitName.Test, 2, 3, _folder["out"]);
        var expected = dataset.Load(SplitName.Test, 2);
        var x = Npy.Read(_folder["out/x.npy"]);
        Assert.Equal([40L, 28L, 28L], x.Shape);
        Assert.Equal(expected.X, x.ToSingle());
        Assert.Equal(expected.Labels, Npy.Read(_folder["out/labels.npy"]).ToInt64());
        Assert.Equal(expected.Factors, Npy.Read(_folder["out/factors.npy"]).ToSingle());
        Assert.Equal(dataset.Sha256, written.DatasetSha256);
        Assert.All(written.Files, file => Assert.Equal(Hashes.Sha256(_folder[$"out/{file.Path}"]), file.Sha256));
        Assert.Equal(Materialised.ToJson(written) + "\n", File.ReadAllText(_folder["out/dataset.json"]));
    }

    [Fact]
    public void Freezing_again_replaces_the_folder_with_the_same_bytes()
    {
        Materialised.Write(Open("toy4"), SplitName.Test, 0, 3, _folder["out"]);
        var first = Hashes.Sha256(_folder["out/x.npy"]);
        Materialised.Write(Open("toy4"), SplitName.Test, 0, 3, _folder["out"]);
        Assert.Equal(first, Hashes.Sha256(_folder["out/x.npy"]));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void A_folder_with_other_files_is_left_alone()
    {
        Directory.CreateDirectory(_folder["out"]);
        File.WriteAllText(_folder["out/thesis.tex"], "");
        Assert.Throws<UsageException>(() => Materialised.Write(Open("toy4"), SplitName.Test, 0, 3, _folder["out"]));
        Assert.Equal(["thesis.tex"], Directory.EnumerateFileSystemEntries(_folder["out"]).Select(Path.GetFileName));
    }
}
