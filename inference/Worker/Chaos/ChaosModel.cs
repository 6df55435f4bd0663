using System.Buffers.Binary;
using System.Text;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// The encoder that chaos works with: z_mean = xW + b, so that every stored code can be judged by a closed form; and a value of x at which the engine
/// throws. Written as the contract has it, and verified by each worker like any other package.
/// </summary>
public sealed class ChaosModel
{
    public const string Name = "chaos";
    public const int X = 20;
    public const int Z = 8;

    /// <summary>Where x has this value, the graph looks behind the end of a table: ONNX Runtime fails the run, and with it the rest of the batch.</summary>
    public const float Trap = 8;

    const int Opset = 17;
    const int IrVersion = 8;

    // TensorProto's types, and AttributeProto's.
    const int Float = 1;
    const int Int64 = 7;
    const int IntAttribute = 2;

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

    /// <summary>onnx.proto's ModelProto; the numbers are its field numbers. The table has one entry, 0, which is added to x.</summary>
    byte[] Graph()
    {
        var toInt64 = Bytes(5, Message(Text(1, "to"), Number(3, Int64), Number(20, IntAttribute)));
        var graph = Message(
            Node("Equal", "trapped", [TensorNames.X, "trap"]), Node("Cast", "index", ["trapped"], toInt64), Node("Gather", "zero", ["table", "index"]),
            Node("Add", "sound", [TensorNames.X, "zero"]), Node("Gemm", TensorNames.ZMean, ["sound", "W", "b"]),
            Text(2, "encoder"), Bytes(5, Tensor("trap", [Trap], 1)), Bytes(5, Tensor("table", [0], 1)), Bytes(5, Tensor("W", _weights, X, Z)), Bytes(5, Tensor("b", _bias, Z)),
            Bytes(11, Value(TensorNames.X, X)), Bytes(12, Value(TensorNames.ZMean, Z)));
        return Message(Number(1, IrVersion), Text(2, "mim"), Bytes(7, graph), Bytes(8, Message(Text(1, ""), Number(2, Opset))));
    }

    static byte[] Node(string type, string output, string[] inputs, params byte[][] attributes) => Bytes(
        1, Message([.. inputs.Select(input => Text(1, input)), Text(2, output), Text(3, output), Text(4, type), .. attributes]));

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
