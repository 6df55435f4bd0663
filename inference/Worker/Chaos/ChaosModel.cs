using System.Buffers.Binary;
using System.Text;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// The encoder that chaos works with: z_mean = xW + b, so that every stored code can be judged by a closed form. Written as the contract has it, and
/// verified by each worker like any other package.
/// </summary>
public sealed class ChaosModel
{
    public const string Name = "chaos";
    public const int X = 20;
    public const int Z = 8;

    const int Opset = 17;
    const int IrVersion = 8;
    const int Float = 1;

    readonly float[] _weights;
    readonly float[] _bias;

    public ChaosModel(int seed)
    {
        Random random = new(seed);
        (_weights, _bias) = (Draw(X * Z), Draw(Z));

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
    }

    /// <summary>In double.</summary>
    public void Encode(ReadOnlySpan<float> x, Span<double> z)
    {
        for (var j = 0; j < Z; j++)
        {
            z[j] = _bias[j];
            for (var i = 0; i < X; i++)
            {
                z[j] += (double)x[i] * _weights[(i * Z) + j];
            }
        }
    }

    /// <summary>Finite features whose first code is not: each has the sign of its weight.</summary>
    public float[] Overflowing() => [.. Enumerable.Range(0, X).Select(i => MathF.CopySign(3e38f, _weights[i * Z]))];

    /// <param name="seed">What the manifest says of its training: two versions of one space differ in that.</param>
    public ModelManifest Write(string folder, int seed)
    {
        var goldens = Golden.RowCounts.Select(rows =>
        {
            var x = Enumerable.Range(0, rows * X).Select(i => MathF.Sin(i)).ToArray();
            var z = new float[rows * Z];
            Span<double> code = stackalloc double[Z];
            for (var row = 0; row < rows; row++)
            {
                Encode(x.AsSpan(row * X, X), code);
                for (var j = 0; j < Z; j++)
                {
                    z[(row * Z) + j] = (float)code[j];
                }
            }
            return new Golden(rows, new Dictionary<string, float[]> { [TensorNames.X] = x, [TensorNames.ZMean] = z });
        });
        ModelManifest manifest = new()
        {
            Name = Name,
            Kind = ModelManifest.EncoderOnly,
            XShape = [X],
            ZSize = Z,
            Likelihood = null,
            LogVarFloor = null,
            Preprocessing = [],
            Objective = new ModelObjective("mim", "marginal", "same_z", 1, 1),
            Dataset = new ModelDataset("drawn", new string('0', 64)),
            Seed = seed,
            Engines = new Dictionary<string, string> { ["none"] = "a closed form" },
            TrainingCommit = null,
            StageKey = null,
            MinimumOnnxRuntime = "1.13.0",
            Metrics = new Dictionary<string, double>(),
        };
        return ModelPackage.Write(folder, manifest, Graph(), null, [.. goldens], "# chaos\n\nAn affine encoder with weights drawn from a seed, for 'mim chaos'.\n");
    }

    /// <summary>onnx.proto's ModelProto with one Gemm; the numbers are its field numbers.</summary>
    byte[] Graph()
    {
        var node = Message(Text(1, TensorNames.X), Text(1, "W"), Text(1, "b"), Text(2, TensorNames.ZMean), Text(3, "affine"), Text(4, "Gemm"));
        var graph = Message(
            Bytes(1, node), Text(2, "encoder"), Bytes(5, Tensor("W", _weights, X, Z)), Bytes(5, Tensor("b", _bias, Z)), Bytes(11, Value(TensorNames.X, X)),
            Bytes(12, Value(TensorNames.ZMean, Z)));
        return Message(Number(1, IrVersion), Text(2, "mim"), Bytes(7, graph), Bytes(8, Message(Text(1, ""), Number(2, Opset))));
    }

    static byte[] Tensor(string name, float[] values, params int[] shape)
    {
        var raw = new byte[values.Length * sizeof(float)];
        for (var i = 0; i < values.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(raw.AsSpan(i * sizeof(float)), values[i]);
        }
        return Message([.. shape.Select(size => Number(1, size)), Number(2, Float), Text(8, name), Bytes(9, raw)]);
    }

    static byte[] Value(string name, int width) =>
        Message(Text(1, name), Bytes(2, Bytes(1, Message(Number(1, Float), Bytes(2, Message(Bytes(1, Text(2, "batch")), Bytes(1, Number(1, width))))))));

    static byte[] Message(params byte[][] fields) => [.. fields.SelectMany(field => field)];

    static byte[] Number(int field, int value) => [.. Varint(field << 3), .. Varint(value)];

    static byte[] Text(int field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

    static byte[] Bytes(int field, byte[] bytes) => [.. Varint((field << 3) | 2), .. Varint(bytes.Length), .. bytes];

    static byte[] Varint(int value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }
        return [.. bytes, (byte)value];
    }
}
