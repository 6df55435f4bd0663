using Mim.Models;
using Mim.Tests.Contract;
using Mim.Tests.Training;
using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Inference;

/// <summary>A PixelHVAE on images of 4×3 in raw units of 0 to 255, as a package.</summary>
static class PixelPackage
{
    public const int X = 12;
    public const int Z = 4;

    static readonly ModelManifest s_manifest = SamplePackage.Manifest with
    {
        Name = "pixels",
        XShape = [4, 3],
        ZSize = Z,
        Likelihood = ModelManifest.Bernoulli,
        Autoregressive = true,
        LogVarFloor = LogVarFloor.Clamp(-6, 2),
        Preprocessing = [new PreprocessingStep { Kind = PreprocessingStep.Scale, A = [0], B = [255] }],
    };

    public static Autoencoder Model() => TwoLevel.Create(Architectures.PixelHvae, [4, 3], z: Z / 2, width: 5);

    /// <param name="model">See <see cref="Model"/>.</param>
    /// <param name="folder">Where.</param>
    /// <param name="filed">Makes the golden's x_given from the one that the conditionals were computed with; null: they are the same.</param>
    public static void Write(Autoencoder model, string folder, Func<Tensor, Tensor>? filed = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var goldens = Golden.RowCounts.Select(rows =>
        {
            using var noise = new Generator((ulong)rows);
            var given = TwoLevel.Bits(rows, X, noise);
            var posterior = model.encoder.call(given);
            var z = posterior.Sample(noise);
            var p = ((PixelDecoder)model.decoder).forward(z).Given(given);
            return new Golden(rows, new Dictionary<string, float[]>
            {
                [TensorNames.X] = Values(given * 255),
                [TensorNames.ZMean] = Values(posterior.Mean),
                [TensorNames.ZLogVar] = Values(posterior.LogVar),
                [TensorNames.Z] = Values(z),
                [TensorNames.XGiven] = Values(filed?.Invoke(given) ?? given),
                [TensorNames.XMean] = Values(p.Mean * 255),
                [TensorNames.XLogits] = Values(p.Logits),
            });
        });
        ModelPackage.Write(
            folder, s_manifest, OnnxExport.Encoder(model.encoder, Z, [4, 3], s_manifest.Preprocessing),
            OnnxExport.Decoder(model.decoder, Z, [4, 3], s_manifest.Preprocessing), [.. goldens], "# pixels\n");
    }

    static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();
}
