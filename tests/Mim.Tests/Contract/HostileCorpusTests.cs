using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class HostileCorpusTests
{
    const int MinimumCases = 30;

    public static TheoryData<string> Names => [.. HostileCorpus.Cases.Select(hostile => hostile.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_hostile_package_is_refused_by_naming_the_file_and_the_reason(string name)
    {
        using var folder = new TemporaryFolder();
        var hostile = HostileCorpus.Cases.Single(hostile => hostile.Name == name);
        HostileCorpus.Write(hostile, folder["package"]);
        var refusal = Assert.Throws<InvalidDataException>(() => ModelPackage.Open(folder["package"]));
        Assert.Contains(hostile.File, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(hostile.Reason, refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Without this, a bug that refuses everything would pass every case above.</summary>
    [Fact]
    public void The_package_that_they_are_made_from_is_accepted()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Copy(folder["package"]);
        var package = ModelPackage.Open(folder["package"]);
        Assert.Equal(OnnxModelBuilder.Encoder().ToBytes(), package.Encoder);
        Assert.True(HostileCorpus.Cases.Count() >= MinimumCases);
    }

    [Fact]
    public void A_refused_package_leaves_the_store_empty()
    {
        using var folder = new TemporaryFolder();
        HostileCorpus.Write(HostileCorpus.Cases.First(hostile => hostile.Name == "one bit of a weight is flipped"), folder["package"]);
        var store = new ModelStore(folder["store"]);
        Assert.Throws<InvalidDataException>(() => store.Publish(folder["package"]));
        Assert.Empty(store.List());
        Assert.False(Directory.Exists(folder["store"]));
    }

    /// <summary>A pipe in a file's place would block whoever opens it, for ever.</summary>
    [Fact]
    public void A_pipe_is_refused_without_being_opened()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Copy(folder["package"]);
        File.Delete(folder["package/card.md"]);
        using (var mkfifo = System.Diagnostics.Process.Start("mkfifo", [folder["package/card.md"]]))
        {
            mkfifo.WaitForExit();
        }
        var refusal = Assert.Throws<InvalidDataException>(() => ModelPackage.Open(folder["package"]));
        Assert.Contains("card.md", refusal.Message, StringComparison.Ordinal);
    }
}
