using Mim.Models;
using Mim.Tests.Contract;
using Mim.Training;

namespace Mim.Tests.Inference;

/// <summary>
/// An encoder whose first layer is a convolution, for which an engine on a GPU chooses among algorithms. The goldens are computed here by loops in
/// double.
/// </summary>
static class ConvModel
{
    public const int Side = 28;
    public const int Z = 4;
    const int Channels = 8;
    const int Kernel = 3;
    const int Valid = Side - Kernel + 1;

    public static void Write(string folder)
    {
        Random generator = new(8);
        var (kernels, weights) = (Draw(Channels * Kernel * Kernel), Draw(Channels * Z));
        OnnxWriter writer = new("conv");
        var x = writer.Input(TensorNames.X, Side, Side);
        x = writer.Node("Unsqueeze", "image", [x, writer.Initializer("axes", [1L], 1)]);
        x = writer.Node("Conv", "conv", [x, writer.Initializer("kernels", kernels, Channels, 1, Kernel, Kernel)], ("kernel_shape", (long[])[Kernel, Kernel]));
        x = writer.Node("ReduceMean", "pooled", [writer.Node("Relu", "relu", [x])], ("axes", (long[])[2, 3]), ("keepdims", 0L));
        writer.Node("MatMul", TensorNames.ZMean, [x, writer.Initializer("weights", weights, Channels, Z)]);
        writer.Output(TensorNames.ZMean, Z);
        var goldens = Golden.RowCounts.Select(rows =>
        {
            var images = AffineModel.Rows(rows, Side * Side, rows);
            return new Golden(rows, new Dictionary<string, float[]>
            {
                [TensorNames.X] = images,
                [TensorNames.ZMean] = [.. images.Chunk(Side * Side).SelectMany(image => Code(image, kernels, weights))],
            });
        });
        var manifest = SamplePackage.Manifest with
        {
            Name = "conv",
            Kind = ModelManifest.EncoderOnly,
            XShape = [Side, Side],
            ZSize = Z,
            Likelihood = null,
            LogVarFloor = null,
            Preprocessing = [],
        };
        ModelPackage.Write(folder, manifest, writer.ToBytes(new Dictionary<string, string>()), null, [.. goldens], "# conv\n");

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(generator.NextDouble() * 2 - 1))];
    }

    static IEnumerable<float> Code(float[] image, float[] kernels, float[] weights)
    {
        var pooled = new double[Channels];
        for (var c = 0; c < Channels; c++)
        {
            for (var at = 0; at < Valid * Valid; at++)
            {
                double sum = 0;
                for (var k = 0; k < Kernel * Kernel; k++)
                {
                    sum += (double)kernels[c * Kernel * Kernel + k] * image[(at / Valid + k / Kernel) * Side + at % Valid + k % Kernel];
                }
                pooled[c] += Math.Max(0, sum) / (Valid * Valid);
            }
        }
        return Enumerable.Range(0, Z).Select(j => (float)Enumerable.Range(0, Channels).Sum(c => pooled[c] * weights[c * Z + j]));
    }
}
