using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Tests.Engines;

public sealed class OperatorTests
{
    // double against double: both are the C library's to within a few units in the last place.
    const double Exact = 1e-13;

    public static TheoryData<string, Func<Tensor, Tensor>, Func<double, double>> Elementwise { get; } = new()
    {
        { "exp", x => x.exp(), Math.Exp },
        { "expm1", x => x.expm1(), v => Math.Exp(v) - 1 },
        { "log", x => x.log(), Math.Log },
        { "log1p", x => x.log1p(), v => Math.Log(1 + v) },
        { "log2", x => x.log2(), Math.Log2 },
        { "sqrt", x => x.sqrt(), Math.Sqrt },
        { "rsqrt", x => x.rsqrt(), v => 1 / Math.Sqrt(v) },
        { "reciprocal", x => x.reciprocal(), v => 1 / v },
        { "square", x => x.square(), v => v * v },
        { "pow", x => x.pow(2.5), v => Math.Pow(v, 2.5) },
        { "neg", x => -x, v => -v },
        { "sin", x => x.sin(), Math.Sin },
        { "cos", x => x.cos(), Math.Cos },
        { "tanh", x => x.tanh(), Math.Tanh },
        { "sigmoid", x => x.sigmoid(), v => 1 / (1 + Math.Exp(-v)) },
        { "softplus", x => x.softplus(), v => Math.Log(1 + Math.Exp(v)) },
        { "logsigmoid", x => nn.functional.logsigmoid(x), v => -Math.Log(1 + Math.Exp(-v)) },
        { "silu", x => nn.functional.silu(x), v => v / (1 + Math.Exp(-v)) },
        { "elu", x => nn.functional.elu(x - 1, 1), v => v >= 1 ? v - 1 : Math.Exp(v - 1) - 1 },
        { "relu", x => (x - 1).relu(), v => Math.Max(v - 1, 0) },
        { "leaky_relu", x => nn.functional.leaky_relu(x - 1, 0.1), v => v >= 1 ? v - 1 : 0.1 * (v - 1) },
        { "floor", x => x.floor(), Math.Floor },
        { "ceil", x => x.ceil(), Math.Ceiling },
        { "round", x => x.round(), v => Math.Round(v, MidpointRounding.ToEven) },
        { "sign", x => (x - 1).sign(), v => Math.Sign(v - 1) },
        { "abs", x => (x - 1).abs(), v => Math.Abs(v - 1) },
        { "clamp", x => x.clamp(0.5, 1.5), v => Math.Clamp(v, 0.5, 1.5) },
        { "clamp_min", x => x.clamp_min(1), v => Math.Max(v, 1) },
        { "remainder", x => (x - 1) % 0.37, v => (v - 1) - (0.37 * Math.Floor((v - 1) / 0.37)) },
        { "scalar left", x => 1.0 - (2 / x), v => 1 - (2 / v) },
        { "lerp", x => x.lerp(x * 3, tensor(0.25)), v => v * 1.5 },
        { "addcmul", x => x.addcmul(x, x, 0.5), v => v + (0.5 * v * v) },
        { "addcdiv", x => x.addcdiv(x, x + 1, 0.5), v => v + (0.5 * v / (v + 1)) },
        { "where", x => where(x > 1, x, -x), v => v > 1 ? v : -v },
        { "masked_fill", x => x.masked_fill(x > 1, 7), v => v > 1 ? 7 : v },
        { "comparison", x => (x >= 1).to(float64) + (x < 2).to(float64), v => (v >= 1 ? 1 : 0) + (v < 2 ? 1 : 0) },
        { "in place", x => x.clone().mul_(3).add_(1).sub_(0.5).div_(2), v => ((3 * v) + 0.5) / 2 },
    };

