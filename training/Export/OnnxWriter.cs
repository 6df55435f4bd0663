using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// Writes the subset of ONNX this project emits: float32 and int64 initializers, float32 inputs and outputs whose first dimension is the
/// symbolic batch, nodes of the default domain. Field numbers are those of onnx.proto3 at IR version 8. The same calls give the same bytes.
/// </summary>
public sealed class OnnxWriter(string graphName)
{
    public const int IrVersion = 8;
    public const int Opset = 17;

    /// <summary>
    /// A protobuf message ends at 2 GiB, and engines copy it. Beyond this, weights belong into a file of their own, which this writer does
    /// not make.
    /// </summary>
    const long MaxWeightBytes = 1L << 30;

    const string Producer = "mim";
    const int TypeFloat = 1;
    const int TypeInt64 = 7;

    readonly Message _graph = new Message().String(2, graphName);
    readonly HashSet<string> _names = new(StringComparer.Ordinal);
    long _weightBytes;

    /// <summary>Declares an input of shape [batch, ..<paramref name="rowShape"/>].</summary>
    public string Input(string name, params ReadOnlySpan<long> rowShape)
    {
        Define(name);
        _graph.Nested(11, ValueInfo(name, rowShape));
        return name;
    }

    /// <summary>Declares a value already computed as an output of shape [batch, ..<paramref name="rowShape"/>].</summary>
    public void Output(string name, params ReadOnlySpan<long> rowShape)
    {
        if (!_names.Contains(name))
        {
            throw new ArgumentException($"Output '{name}' is computed by no node of the graph.", nameof(name));
        }
        _graph.Nested(12, ValueInfo(name, rowShape));
    }

    public string Initializer(string name, ReadOnlySpan<float> data, params ReadOnlySpan<long> shape) =>
        Initializer(name, TypeFloat, MemoryMarshal.AsBytes(data), shape);

    public string Initializer(string name, ReadOnlySpan<long> data, params ReadOnlySpan<long> shape) =>
        Initializer(name, TypeInt64, MemoryMarshal.AsBytes(data), shape);

    /// <summary>Adds a node with one output and returns that output's name, so calls nest like the expression they build.</summary>
    /// <remarks>An attribute is a long, a float, a string or a long[].</remarks>
    public string Node(string op, string output, ReadOnlySpan<string> inputs, params ReadOnlySpan<(string Name, object Value)> attributes)
    {
        Define(output);
        var node = new Message();
        foreach (var input in inputs)
        {
            node.String(1, input);
        }
        node.String(2, output).String(3, output).String(4, op);
        foreach (var (name, value) in attributes)
        {
            node.Nested(5, Attribute(name, value));
        }
        _graph.Nested(1, node);
        return output;
    }

    /// <summary>The serialised model; metadata keys are written in ordinal order.</summary>
    public byte[] ToBytes(IReadOnlyDictionary<string, string> metadata)
    {
        var model = new Message().Varint(1, IrVersion).String(2, Producer).Nested(7, _graph).Nested(8, new Message().Varint(2, Opset));
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            model.Nested(14, new Message().String(1, key).String(2, value));
        }
        return model.Written.ToArray();
    }

    string Initializer(string name, int type, ReadOnlySpan<byte> data, ReadOnlySpan<long> shape)
    {
        Define(name);
        _weightBytes += data.Length;
        if (_weightBytes > MaxWeightBytes)
        {
            throw new UsageException(
                $"{name}: expected at most {MaxWeightBytes >> 20} MiB of weights in one graph, found more. Train a narrower network.");
        }
        var tensor = new Message();
        foreach (var dim in shape)
        {
            tensor.Varint(1, dim);
        }
        _graph.Nested(5, tensor.Varint(2, type).String(8, name).Bytes(9, data));
        return name;
    }

    void Define(string name)
    {
        if (!_names.Add(name))
        {
            throw new ArgumentException($"Graph value '{name}' is defined twice.", nameof(name));
        }
    }

    static Message Attribute(string name, object value)
    {
        var message = new Message().String(1, name);
        switch (value)
        {
            case float single:
                return message.Float(2, single).Varint(20, 1);
            case long integer:
                return message.Varint(3, integer).Varint(20, 2);
            case string text:
                return message.String(4, text).Varint(20, 3);
            case long[] integers:
                foreach (var integer in integers)
                {
                    message.Varint(8, integer);
                }
                return message.Varint(20, 7);
            default:
                throw new ArgumentException(
                    $"Attribute '{name}': expected long, float, string or long[], found {value.GetType().Name}.", nameof(value));
        }
    }

    static Message ValueInfo(string name, ReadOnlySpan<long> rowShape)
    {
        var shape = new Message().Nested(1, new Message().String(2, TensorNames.Batch));
        foreach (var dim in rowShape)
        {
            shape.Nested(1, new Message().Varint(1, dim));
        }
        return new Message().String(1, name).Nested(2, new Message().Nested(1, new Message().Varint(1, TypeFloat).Nested(2, shape)));
    }

    /// <summary>
    /// A protobuf message: varint (wire type 0), length-delimited (2) and fixed 32-bit (5) fields are all ONNX needs here.
    /// </summary>
    sealed class Message
    {
        readonly ArrayBufferWriter<byte> _bytes = new();

        public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

        public Message Varint(int field, long value) => Tag(field, 0).Raw((ulong)value);
        public Message String(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));
        public Message Nested(int field, Message value) => Bytes(field, value.Written);

        public Message Bytes(int field, ReadOnlySpan<byte> value)
        {
            Tag(field, 2).Raw((ulong)value.Length);
            _bytes.Write(value);
            return this;
        }

        public Message Float(int field, float value)
        {
            Tag(field, 5);
            BinaryPrimitives.WriteSingleLittleEndian(_bytes.GetSpan(sizeof(float)), value);
            _bytes.Advance(sizeof(float));
            return this;
        }

        Message Tag(int field, int wireType) => Raw((ulong)(field << 3 | wireType));

        Message Raw(ulong value)
        {
            for (; value >= 0x80; value >>= 7)
            {
                _bytes.Write([(byte)(value | 0x80)]);
            }
            _bytes.Write([(byte)value]);
            return this;
        }
    }
}
