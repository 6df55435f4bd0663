using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Engines;

// Goldens are PyTorch 1.13's, each by the lines of Python beside it (after `import torch; torch.manual_seed(1)`).
[Collection(nameof(GlobalGenerator))]
public sealed class ModuleTests
{
    // Printed with nine significant digits: the very floats.
    const double Printed = 1e-8;

    [StandInFact]
    public void The_global_generator_draws_as_PyTorch()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        Same([0.661352158, 0.266924113, 0.0616772585, 0.621317327, -0.451905966, -0.16613023], randn(6)); // torch.randn(6)
        manual_seed(1);
        Same([0.7576316, 0.279310882, 0.403069258, 0.734684467], rand(4)); // torch.rand(4), then the four below, in this order
        Assert.Equal([63, 13, 91, 41], randint(0, 100, [4]).data<long>().ToArray()); // torch.randint(0, 100, (4,))
        Assert.Equal([5, 3, 2, 1, 4, 0], randperm(6).data<long>().ToArray()); // torch.randperm(6)
        Same([-1.99834108, 3.54839754], normal(2, 3, [2])); // torch.normal(2.0, 3.0, (2,))
        Same([1, 0, 0, 1, 1, 1], bernoulli(full([6], 0.5))); // torch.bernoulli(torch.full((6,), .5))
    }

    [StandInFact]
    public void Layers_start_from_the_numbers_of_PyTorch()
    {
        using var scope = NewDisposeScope();
        manual_seed(1); // torch.nn.Linear(3, 2)
        var linear = nn.Linear(3, 2);
        Same([0.297487348, -0.254829824, -0.111925982, 0.270990282, -0.543538809, 0.346246928], linear.weight);
        Same([-0.118775561, 0.293723404], linear.bias);
        manual_seed(1); // torch.nn.Conv2d(1, 1, 2)
        var convolution = nn.Conv2d(1, 1, 2);
        Same([0.2576316, -0.220689118, -0.0969307423, 0.234684467], convolution.weight);
        Same([-0.470718443], convolution.bias);
        manual_seed(1); // torch.nn.ConvTranspose2d(2, 1, 2)
        var transposed = nn.ConvTranspose2d(2, 1, 2);
        Same([0.2576316, -0.220689118, -0.0969307423, 0.234684467, -0.470718443, 0.29985863, -0.102862656, 0.254371941], transposed.weight);
        Same([0.0695084929], transposed.bias);
        manual_seed(1); // torch.nn.Embedding(2, 2)
        Same([0.661352158, 0.266924113, 0.0616772585, 0.621317327], nn.Embedding(2, 2).weight);
    }

    [Fact]
    public void Fields_are_the_keys_of_the_state_dictionary()
    {
        using var model = new Pair();
        Assert.Equal(["scale", "first.weight", "first.bias", "second.0.weight", "second.2.weight", "second.2.bias", "offset"], model.state_dict().Keys);
        Assert.Equal(["first", "second", "second.0", "second.1", "second.2"], model.named_modules().Select(entry => entry.name));
        Assert.Equal(6, model.parameters().Count());
        Assert.Equal(["offset"], model.named_buffers().Select(entry => entry.name));
    }

    [Fact]
    public void A_list_names_its_modules_by_position()
    {
        using var list = nn.ModuleList(nn.Linear(1, 1), nn.Linear(1, 1, hasBias: false));
        list.Insert(0, nn.Linear(2, 2));
        Assert.Equal(["0.weight", "0.bias", "1.weight", "1.bias", "2.weight"], list.state_dict().Keys);
    }

    [Fact]
    public void A_state_dictionary_makes_another_model_the_same()
    {
        using var scope = NewDisposeScope();
        using var source = new Pair();
        using var target = new Pair();
        var x = randn(5, 3);
        Assert.False(source.call(x).allclose(target.call(x)));
        target.load_state_dict(source.state_dict());
        Assert.True(source.call(x).Equals(target.call(x)));
        var incomplete = source.state_dict();
        incomplete.Remove("scale");
        incomplete["strange"] = x;
        var (missing, unexpected) = target.load_state_dict(incomplete, strict: false);
        Assert.Equal(["scale"], missing);
        Assert.Equal(["strange"], unexpected);
    }

    [StandInFact]
    public void A_state_dictionary_that_lacks_a_key_is_refused_by_its_name()
    {
        using var scope = NewDisposeScope();
        using var model = new Pair();
        var incomplete = model.state_dict();
        incomplete.Remove("scale");
        var e = Assert.Throws<InvalidOperationException>(() => model.load_state_dict(incomplete));
        Assert.Contains("scale", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Moving_a_model_to_double_keeps_keys_and_values()
    {
        using var scope = NewDisposeScope();
        using var model = new Pair();
        var x = randn(5, 3);
        var before = model.call(x);
        model.to(float64);
        Assert.All(model.parameters(), parameter => Assert.Equal(float64, parameter.dtype));
        Assert.Equal(7, model.state_dict().Count);
        Assert.True(model.call(x.to(float64)).to(float32).allclose(before, 1e-5, 1e-6));
        Assert.Equal(int64, nn.BatchNorm1d(3).to(float64).num_batches_tracked?.dtype);
    }

    [Fact]
    public void Training_mode_reaches_the_leaves()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5));
        var x = ones(64, 2);
        Assert.False(model.call(x).allclose(model.call(x)));
        model.eval();
        Assert.False(model.training);
        Assert.True(model.call(x).Equals(model.call(x)));
    }

    [Fact]
    public void Batch_norm_tracks_the_statistics_of_its_batches()
    {
        using var scope = NewDisposeScope();
        using var norm = nn.BatchNorm1d(2);
        var x = tensor(new float[,] { { 1, 10 }, { 3, 30 }, { 5, 50 } });
        var y = norm.call(x);

        // mean 0, variance n/(n-1)·(1 - ε'): float32
        Assert.True(y.mean([0L]).abs().max().ToDouble() < 1e-6);
        Assert.Equal(1, y.var(0, unbiased: false)[0].ToDouble(), 4);
        Same([0.3, 3], norm.running_mean); // 0.9·0 + 0.1·mean
        Same([0.9 + (0.1 * 4), 0.9 + (0.1 * 400)], norm.running_var); // 0.9·1 + 0.1·unbiased variance
        Assert.Equal(1, norm.num_batches_tracked?.ToInt64());
        norm.eval();
        Assert.Equal((1 - 0.3) / Math.Sqrt(1.3 + 1e-5), norm.call(x)[0, 0].ToDouble(), 5);
    }

    [Fact]
    public void Layer_norm_and_convolutions_agree_with_loops()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.LayerNorm(3);
        var row = layer.call(tensor(new float[,] { { 1, 2, 6 } })).data<float>().ToArray();
        var deviation = Math.Sqrt((4 + 1 + 9) / 3.0);
        Assert.Equal([-2 / deviation, -1 / deviation, 3 / deviation], row.Select(v => (double)v), (a, b) => Math.Abs(a - b) < 1e-5);

        using var convolution = nn.Conv2d(1, 1, 2, stride: 2, padding: 1, bias: false);
        using var mode = no_grad();
        convolution.weight.copy_(tensor(new float[] { 1, 2, 3, 4 }).view(1, 1, 2, 2));
        var image = arange(1, 5, dtype: float32).view(1, 1, 2, 2);
        Assert.Equal([4, 6, 6, 4], convolution.call(image).data<float>().ToArray()); // each corner meets one weight
        using var transposed = nn.ConvTranspose2d(1, 1, 2, stride: 2, bias: false);
        transposed.weight.copy_(convolution.weight);
        Assert.Equal([1, 2, 2, 4, 3, 4, 6, 8, 3, 6, 4, 8, 9, 12, 12, 16], transposed.call(image).data<float>().ToArray());
        Assert.Equal([1, 5, 5], transposed.forward(image.squeeze(0), [5, 5]).shape);
    }

    [Fact]
    public void Hooks_see_and_replace_inputs_and_results()
    {
        using var scope = NewDisposeScope();
        using var model = nn.Identity();
        var before = model.register_forward_pre_hook((_, x) => x + 1);
        model.register_forward_hook((_, _, y) => y * 10);
        Assert.Equal(30, model.call(tensor(2.0)).ToDouble());
        before.remove();
        Assert.Equal(20, model.call(tensor(2.0)).ToDouble());
    }

    [Fact]
    public void Initialisers_have_the_moments_they_promise()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var normal = nn.init.normal_(empty(100_000), 1, 2, generator);

        // standard errors: 2/√100000 of the mean, 2/√200000 of the deviation; four of each
        Assert.Equal(1, normal.mean().ToDouble(), 0.026);
        Assert.Equal(2, normal.std().ToDouble(), 0.018);
        Assert.InRange(nn.init.trunc_normal_(empty(10_000), generator: generator).abs().max().ToDouble(), 1.9, 2);
        var orthogonal = nn.init.orthogonal_(empty(4, 6));
        Assert.True((orthogonal.matmul(orthogonal.t()) - eye(4)).abs().max().ToDouble() < 1e-5);
        Assert.InRange(nn.init.xavier_uniform_(empty(30, 20)).abs().max().ToDouble(), 0.9 * Math.Sqrt(6 / 50.0), Math.Sqrt(6 / 50.0));
    }

    static void Same(double[] expected, Tensor? actual) =>
        Assert.Equal(
            expected,
            Assert.IsType<Tensor>(actual, exactMatch: false).detach().flatten().data<float>().ToArray().Select(v => (double)v),
            (a, b) => Math.Abs(a - b) <= Printed * Math.Max(1, Math.Abs(a)) * 10);

    sealed class Pair : nn.Module<Tensor, Tensor>
    {
        readonly Linear first = nn.Linear(3, 4);
        readonly Sequential second = nn.Sequential(nn.Linear(4, 4, hasBias: false), nn.ReLU(), nn.Linear(4, 2));
        readonly Parameter scale = new(ones(2));
        readonly Tensor offset = zeros(2);

        public Pair()
            : base(nameof(Pair)) => RegisterComponents();

        public override Tensor forward(Tensor input) => (second.call(first.call(input)) * scale) + offset;
    }
}

/// <summary>Tests that draw from the process-wide generator do not run beside each other.</summary>
[CollectionDefinition(nameof(GlobalGenerator), DisableParallelization = true)]
public sealed class GlobalGenerator;