    // Two-sided differences of step h in double precision err by h² times the third derivative and ε/h.
    public static TheoryData<string, Func<Tensor, Tensor>> Differentiable { get; } = new()
    {
        { "exp·log", x => (x.exp() * x.log()).sum() },
        { "tanh sigmoid softplus", x => (x.tanh() + x.sigmoid().square() - x.softplus()).sum() },
        { "logsumexp", x => x.logsumexp(1).sum() },
        { "log_softmax", x => (x.log_softmax(1) * x).sum() },
        { "var mean", x => x.var(1).sum() * x.mean() },
        { "norm", x => x.norm() },
        { "matmul", x => x.matmul(x.t()).tanh().sum() },
        { "cdist", x => cdist(x, (x * 2) + 1).sum() },
        { "cumsum cumprod", x => (x.cumsum(1) * x.cumprod(0)).sum() },
        { "gather topk", x => x.topk(2, 1).values.sum() + x.gather(1, tensor(new long[,] { { 0, 2 }, { 1, 1 } })).square().sum() },
        { "index and slice", x => (x[.., 1..] * x[.., ..^1]).sum() + x[1, 2] },
        { "cat stack narrow", x => (cat([x, x.square()], 1).narrow(1, 1, 4) * stack([x, x], 0).sum(0L).repeat(1, 2).narrow(1, 0, 4)).sum() },
        { "eigenvalues", x => linalg.eigh(x.t().matmul(x) + eye(3, dtype: float64)).Item1.log().sum() },
        { "cholesky inverse", x => linalg.inv(linalg.cholesky(x.t().matmul(x) + eye(3, dtype: float64))).sum() },
        { "layer_norm", x => (nn.functional.layer_norm(x, [3]) * x).sum() },
        { "conv2d", x => nn.functional.conv2d(x.view(1, 1, 2, 3), x.view(1, 1, 2, 3), padding: [1, 1]).square().sum() },
        { "cross_entropy", x => nn.functional.cross_entropy(x, tensor(new long[] { 2, 0 })) },
        { "bce_with_logits", x => nn.functional.binary_cross_entropy_with_logits(x, full_like(x, 0.3), reduction: nn.Reduction.Sum) },
        { "expand squeeze transpose", x => (x.unsqueeze(0).expand(2, 2, 3).transpose(1, 2).sum([0L, 1L]) * x.sum(1)).sum() },
    };

    [Theory]
    [MemberData(nameof(Elementwise))]
    public void Elementwise_operators_agree_with_scalar_functions(string name, Func<Tensor, Tensor> op, Func<double, double> reference)
    {
        using var scope = NewDisposeScope();
        double[] values = [0.1, 0.5, 0.9, 1.1, 1.5, 2.5, 3.7];
        var actual = op(tensor(values)).data<double>().ToArray();
        for (var k = 0; k < values.Length; k++)
        {
            Assert.True(Math.Abs(actual[k] - reference(values[k])) <= Exact * Math.Max(1, Math.Abs(actual[k])), $"{name}({values[k]}) = {actual[k]}");
        }
    }

    [Theory]
    [MemberData(nameof(Differentiable))]
    public void Gradients_agree_with_finite_differences(string name, Func<Tensor, Tensor> f)
    {
        const double H = 1e-5;
        const double Tolerance = 1e-7;
        using var scope = NewDisposeScope();
        double[,] start = { { 0.3, 0.8, 1.7 }, { 1.1, 0.4, 2.2 } };
        var x = tensor(start).requires_grad_();
        f(x).backward();
        var grad = Assert.IsType<Tensor>(x.grad, exactMatch: false).data<double>();
        for (var k = 0; k < 6; k++)
        {
            var (row, column) = (k / 3, k % 3);
            double At(double shift)
            {
                var moved = (double[,])start.Clone();
                moved[row, column] += shift;
                return f(tensor(moved)).ToDouble();
            }

            var expected = (At(H) - At(-H)) / (2 * H);
            Assert.True(Math.Abs(grad[row, column] - expected) <= Tolerance * Math.Max(1, Math.Abs(expected)), $"{name}[{row},{column}]: {grad[row, column]}, expected {expected}");
        }
    }

