using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class OnnxModelTests
{
    // Five products and a sum of values below 4: float32 rounds each to 2^-22 at most.
    const float Tolerance = 2e-6f;

    [Fact]
    public void Encoder_and_decoder_compute_the_closed_form()
    {
        using var folder = new TemporaryFolder();
        AffineModel affine = new(seed: 3);
        affine.Write(folder["package"]);
        var package = ModelPackage.Open(folder["package"]);
        using var encoder = OnnxModel.Encoder(package, 16, new EngineOptions(1, Device.Cpu));
        using var decoder = OnnxModel.Decoder(package, 16, new EngineOptions(1, Device.Cpu));
        Assert.Equal([TensorNames.ZMean, TensorNames.ZLogVar], encoder.Outputs);
        Assert.Equal([TensorNames.XMean, TensorNames.XLogVar], decoder.Outputs);
        foreach (var (model, width) in new[] { (encoder, AffineModel.X), (decoder, AffineModel.Z) })
        {
            var input = AffineModel.Rows(50, width, seed: 4);
            var outputs = model.RunAll(input, 16);
            for (var i = 0; i < outputs.Length; i++)
            {
                AssertClose(affine.Expected(model.Outputs[i], input), outputs[i]);
            }
        }
    }

    [Fact]
    public void A_convolution_computes_the_loops_of_its_goldens()
    {
        using var folder = new TemporaryFolder();
        ConvModel.Write(folder["package"]);
        Assert.Empty(Verification.Run(ModelPackage.Open(folder["package"]), new EngineOptions(1, Device.Cpu)).Failures());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(64)]
    public void Row_i_of_a_batch_is_row_i_alone(int rows)
    {
        using var folder = new TemporaryFolder();
        new AffineModel(seed: 5).Write(folder["package"]);
        using var encoder = OnnxModel.Encoder(ModelPackage.Open(folder["package"]), 64, new EngineOptions(2, Device.Cpu));
        var x = AffineModel.Rows(rows, AffineModel.X, seed: rows);
        var (batch, single) = (encoder.RunAll(x, rows), encoder.RunAll(x, 1));
        for (var i = 0; i < batch.Length; i++)
        {
            Assert.True(Parity.Compare(batch[i], single[i], Parity.BatchTolerance, Parity.BatchTolerance).Passed);
        }
    }

    [Fact]
    public void A_deterministic_encoder_has_z_mean_alone()
    {
        using var folder = new TemporaryFolder();
        AffineModel affine = new(seed: 6);
        affine.Write(folder["package"], deterministic: true);
        using var encoder = OnnxModel.Encoder(ModelPackage.Open(folder["package"]), 4, new EngineOptions(1, Device.Cpu));
        Assert.Equal([TensorNames.ZMean], encoder.Outputs);
    }

    internal static void AssertClose(float[] expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], Tolerance);
        }
    }
}
