using System.Runtime.InteropServices;
using Mim.Training;

namespace Mim.Tests.Export;

public sealed class OnnxWriterTests
{
    static readonly Dictionary<string, string> s_metadata = new() { ["ai.mim.b"] = "2", ["ai.mim.a"] = "α" };

    [Fact]
    public void What_is_written_reads_back_field_by_field()
    {
        var model = new ProtoMessage(Graph().ToBytes(s_metadata));

        Assert.Equal(8, model.Number(1));
        Assert.Equal("mim", model.String(2));
        Assert.Equal(17, model.Message(8).Number(2));
        Assert.Equal([("ai.mim.a", "α"), ("ai.mim.b", "2")], model.Messages(14).Select(m => (m.String(1), m.String(2))));

        var graph = model.Message(7);
        Assert.Equal("test", graph.String(2));
        Assert.Equal(("x", "batch", 3L), Value(graph.Message(11)));
        Assert.Equal(("y", "batch", 2L), Value(graph.Message(12)));

        var initializers = graph.Messages(5).ToArray();
        Assert.Equal(["w", "axes"], initializers.Select(t => t.String(8)));
        Assert.Equal([2, 3], initializers[0].Numbers(1));
        Assert.Equal(1, initializers[0].Number(2));
        Assert.Equal([1, 2, 3, 4, 5, -6.5f], MemoryMarshal.Cast<byte, float>(initializers[0].Bytes(9)).ToArray());
        Assert.Equal(7, initializers[1].Number(2));
        Assert.Equal([-1L], MemoryMarshal.Cast<byte, long>(initializers[1].Bytes(9)).ToArray());

        var node = graph.Message(1);
        Assert.Equal(["x", "w"], node.Strings(1));
        Assert.Equal("y", node.String(2));
        Assert.Equal("Gemm", node.String(4));
        var attributes = node.Messages(5).ToDictionary(a => a.String(1));
        Assert.Equal((1, 0.5f), (attributes["alpha"].Number(20), attributes["alpha"].Float(2)));
        Assert.Equal((2, -1), (attributes["transB"].Number(20), attributes["transB"].Number(3)));
        Assert.Equal((3, "tanh"), (attributes["approximate"].Number(20), attributes["approximate"].String(4)));
        Assert.Equal(7, attributes["pads"].Number(20));
        Assert.Equal([1, -2, 300], attributes["pads"].Numbers(8));
    }

    [Fact]
    public void The_same_calls_give_the_same_bytes_whatever_the_order_of_the_metadata() =>
        Assert.Equal(Graph().ToBytes(s_metadata), Graph().ToBytes(s_metadata.Reverse().ToDictionary()));

    [Fact]
    public void A_name_defined_twice_and_an_output_nobody_computes_are_refused()
    {
        var writer = Graph();
        Assert.Throws<ArgumentException>(() => writer.Node("Relu", "y", ["x"]));
        Assert.Throws<ArgumentException>(() => writer.Output("z", 2));
    }

    static OnnxWriter Graph()
    {
        var writer = new OnnxWriter("test");
        writer.Input("x", 3);
        writer.Initializer("w", [1, 2, 3, 4, 5, -6.5f], 2, 3);
        writer.Initializer("axes", [-1L], 1);
        writer.Node("Gemm", "y", ["x", "w"],
            ("alpha", 0.5f), ("transB", -1L), ("approximate", "tanh"), ("pads", new long[] { 1, -2, 300 }));
        writer.Output("y", 2);
        return writer;
    }

    static (string Name, string Batch, long Width) Value(ProtoMessage value)
    {
        var tensor = value.Message(2).Message(1);
        Assert.Equal(1, tensor.Number(1));
        var dims = tensor.Message(2).Messages(1).ToArray();
        return (value.String(1), dims[0].String(2), dims[1].Number(1));
    }
}