    [Fact]
    public void Reductions_agree_with_loops()
    {
        using var scope = NewDisposeScope();
        double[,] values = { { 3, -1, 4 }, { 1, -5, 9 } };
        var x = tensor(values);
        Assert.Equal(11, x.sum().ToDouble());
        Assert.Equal([4, -6, 13], Doubles(x.sum(0L))); // a literal 0 would convert to ScalarType.Byte, in the real package too
        Assert.Equal([6, 5], Doubles(x.sum(1, keepdim: true).squeeze(1)));
        Assert.Equal(11.0 / 6, x.mean().ToDouble(), 15);
        Assert.Equal([2, -3, 6.5], Doubles(x.mean([0L])));
        Assert.Equal([7, 148.0 / 3], Doubles(x.var(1)), Close);
        Assert.Equal([14.0 / 3, 296.0 / 9], Doubles(x.var(1, unbiased: false)), Close);
        Assert.Equal([Math.Sqrt(7), Math.Sqrt(148.0 / 3)], Doubles(x.std(1)), Close);
        var (largest, at) = x.max(1);
        Assert.Equal([4, 9], Doubles(largest));
        Assert.Equal([2, 2], at.data<long>().ToArray());
        Assert.Equal([1, 1], x.argmin(1).data<long>().ToArray());
        Assert.Equal([-12, 45 * -1], Doubles(x.prod(1)));
        Assert.Equal([3, 2, 6], Doubles(x[0].cumsum(0)));
        Assert.Equal(Math.Log(Math.Exp(3) + Math.Exp(-1) + Math.Exp(4)), x.logsumexp(1)[0].ToDouble(), 12);
        Assert.Equal(Math.Sqrt(9 + 1 + 16), x.norm(1)[0].ToDouble(), 12);
        Assert.True(x.gt(8).any().ToBoolean());
        Assert.False(x.gt(8).all().ToBoolean());
        Assert.Equal([-1, 1, 3, 4], Doubles(cat([x[0], tensor(new[] { 1.0 })]).sort().Item1));
        Assert.Equal([1, 0, 2], x[0].argsort().data<long>().ToArray());
        Assert.Equal([4, 3], Doubles(x[0].topk(2).values));
        Assert.Equal(3, x[0].median().ToDouble());
        Assert.Equal(3, x[0].quantile(tensor(0.5)).ToDouble());
        Assert.Equal([2, 2, 2], x.count_nonzero([0L]).data<long>().ToArray());
    }

    [Fact]
    public void Linear_algebra_agrees_with_its_definitions()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var a = randn([4, 4], float64, generator: generator);
        var spd = a.matmul(a.t()) + eye(4, dtype: float64);
        var identity = eye(4, dtype: float64);
        var (values, vectors) = linalg.eigh(spd);
        Near(spd, vectors.matmul(values.diag()).matmul(vectors.t()));
        var (u, s, vt) = linalg.svd(a);
        Near(a, u.matmul(s.diag()).matmul(vt));
        Near(identity, linalg.inv(spd).matmul(spd));
        Near(spd, linalg.cholesky(spd).matmul(linalg.cholesky(spd).t()));
        Near(a, spd.matmul(linalg.solve(spd, a)));
        Near(a.matmul(spd), einsum("ij,jk->ik", a, spd));
        Near(a.matmul(spd), a.mm(spd));
        Near(stack([a, spd]).matmul(spd), stack([a, spd]).bmm(stack([spd, spd])));
        Near(spd + (2 * a.mm(a)), spd.addmm(a, a, 1, 2));
        Near(a.square().sum().sqrt(), linalg.norm(a));
        Near((a.unsqueeze(1) - spd.unsqueeze(0)).square().sum(2).sqrt(), cdist(a, spd));

