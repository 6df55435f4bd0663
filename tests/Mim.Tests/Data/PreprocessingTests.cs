using Mim.Models;
using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Data;

public sealed class PreprocessingTests
{
    static readonly float[] s_x = [0, 255, 17, 128, 3, 200];

    static PreprocessingStep Step(string kind, float[] a, params float[] b) => new() { Kind = kind, A = a, B = b };

    static float[] Apply(Func<Tensor, Tensor> apply, params float[] x)
    {
        using var scope = NewDisposeScope();
        using var y = apply(tensor(x, [2, x.Length / 2]));
        Assert.Equal([2L, x.Length / 2], y.shape);
        return y.data<float>().ToArray();
    }

    [Fact]
    public void Each_step_does_what_its_definition_says()
    {
        Assert.Equal([-1f, 1, 2, 0, 9, 3], Apply(new Preprocessing([Step("impute", [-1, 9, 5])]).Mean, float.NaN, 1, 2, 0, float.NaN, 3));
        Assert.Equal([0f, 1, 1, 2, -1, 3], Apply(new Preprocessing([Step("standardise", [1, 2, 3], 2, 4, 1)]).Mean, 1, 6, 4, 5, -2, 6));
        Assert.Equal([0f, 1, 0.5f, 0.2f, -1, 2], Apply(new Preprocessing([Step("scale", [0], 10)]).Mean, 0, 10, 5, 2, -10, 20));
        Assert.Equal([0.5f / 4, 1.5f / 4, 2.5f / 4, 3.5f / 4], Apply(new Preprocessing([Step("dequantise", [4])]).Mean, 0, 1, 2, 3));
        Assert.Equal([0f, 0, 1, 1], Apply(new Preprocessing([Step("binarise", [0.5f])]).Mean, 0, 0.5f, 0.6f, 1));
        Assert.Equal([0f, 0.25f, 0.5f, 1], Apply(new Preprocessing([Step("binarise_stochastic", [])]).Mean, 0, 0.25f, 0.5f, 1));
    }

    [Theory]
    [InlineData("standardise")]
    [InlineData("scale")]
    [InlineData("dequantise")]
    [InlineData("dequantise,standardise")]
    [InlineData("scale,binarise_stochastic")]
    public void The_inverse_undoes_the_forward_chain(string kinds)
    {
        var chain = new Preprocessing(kinds.Split(',').Select(kind => kind switch
        {
            "standardise" => Step(kind, [0.5f, 0.25f, -1], 2, 0.5f, 3),
            "scale" => Step(kind, [0], 255),
            "dequantise" => Step(kind, [256]),
            _ => Step(kind, []),
        }));
        var back = Apply(x => chain.Inverse(chain.Mean(x)), s_x);
        for (var i = 0; i < s_x.Length; i++)
        {
            Assert.Equal(s_x[i], back[i], 1e-4); // float32 near 255, four roundings
        }
    }

    [Fact]
    public void Dequantisation_noise_is_uniform_within_a_level_and_comes_from_its_generator()
    {
        const int n = 20_000;
        var chain = new Preprocessing([Step("dequantise", [256])]);
        float[] Draw(long seed)
        {
            using var generator = new Generator((ulong)seed);
            return Apply(x => chain.Sample(x, generator), Enumerable.Repeat(7f, n).ToArray());
        }
        var noise = Array.ConvertAll(Draw(1), y => (y * 256) - 7.0);
        Assert.All(noise, u => Assert.InRange(u, 0, 1));
        Assert.Equal(0.5, noise.Average(), 4 * Math.Sqrt(1 / 12.0 / n)); // four standard errors of a uniform's mean
        Assert.Equal(1 / 12.0, noise.Average(u => (u - 0.5) * (u - 0.5)), 4 * Math.Sqrt(1 / 180.0 / n)); // and of its variance
        Assert.Equal(Draw(1), Draw(1));
        Assert.NotEqual(Draw(1), Draw(2));
    }

    [Fact]
    public void Stochastic_binarisation_draws_zeros_and_ones_with_mean_x()
    {
        const int n = 20_000;
        using var generator = new Generator(1);
        var draws = Apply(x => new Preprocessing([Step("binarise_stochastic", [])]).Sample(x, generator), Enumerable.Repeat(0.3f, n).ToArray());
        Assert.All(draws, y => Assert.True(y is 0 or 1));
        Assert.Equal(0.3, draws.Average(), 4 * Math.Sqrt(0.3 * 0.7 / n)); // four standard errors
    }

    [Fact]
    public void Sampling_equals_the_mean_where_nothing_is_stochastic()
    {
        PreprocessingStep[] steps = [Step("impute", [1]), Step("standardise", [1, 2, 3], 2, 3, 4), Step("binarise", [0])];
        Assert.DoesNotContain(steps, Preprocessing.IsStochastic);
        using var generator = new Generator(1);
        Assert.Equal(Apply(new Preprocessing(steps).Mean, s_x), Apply(x => new Preprocessing(steps).Sample(x, generator), s_x));
    }

    [Fact]
    public void The_fitted_chain_gives_training_data_mean_0_and_deviation_1()
    {
        var dataset = Dataset.Open(new DatasetOptions { Name = "toy4_20", Preprocessing = ["standardise"] }, 1);
        var train = dataset.Load(SplitName.Train, 0);
        using var scope = NewDisposeScope();
        using var y = new Preprocessing(dataset.Preprocessing).Mean(tensor(train.X, [train.Rows, train.XDim]));
        var values = y.data<float>().ToArray();
        for (var j = 0; j < train.XDim; j++)
        {
            var column = values.Where((_, i) => i % train.XDim == j).Select(value => (double)value).ToArray();
            Assert.Equal(0, column.Average(), 1e-5); // float32 constants
            Assert.Equal(1, column.Average(value => value * value), 1e-5);
        }
    }

    [Fact]
    public void An_empty_chain_returns_its_argument_and_no_chain_leaks()
    {
        using var scope = NewDisposeScope();
        var x = tensor(s_x, [2, 3]);
        var before = scope.DisposablesCount;
        Assert.Same(x, new Preprocessing([]).Mean(x));
        Assert.Equal(before, scope.DisposablesCount);
        _ = new Preprocessing([Step("scale", [0], 255), Step("standardise", [1, 2, 3], 1, 2, 3), Step("binarise", [0])]).Mean(x);
        Assert.Equal(before + 1, scope.DisposablesCount);
    }
}
