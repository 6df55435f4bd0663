using Mim.Models;
using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Export;

public sealed class OnnxModulesTests
{
    static readonly Dictionary<string, (Func<nn.Module<Tensor, Tensor>> Create, long[] Row)> s_modules = new()
    {
        ["linear"] = (() => nn.Linear(5, 3), [5]),
        ["linear without bias"] = (() => nn.Linear(5, 3, hasBias: false), [5]),
        ["tanh"] = (() => nn.Tanh(), [6]),
        ["relu"] = (() => nn.ReLU(), [6]),
        ["silu"] = (() => nn.SiLU(), [6]),
        ["gelu"] = (() => nn.GELU(), [6]),
        ["elu"] = (() => nn.ELU(0.7), [6]),
        ["leaky relu"] = (() => nn.LeakyReLU(0.2), [6]),
        ["sigmoid"] = (() => nn.Sigmoid(), [6]),
        ["softplus"] = (() => nn.Softplus(), [6]),
        ["softplus with beta"] = (() => nn.Softplus(2.5), [6]),
        ["hardtanh"] = (() => nn.Hardtanh(-6, 2), [6]),
        ["identity"] = (() => nn.Identity(), [6]),
        ["dropout"] = (() => nn.Dropout(0.5), [6]),
        ["flatten"] = (() => nn.Flatten(), [2, 3, 4]),
        ["layer norm"] = (() => nn.LayerNorm([6]), [6]),
        ["batch norm"] = (BatchNorm, [6]),
        ["conv"] = (() => nn.Conv2d(2, 4, 3, stride: 2, padding: 1), [2, 7, 8]),
        ["transposed conv"] = (() => nn.ConvTranspose2d(4, 2, 3, stride: 2, padding: 1, output_padding: 1), [4, 3, 4]),
        ["sequence"] = (() => nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Sequential(nn.Linear(4, 3), nn.SiLU()), nn.Dropout(0.1)), [5]),
        ["image to code"] = (() => nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 4 * 4, 2)), [1, 6, 6]),
    };

    public static TheoryData<string> Names => [.. s_modules.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_module_computes_the_same_in_both_engines(string name)
    {
        var (create, row) = s_modules[name];
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = create();
        module.eval();
        var model = Export(module, row, out var resultRow);
        foreach (var n in Golden.RowCounts)
        {
            using var noise = new Generator((ulong)n);
            var x = randn([n, .. row], generator: noise);
            x.view(-1)[0] = 100; // saturated at both ends
            x.view(-1)[1] = -100;
            var expected = module.call(x);
            Assert.Equal([n, .. resultRow], expected.shape);
            var actual = OrtRun.Single(model, "x", x, "y");
            // float32, sums of at most 54 terms, values up to 100.
            var parity = Parity.Compare(actual, expected.data<float>().ToArray(), Parity.EngineTolerance, Parity.EngineTolerance);
            Assert.True(parity.Passed, $"n = {n}: {parity}");
        }
    }

    [Fact]
    public void An_unknown_module_is_named_by_its_path()
    {
        using var module = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh(), new Squash()));
        var e = Assert.Throws<UsageException>(() => Export(module, [4], out var _));
        Assert.StartsWith("net.1.1: Squash has no ONNX form", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_that_no_node_uses_is_an_error()
    {
        using var used = nn.Linear(2, 2);
        using var unused = nn.Sequential(used, nn.Linear(2, 2));
        var modules = new OnnxModules(new OnnxWriter("test"));
        modules.Apply(used, new OnnxValue("x", [2]), "net.0");
        var e = Assert.Throws<UsageException>(() => modules.RequireComplete(unused, "net"));
        Assert.StartsWith("net.1.weight", e.Message, StringComparison.Ordinal);
    }

    static byte[] Export(nn.Module<Tensor, Tensor> module, long[] row, out IReadOnlyList<long> resultRow)
    {
        var writer = new OnnxWriter("test");
        var modules = new OnnxModules(writer);
        var y = modules.Apply(module, new OnnxValue(writer.Input("x", row), row), "net", "y");
        resultRow = y.RowShape;
        writer.Output(y.Name, [.. y.RowShape]);
        modules.RequireComplete(module, "net");
        return writer.ToBytes(new Dictionary<string, string>());
    }

    static nn.Module<Tensor, Tensor> BatchNorm()
    {
        var norm = nn.BatchNorm1d(6);
        using var noise = new Generator(3);
        norm.forward(randn([50, 6], generator: noise) * 3 + 1); // moves the running statistics
        return norm;
    }

    sealed class Squash() : nn.Module<Tensor, Tensor>("Squash")
    {
        public override Tensor forward(Tensor input) => input / (1 + input.abs());
    }
}