        // Condition numbers here stay below 100: a few hundred ulps of double.
        static void Near(Tensor expected, Tensor actual) => Assert.True((expected - actual).abs().max().ToDouble() < 1e-11);
    }

    [Fact]
    public void Scatter_gather_and_counts_agree_with_loops()
    {
        using var scope = NewDisposeScope();
        var index = tensor(new long[] { 2, 0, 2, 1 });
        Assert.Equal([20, 40, 40], Doubles(zeros([3], float64).scatter_add_(0, index, tensor(new[] { 10.0, 20, 30, 40 }))));
        Assert.Equal([20, 40, 40], Doubles(zeros([3], float64).index_add(0, index, tensor(new[] { 10.0, 20, 30, 40 }), 1)));
        Assert.Equal([1, 1, 2], bincount(index).data<long>().ToArray());
        Assert.Equal([3, 1, 3, 2], Doubles(tensor(new[] { 1.0, 2, 3 }).index_select(0, index)));
        Assert.Equal([0, 2], index.eq(2).nonzero().squeeze(1).data<long>().ToArray());
        var onehot = zeros([4, 3], float32).scatter_(1, index.unsqueeze(1), ones([4, 1]));
        Assert.True(onehot.Equals(nn.functional.one_hot(index, 3).to(float32)));
        Assert.Equal([1, 2, 0, 4], Doubles(tensor(new double[,] { { 1, 2 }, { 3, 4 } }).triu().flatten()));
    }

    [Fact]
    public void Shapes_and_splits_agree_with_row_major_order()
    {
        using var scope = NewDisposeScope();
        var x = arange(24, dtype: float64).view(2, 3, 4);
        Assert.Equal([2, 3, 4], x.shape);
        Assert.Equal([12, 4, 1], x.stride());
        Assert.Equal([4, 3, 2], x.permute(2, 1, 0).shape);
        Assert.False(x.transpose(1, 2).is_contiguous());
        Assert.Equal([0, 4, 8, 1], Doubles(x.transpose(1, 2).contiguous().flatten())[..4]);
        Assert.Equal([0, 4, 8, 1], x[0].t().data<double>().ToArray()[..4]);
        Assert.Equal([6, 4], x.reshape(-1, 4).shape);
        Assert.Equal([2, 1, 3, 4], x.unsqueeze(1).shape);
        Assert.Equal([2, 3, 4], x.unsqueeze(1).squeeze().shape);
        Assert.Equal([[2, 3, 2], [2, 3, 2]], x.chunk(2, 2).Select(part => part.shape));
        Assert.Equal([[2, 3, 3], [2, 3, 1]], x.split([3, 1], 2).Select(part => part.shape));
        Assert.Equal(20, x.split(1L, 2).Concat(x.split(1L, 2)).Concat(x.split(1L, 2)).Concat(x.split(1L, 2)).Concat(x.split(1L, 2)).Count());
        Assert.Equal(24, x.flatten().unbind().Length);
        Assert.Equal([0, 0.5, 1], Doubles(linspace(0, 1, 3, float64)));
        Assert.Equal([2, 5, 8], arange(2, 10, 3).data<long>().ToArray());
        Assert.Equal(float32, arange(0.5, 2).dtype);
        Assert.Equal([3, 3], full([3, 3], 2).shape);
        Assert.Equal(int64, full([3, 3], 2).dtype);
        Assert.Equal([1, 2], Doubles(tensor(new double[,] { { 1, 2 } }).flatten()));
        Assert.Equal(uint8, tensor(new byte[] { 1 }).dtype);
        Assert.Equal(@bool, tensor(new[] { true }).dtype);
        Assert.Equal(float64, tensor(new float[] { 1 }, dtype: float64).dtype);
    }

    [Fact]
    public void Index_expressions_read_and_write_what_they_name()
    {
        using var scope = NewDisposeScope();
        var x = arange(12, dtype: float64).view(3, 4);
        Assert.Equal(6, x[1, 2].ToDouble());
        Assert.Equal(11, x[-1, -1].ToDouble());
        Assert.Equal([4, 5, 6, 7], Doubles(x[1]));
        Assert.Equal([1, 5, 9], Doubles(x[.., 1]));
        Assert.Equal([5, 6], Doubles(x[1, 1..3]));
        Assert.Equal([4, 6], Doubles(x[1, TensorIndex.Slice(null, null, 2)]));
        Assert.Equal([3, 7, 11], Doubles(x[TensorIndex.Ellipsis, ^1]));
        Assert.Equal([3, 1, 4], x[TensorIndex.Colon, TensorIndex.None].shape);
        Assert.Equal([8, 9, 10, 11, 0, 1, 2, 3], Doubles(x[tensor(new long[] { 2, 0 })].flatten()));
        Assert.Equal([10, 11], Doubles(x[x > 9]));
        Assert.Equal([8, 0], Doubles(x[TensorIndex.Tensor(tensor(new long[] { 2, 0 })), TensorIndex.Single(0)]));
        Assert.Equal([9, 5], Doubles(x[TensorIndex.Tensor(tensor(new long[] { 2, 1 })), TensorIndex.Tensor(tensor(new long[] { 1, 1 }))]));
        x[1] = tensor(0.0);
        x[.., 0] = tensor(new double[] { -1, -2, -3 });
        x[x > 9] = tensor(100.0);
        Assert.Equal([-1, 1, 2, 3, -2, 0, 0, 0, -3, 9, 100, 100], Doubles(x.flatten()));
        x[TensorIndex.Tensor(tensor(new long[] { 0, 2 })), TensorIndex.Slice(1, 3)] = tensor(7.0);
        Assert.Equal([-1, 7, 7, 3, -2, 0, 0, 0, -3, 7, 7, 100], Doubles(x.flatten()));
    }

    [Fact]
    public void Accessors_read_strided_tensors_and_write_through()
    {
        using var scope = NewDisposeScope();
        var x = arange(6, dtype: float32).view(2, 3);
        var column = x.t();
        Assert.Equal([0, 3, 1, 4, 2, 5], column.data<float>().ToArray());
        Assert.Equal(4, column.data<float>()[1, 1]);
        column.data<float>()[2, 0] = 9;
        Assert.Equal(9, x[0, 2].item<float>());
        x.data<float>().CopyFrom([1, 2, 3, 4, 5, 6]);
        Assert.Equal(21, x.sum().item<float>());
        Assert.Equal(new float[,] { { 1, 2, 3 }, { 4, 5, 6 } }, x.data<float>().ToNDArray());
        Assert.Throws<ArgumentException>(() => x.data<double>());
        Assert.Throws<ArgumentException>(() => x.item<float>());
        Assert.Equal(24, x.bytes.Length);
    }

    [Fact]
    public void Elements_that_are_not_on_the_CPU_cannot_be_read()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<InvalidOperationException>(() => zeros(2, device: META).data<float>());
    }

    [StandInFact]
    public void A_native_error_carries_the_message_of_libtorch()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => zeros(2, 3).matmul(zeros(2, 3)));
        Assert.Contains("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            "does not require grad", Assert.Throws<System.Runtime.InteropServices.ExternalException>(() => ones(1).backward()).Message, StringComparison.Ordinal);
        var disposed = ones(1);
        disposed.Dispose();
        Assert.Contains("empty handle", Assert.Throws<InvalidOperationException>(() => disposed.exp()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Autograd_honours_modes_and_named_inputs()
    {
        using var scope = NewDisposeScope();
        var x = tensor(3.0).requires_grad_();
        using (no_grad())
        {
            Assert.False((x * x).requires_grad);
        }

        using (inference_mode())
        {
            Assert.True(is_inference_mode_enabled());
            Assert.False((x * x).requires_grad);
        }

        Assert.True(is_grad_enabled());
        var y = x * x;
        Assert.False(y.is_leaf);
        var first = autograd.grad([y], [x], create_graph: true)[0];
        Assert.Equal(6, first.ToDouble());
        Assert.Equal(2, autograd.grad([first], [x])[0].ToDouble());
        Assert.Null(x.grad);
        (x * x * x).backward();
        Assert.Equal(27, x.grad?.ToDouble());
        x.grad = null;
        Assert.Null(x.grad);
    }

    static bool Close(double a, double b) => Math.Abs(a - b) <= Exact * Math.Max(1, Math.Abs(b));

    static double[] Doubles(Tensor tensor) => tensor.data<double>().ToArray();
}
