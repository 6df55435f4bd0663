using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class SpaceIdTests
{
    static readonly IReadOnlyList<PreprocessingStep> s_preprocessing = SamplePackage.Manifest.Preprocessing;

    [Fact]
    public void Descriptions_do_not_change_the_space()
    {
        var described = OnnxModelBuilder.Encoder();
        described.GraphName = "another";
        described.Producer = "somebody else";
        described.Metadata.Add(("ai.mim.date", "2026-01-01"));
        described.ExtraInGraph.String(10, "documentation");
        described.Nodes[3] = new OnnxModelBuilder.Message().String(1, "z_mean").String(2, "z_log_var").String(3, "another name").String(4, "Tanh").String(6, "documentation");
        Assert.Equal(Id(OnnxModelBuilder.Encoder()), Id(described));
    }

    [Fact]
    public void Every_bit_of_every_weight_changes_the_space()
    {
        var valid = OnnxModelBuilder.Encoder().ToBytes();
        HashSet<string> ids = [SpaceId.Compute(valid, s_preprocessing)];
        // Mean, deviation, w, b: each is found by its bytes.
        float[][] weights = [[1, 2, 3], [1, 2, 4], [0.5f, -1, 0.25f, 2, 1, -0.5f], [0.1f, 0.2f]];
        var bits = 0;
        foreach (var weight in weights)
        {
            var data = System.Runtime.InteropServices.MemoryMarshal.AsBytes(weight.AsSpan());
            var at = valid.AsSpan().IndexOf(data);
            for (var bit = 0; bit < data.Length * 8; bit++, bits++)
            {
                var flipped = (byte[])valid.Clone();
                flipped[at + bit / 8] ^= (byte)(1 << (bit % 8));
                ids.Add(SpaceId.Compute(flipped, s_preprocessing));
            }
        }
        Assert.Equal(14 * 32, bits);
        Assert.Equal(bits + 1, ids.Count);
    }

    [Fact]
    public void The_graph_and_the_preprocessing_change_the_space()
    {
        var graph = OnnxModelBuilder.Encoder();
        graph.Nodes[3] = OnnxModelBuilder.Node("Sigmoid", ["z_mean"], "z_log_var");
        var attribute = OnnxModelBuilder.Encoder();
        attribute.Nodes[2] = OnnxModelBuilder.Node("Gemm", ["standardised", "w", "b"], "z_mean", OnnxModelBuilder.Integer("transB", 2));
        var wired = OnnxModelBuilder.Encoder();
        wired.Nodes[2] = OnnxModelBuilder.Node("Gemm", ["centred", "w", "b"], "z_mean", OnnxModelBuilder.Integer("transB", 1));
        var encoder = OnnxModelBuilder.Encoder().ToBytes();
        PreprocessingStep step = s_preprocessing[0];
        string[] ids =
        [
            Id(OnnxModelBuilder.Encoder()), Id(graph), Id(attribute), Id(wired),
            SpaceId.Compute(encoder, []),
            SpaceId.Compute(encoder, [step with { Kind = PreprocessingStep.Scale }]),
            SpaceId.Compute(encoder, [step with { A = [1, 2, MathF.BitIncrement(3)] }]),
            SpaceId.Compute(encoder, [step with { B = [1, 2, MathF.BitIncrement(4)] }]),
            // The same numbers, divided otherwise between A and B.
            SpaceId.Compute(encoder, [step with { A = [1, 2, 3, 1], B = [2, 4] }]),
            SpaceId.Compute(encoder, [step, step]),
        ];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.All(ids, id => Assert.True(Hashes.IsSha256(id)));
    }

    static string Id(OnnxModelBuilder model) => SpaceId.Compute(model.ToBytes(), s_preprocessing);
}
