using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;
using Mim.Training;
using static TorchSharp.torch;
using Device = Mim.Inference.Device;

namespace Mim.Tests.Inference;

public sealed class AutoregressiveLoopTests : IDisposable
{
    const int X = PixelPackage.X;
    const int Z = PixelPackage.Z;
    const int Rows = 21;

    static readonly EngineOptions s_engine = new(1, Device.Cpu);

    readonly TemporaryFolder _folder = new();
    readonly Autoencoder _model = PixelPackage.Model();
    readonly float[] _z = AffineModel.Rows(Rows, Z, seed: 2);

    public AutoregressiveLoopTests()
    {
        PixelPackage.Write(_model, _folder["package"]);
        Npy.Write(_folder["z.npy"], NpyArray.From(_z, Rows, Z));
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_draw_is_the_training_engines_from_the_same_uniform_numbers()
    {
        await DecodeAsync("a.npy", "--sample", "5");
        await DecodeAsync("b.npy", "--sample", "5", "--batch", "4");
        await DecodeAsync("c.npy", "--sample", "6");
        using var scope = NewDisposeScope();
        var generator = new Random(5);
        var uniforms = tensor([.. Enumerable.Range(0, Rows * X).Select(_ => (float)generator.NextDouble())], [Rows, X]);
        // Oracle: libtorch's loop. A probability within 1e-6 of its number could differ; none of these 252 is.
        var expected = Values(Decode().SampleWith(uniforms) * 255);
        Assert.Equal(expected, Npy.Read(_folder["a.npy"]).ToSingle());
        Assert.Equal(expected, Npy.Read(_folder["b.npy"]).ToSingle());
        Assert.NotEqual(expected, Npy.Read(_folder["c.npy"]).ToSingle());
        Assert.Equal([0, 255], expected.Distinct().Order());
    }

    [Fact]
    public async Task Without_a_seed_each_mean_follows_the_likelier_values_before_it()
    {
        await DecodeAsync("a.npy");
        using var scope = NewDisposeScope();
        var parity = Parity.Compare(
            Npy.Read(_folder["a.npy"]).ToSingle(), Values(Decode().Mean * 255), Parity.EngineTolerance, Parity.EngineTolerance, units: [255]);
        Assert.True(parity.Passed, $"{parity}");
    }

    [Fact]
    public void Verify_replays_the_conditional_network()
    {
        Assert.True(Verification.Run(ModelPackage.Open(_folder["package"]), s_engine).Passed);
        // Goldens of another x_given than the one that is filed.
        PixelPackage.Write(_model, _folder["package"], given => 1 - given);
        var report = Verification.Run(ModelPackage.Open(_folder["package"]), s_engine);
        Assert.Equal(
            [TensorNames.XLogits, TensorNames.XMean],
            report.Checks.Where(check => !check.Passed && check.Check == ParityCheck.Golden).Select(check => check.Tensor).Distinct().Order());
        Assert.All(report.Checks, check => Assert.True(check.Passed || check.Check == ParityCheck.Golden));
    }

    [Fact]
    public void Decoding_stops_between_two_passes()
    {
        var package = ModelPackage.Open(_folder["package"]);
        using var model = OnnxModel.Decoder(package, 2, s_engine);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => new AutoregressiveLoop(model, package.Manifest, null).Run(2, cancelled.Token));
    }

    [Fact]
    public async Task A_seed_is_refused_where_one_pass_says_all()
    {
        new AffineModel(seed: 1).Write(_folder["affine"]);
        Npy.Write(_folder["codes.npy"], NpyArray.From(AffineModel.Rows(2, AffineModel.Z, 1), 2, AffineModel.Z));
        var e = await Assert.ThrowsAsync<UsageException>(() => VerifyTests.RunAsync(
            DecodeCommand.Create(), "--model", _folder["affine"], "--in", _folder["codes.npy"], "--out", _folder["x.npy"], "--sample", "1"));
        Assert.StartsWith("--sample: the decoder of 'affine' is not autoregressive", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_conditional_network_without_its_flag_is_no_decoder()
    {
        SamplePackage.Edit(_folder["package"], manifest => manifest["autoregressive"] = false);
        var e = Assert.Throws<InvalidDataException>(() => ModelPackage.Open(_folder["package"]));
        Assert.Contains("expected the inputs z [batch, 4] as the manifest says, found z [batch, 4], x_given [batch, 4, 3]", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_binary_x_is_decoded_element_by_element()
    {
        SamplePackage.Edit(_folder["package"], manifest => manifest["likelihood"] = ModelManifest.Gaussian);
        var e = Assert.Throws<InvalidDataException>(() => ModelPackage.Open(_folder["package"]));
        Assert.Contains("key 'autoregressive': expected false for the likelihood 'gaussian'", e.Message, StringComparison.Ordinal);
    }

    AutoregressiveBernoulli Decode() => ((PixelDecoder)_model.decoder).forward(tensor(_z, [Rows, Z]));

    Task<(int, string, string)> DecodeAsync(string output, params string[] more) => VerifyTests.RunAsync(
        DecodeCommand.Create(), ["--model", _folder["package"], "--in", _folder["z.npy"], "--out", _folder[output], .. more]);

    static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();
}
