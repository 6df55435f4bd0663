using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace Mim.Tests.Contract;

/// <summary>Builds ONNX files, valid and not: every part can be replaced, and nothing is checked. Field numbers are those of onnx.proto3.</summary>
sealed class OnnxModelBuilder
{
    public long IrVersion { get; set; } = 8;
    public string Producer { get; set; } = "test";
    public List<Message> OperatorSets { get; } = [new Message().Varint(2, 17)];
    public List<Message> Nodes { get; } = [];
    public List<Message> Initializers { get; } = [];
    public List<Message> Inputs { get; } = [];
    public List<Message> Outputs { get; } = [];
    public List<(string Key, string Value)> Metadata { get; } = [];
    public Message ExtraInGraph { get; } = new();
    public Message ExtraInModel { get; } = new();
    public string GraphName { get; set; } = "graph";

    /// <summary>x [batch, 3], standardised, to z_mean and z_log_var [batch, 2].</summary>
    public static OnnxModelBuilder Encoder(float weight = 0.5f)
    {
        var model = new OnnxModelBuilder();
        model.Inputs.Add(Port("x", 3));
        model.Outputs.AddRange([Port("z_mean", 2), Port("z_log_var", 2)]);
        model.Initializers.AddRange(
        [
            Tensor("mean", [1, 2, 3], 3), Tensor("deviation", [1, 2, 4], 3),
            Tensor("w", [weight, -1, 0.25f, 2, 1, -0.5f], 2, 3), Tensor("b", [0.1f, 0.2f], 2),
        ]);
        model.Nodes.AddRange(
        [
            Node("Sub", ["x", "mean"], "centred"), Node("Div", ["centred", "deviation"], "standardised"),
            Node("Gemm", ["standardised", "w", "b"], "z_mean", Integer("transB", 1)), Node("Tanh", ["z_mean"], "z_log_var"),
        ]);
        return model;
    }

    /// <summary>z [batch, 2] to x_mean and x_log_var [batch, 3].</summary>
    public static OnnxModelBuilder Decoder()
    {
        var model = new OnnxModelBuilder();
        model.Inputs.Add(Port("z", 2));
        model.Outputs.AddRange([Port("x_mean", 3), Port("x_log_var", 3)]);
        model.Initializers.Add(Tensor("w", [1, 0, 0, 1, 0.5f, 0.5f], 3, 2));
        model.Nodes.AddRange([Node("Gemm", ["z", "w"], "x_mean", Integer("transB", 1)), Node("Neg", ["x_mean"], "x_log_var")]);
        return model;
    }

    public byte[] ToBytes()
    {
        var graph = new Message();
        Nodes.ForEach(node => graph.Nested(1, node));
        graph.String(2, GraphName);
        Initializers.ForEach(tensor => graph.Nested(5, tensor));
        Inputs.ForEach(port => graph.Nested(11, port));
        Outputs.ForEach(port => graph.Nested(12, port));
        graph.Append(ExtraInGraph);
        var model = new Message().Varint(1, IrVersion).String(2, Producer).Nested(7, graph);
        OperatorSets.ForEach(set => model.Nested(8, set));
        Metadata.ForEach(pair => model.Nested(14, Pair(pair.Key, pair.Value)));
        return model.Append(ExtraInModel).ToArray();
    }

    public static Message Port(string name, params long[] rowShape) => Port(name, 1, [Symbol("batch"), .. rowShape.Select(Size)]);

    public static Message Port(string name, int type, Message[] dimensions)
    {
        var shape = new Message();
        Array.ForEach(dimensions, dimension => shape.Nested(1, dimension));
        return new Message().String(1, name).Nested(2, new Message().Nested(1, new Message().Varint(1, type).Nested(2, shape)));
    }

    public static Message Size(long size) => new Message().Varint(1, size);
    public static Message Symbol(string symbol) => new Message().String(2, symbol);

    public static Message Tensor(string name, float[] data, params long[] shape) => TensorHead(name, 1, shape).Bytes(9, MemoryMarshal.AsBytes(data.AsSpan()));

    public static Message TensorHead(string name, int type, params long[] shape)
    {
        var tensor = new Message();
        Array.ForEach(shape, size => tensor.Varint(1, size));
        return tensor.Varint(2, type).String(8, name);
    }

    public static Message External(string name, string location, string? offset, string? length, params long[] shape)
    {
        var tensor = TensorHead(name, 1, shape).Nested(13, Pair("location", location));
        if (offset is not null)
        {
            tensor.Nested(13, Pair("offset", offset));
        }
        if (length is not null)
        {
            tensor.Nested(13, Pair("length", length));
        }
        return tensor.Varint(14, 1);
    }

    public static Message Node(string op, string[] inputs, string output, params Message[] attributes)
    {
        var node = new Message();
        Array.ForEach(inputs, input => node.String(1, input));
        node.String(2, output).String(3, output).String(4, op);
        Array.ForEach(attributes, attribute => node.Nested(5, attribute));
        return node;
    }

    public static Message Integer(string name, long value) => new Message().String(1, name).Varint(3, value).Varint(20, 2);

    public static Message Integers(string name, params long[] values)
    {
        var attribute = new Message().String(1, name);
        Array.ForEach(values, value => attribute.Varint(8, value));
        return attribute.Varint(20, 7);
    }

    public static Message Pair(string key, string value) => new Message().String(1, key).String(2, value);

    /// <summary>A protobuf message in the making.</summary>
    public sealed class Message
    {
        readonly ArrayBufferWriter<byte> _bytes = new();

        public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

        public Message Varint(int field, long value) => Tag(field, 0).Raw((ulong)value);
        public Message String(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));
        public Message Nested(int field, Message value) => Bytes(field, value._bytes.WrittenSpan);

        public Message Bytes(int field, ReadOnlySpan<byte> value)
        {
            Tag(field, 2).Raw((ulong)value.Length);
            _bytes.Write(value);
            return this;
        }

        public Message Tag(int field, int wireType) => Raw(((ulong)(uint)field << 3) | (uint)wireType);

        public Message Append(Message other) => Verbatim(other._bytes.WrittenSpan);

        public Message Verbatim(ReadOnlySpan<byte> bytes)
        {
            _bytes.Write(bytes);
            return this;
        }

        public Message Raw(ulong value)
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
