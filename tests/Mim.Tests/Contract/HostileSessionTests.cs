using Mim.Inference;
using Mim.Models;

namespace Mim.Tests.Contract;

/// <summary>Runs by itself: the counter is the process's, and other tests do construct sessions.</summary>
[CollectionDefinition(nameof(HostileSessionTests), DisableParallelization = true)]
[Collection(nameof(HostileSessionTests))]
public sealed class HostileSessionTests
{
    static readonly EngineOptions s_engine = new(Threads: 1, Device.Cpu);

    [Fact]
    public void No_session_is_constructed_for_a_hostile_package()
    {
        var before = OnnxModel.SessionsConstructed;
        foreach (var hostile in HostileCorpus.Cases)
        {
            using var folder = new TemporaryFolder();
            HostileCorpus.Write(hostile, folder["package"]);
            Assert.Throws<InvalidDataException>(() => Load(folder["package"]).Dispose());
        }
        Assert.Equal(before, OnnxModel.SessionsConstructed);
    }

    /// <summary>The counter counts, and the package that the hostile ones are made from is one that an engine takes.</summary>
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

    static OnnxModel Load(string folder) => OnnxModel.Encoder(ModelPackage.Open(folder), maxRows: 1, s_engine);
}
