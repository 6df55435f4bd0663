using Mim.Inference;
using Mim.Models;

namespace Mim.Tests.Contract;

/// <summary>Runs by itself: the counter of sessions is the process's, and other tests do construct some.</summary>
[CollectionDefinition(nameof(HostileCorpusTests), DisableParallelization = true)]
[Collection(nameof(HostileCorpusTests))]
public sealed class HostileCorpusTests
{
    const int MinimumCases = 30;

    static readonly EngineOptions s_engine = new(Threads: 1, Device.Cpu);

    public static TheoryData<string> Names => [.. HostileCorpus.Cases.Select(hostile => hostile.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_hostile_package_is_refused_by_file_and_reason_before_a_session_is_constructed(string name)
    {
        using var folder = new TemporaryFolder();
        var hostile = HostileCorpus.Cases.Single(hostile => hostile.Name == name);
        HostileCorpus.Write(hostile, folder["package"]);
        var before = OnnxModel.SessionsConstructed;
        var refusal = Assert.Throws<InvalidDataException>(() => Load(folder["package"]).Dispose());
        Assert.Equal(before, OnnxModel.SessionsConstructed);
        Assert.Contains(hostile.File, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(hostile.Reason, refusal.Message, StringComparison.Ordinal);
    }

    /// <summary>Without this, a loader that refuses everything and a counter that does not count would pass every case above.</summary>
    [Fact]
    public void One_session_is_constructed_for_the_package_that_they_are_made_from()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Copy(folder["package"]);
        var before = OnnxModel.SessionsConstructed;
        using var model = Load(folder["package"]);
        Assert.Equal(before + 1, OnnxModel.SessionsConstructed);
        // x = (3, 4, 7): standardised (2, 1, 1); z_mean = W x + b with rows (0.5, -1, 0.25), (2, 1, -0.5) and b = (0.1, 0.2). float32, 3 terms.
        var z = model.RunAll([3, 4, 7], batch: 1)[0];
        Assert.Equal(0.35, z[0], 1e-6);
        Assert.Equal(4.7, z[1], 1e-6);
        Assert.True(HostileCorpus.Cases.Count >= MinimumCases);
    }

    /// <summary>Over bytes, the engine would look for these weights in the working directory.</summary>
    [Fact]
    public void No_session_is_constructed_over_weights_outside_the_graph()
    {
        using var folder = new TemporaryFolder();
        var encoder = OnnxModelBuilder.Encoder();
        encoder.Initializers[0] = OnnxModelBuilder.External("mean", "encoder.onnx.data", "0", "12", 3);
        ModelPackage.Write(
            folder["package"], SamplePackage.Manifest, encoder.ToBytes(), OnnxModelBuilder.Decoder().ToBytes(), SamplePackage.Goldens(), "# card\n",
            new Dictionary<string, byte[]> { ["encoder.onnx.data"] = new byte[12] });
        var before = OnnxModel.SessionsConstructed;
        Assert.Throws<InvalidDataException>(() => Load(folder["package"]).Dispose());
        Assert.Equal(before, OnnxModel.SessionsConstructed);
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

    static OnnxModel Load(string folder) => OnnxModel.Encoder(ModelPackage.Open(folder), maxRows: 1, s_engine);
}
