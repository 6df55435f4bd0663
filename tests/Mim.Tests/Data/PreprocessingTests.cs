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

    // The reference's formulas, one number at a time.
    [Fact]
    public void Each_draw_does_with_its_uniform_number_what_its_definition_says()
    {
        float[] Sample(float[] x, float[] u, params PreprocessingStep[] steps) => Apply(y => new Preprocessing(steps).Sample(y, tensor(u, 2, u.Length / 2)), x);

        float[] u = [0, 0.25f, 0.5f, 0.96875f];
        Assert.Equal([0, 7.25f / 256, 8.5f / 256, 255.96875f / 256], Sample([0, 7, 8, 255], u, Step("dequantise", [256])));
        // ((255x + u)/256, kept off 0 and 1.
        float[] expected = [1e-3f, 51.25f / 256, 0.5f / 256, 1 - 1e-3f];
        var training = Sample([0, 0.2f, 0, 1], u, Step("dequantise_training", [256]));
        Assert.All(expected.Zip(training), pair => Assert.Equal(pair.First, pair.Second, 1e-7f)); // float32 below 1
        Assert.Equal([1f, 1, 0, 1], Sample([1e-9f, 0.26f, 0.5f, 1], u, Step("binarise_stochastic", [])));
        // Each step that is drawn has numbers of its own.
        Assert.Equal([1f, 0, 0, 1], Sample([0, 1, 0, 3], [0.5f, 0.5f, 0.0625f, 0.5f, 0.125f, 0.5f, 0.875f, 0.75f], Step("dequantise", [4]), Step("binarise_stochastic", [])));
    }

    [Fact]
    public void Rows_that_are_measured_are_drawn_once_and_for_all()
    {
        var x = Enumerable.Repeat(0.3f, 60).ToArray();
        float[] Fixed(string kind, SplitName split, int first, float[] values) =>
            Apply(y => new Preprocessing([Step(kind, kind == "dequantise" || kind == "dequantise_training" ? [256] : [])]).Fixed(y, split, first), values);

        var test = Fixed("binarise_stochastic", SplitName.Test, 0, x);
        Assert.All(test, y => Assert.True(y is 0 or 1));
        Assert.Contains(1f, test);
        Assert.Equal(test, Fixed("binarise_static", SplitName.Test, 0, x));
        Assert.NotEqual(test, Fixed("binarise_stochastic", SplitName.Validation, 0, x));
        // Row 1 alone is row 1 of the split.
        Assert.Equal(test[30..], Fixed("binarise_static", SplitName.Test, 1, x)[..30]);
        Assert.NotEqual(x, Fixed("dequantise", SplitName.Test, 0, x));
        Assert.Equal(x, Fixed("dequantise_training", SplitName.Test, 0, x));
    }

    [Fact]
    public void Binary_rows_have_mean_x()
    {
        const int n = 20_000;
        var draws = Apply(x => new Preprocessing([Step("binarise_static", [])]).Fixed(x, SplitName.Test, 0), Enumerable.Repeat(0.3f, n).ToArray());
        Assert.Equal(0.3, draws.Average(), 4 * Math.Sqrt(0.3 * 0.7 / n)); // four standard errors
    }

    [Fact]
    public void Sampling_equals_the_mean_where_nothing_is_stochastic()
    {
        PreprocessingStep[] steps = [Step("impute", [1]), Step("standardise", [1, 2, 3], 2, 3, 4), Step("binarise", [0])];
        Assert.DoesNotContain(steps, Preprocessing.IsStochastic);
        Assert.Equal(0, new Preprocessing(steps).DrawsPerRow(3));
        Assert.Equal(Apply(new Preprocessing(steps).Mean, s_x), Apply(x => new Preprocessing(steps).Sample(x, zeros(2, 0)), s_x));
        Assert.Equal(Apply(new Preprocessing(steps).Mean, s_x), Apply(x => new Preprocessing(steps).Fixed(x, SplitName.Test, 0), s_x));
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
