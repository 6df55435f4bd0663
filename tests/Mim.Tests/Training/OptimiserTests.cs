using Mim.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

public sealed class OptimiserTests
{
    const int Steps = 25;

    static readonly long[][] s_shapes = [[7, 5], [7], [3, 4, 2]];

    // The oracle is the engine's own optimiser: the same operations element by element, so the same bits.
    [Theory]
    [InlineData(OptimiserName.Adam)]
    [InlineData(OptimiserName.Adamw)]
    public void Adam_and_AdamW_are_the_engine_s_bit_for_bit(OptimiserName name)
    {
        using var scope = NewDisposeScope();
        var (ours, theirs) = (Weights(), Weights());
        using var optimiser = new Optimiser(name, ours, weightDecay: 0.1);
        using optim.Optimizer reference = name == OptimiserName.Adam ? optim.Adam(theirs) : optim.AdamW(theirs, weight_decay: 0.1);
        using var source = new Generator(3);
        for (var step = 0; step < Steps; step++)
        {
            var rate = 1e-2 / (step + 1);
            var gradients = Gradients(source);
            foreach (var (parameter, gradient) in theirs.Zip(gradients))
            {
                parameter.grad = gradient.clone();
            }
            foreach (var group in reference.ParamGroups)
            {
                group.LearningRate = rate;
            }
            optimiser.Step(gradients, rate);
            reference.step();
        }
        Assert.All(ours.Zip(theirs), pair => Assert.Equal(pair.Second.data<float>().ToArray(), pair.First.data<float>().ToArray()));
    }

    // Oracle: the reference's AdamNormGrad with loops over doubles. Gradients from 1e-7 to 1 let the norm's epsilon show.
    [Fact]
    public void Adam_norm_grad_divides_each_tensor_s_gradient_by_its_own_norm()
    {
        using var scope = NewDisposeScope();
        var weights = Weights();
        var expected = weights.Select(weight => weight.data<float>().ToArray().Select(value => (double)value).ToArray()).ToArray();
        var (means, squares) = (expected.Select(w => new double[w.Length]).ToArray(), expected.Select(w => new double[w.Length]).ToArray());
        using var optimiser = new Optimiser(OptimiserName.AdamNormGrad, weights);
        using var source = new Generator(4);
        for (var step = 1; step <= Steps; step++)
        {
            var gradients = Gradients(source, step % 3 == 0 ? 1 : 1e-7 * step);
            var values = gradients.Select(gradient => gradient.data<float>().ToArray()).ToArray();
            optimiser.Step(gradients, 1e-2);
            for (var i = 0; i < values.Length; i++)
            {
                var norm = Math.Sqrt(values[i].Sum(g => (double)g * g));
                for (var j = 0; j < values[i].Length; j++)
                {
                    var g = values[i][j] / (norm + 1e-7);
                    means[i][j] = 0.9 * means[i][j] + 0.1 * g;
                    squares[i][j] = 0.999 * squares[i][j] + 0.001 * g * g;
                    expected[i][j] -= 1e-2 * Math.Sqrt(1 - Math.Pow(0.999, step)) / (1 - Math.Pow(0.9, step))
                        * means[i][j] / (Math.Sqrt(squares[i][j]) + 1e-8);
                }
            }
        }
        // float32 over 25 steps of 1e-2 each.
        Assert.All(expected.Zip(weights), pair => Assert.All(pair.First.Zip(pair.Second.data<float>().ToArray()), v => Assert.Equal(v.First, v.Second, 2e-6)));
    }

    [Fact]
    public void A_weight_without_a_gradient_stays_as_it_is()
    {
        using var scope = NewDisposeScope();
        var weights = Weights();
        var before = weights[1].data<float>().ToArray();
        using var optimiser = new Optimiser(OptimiserName.Adamw, weights, weightDecay: 0.5);
        using var source = new Generator(5);
        Tensor?[] gradients = Gradients(source);
        gradients[1] = null;
        optimiser.Step(gradients, 0.1);

        Assert.Equal(before, weights[1].data<float>().ToArray());
        Assert.True(optimiser.Means[0].abs().max().item<float>() > 0);
        Assert.Equal(0, optimiser.Means[1].abs().max().item<float>());
    }

    // Oracle: the recursion with doubles.
    [Fact]
    public void The_moving_average_forgets_its_start_and_exchanges_with_the_weights()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var weight = tensor([1f, -2f]);
        using var average = new MovingAverage(0.8, [weight]);
        double[] expected = [1, -2];
        for (var step = 1; step <= 40; step++)
        {
            weight.mul_(1.05).add_(0.25);
            average.Update(step);
            var decay = Math.Min(0.8, (1.0 + step) / (10 + step));
            expected = [.. expected.Zip(weight.data<float>().ToArray(), (e, w) => decay * e + (1 - decay) * w)];
        }
        var (raw, averaged) = (weight.data<float>().ToArray(), average.Averages[0].data<float>().ToArray());
        Assert.All(expected.Zip(averaged), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * Math.Abs(pair.First))); // float32, 40 steps
        average.Exchange();
        Assert.Equal([.. averaged, .. raw], Now());
        average.Exchange();
        Assert.Equal([.. raw, .. averaged], Now());

        float[] Now() => [.. weight.data<float>().ToArray(), .. average.Averages[0].data<float>().ToArray()];
    }

    static Parameter[] Weights()
    {
        using var source = new Generator(1);
        return [.. s_shapes.Select(shape => new Parameter(randn(shape, generator: source)))];
    }

    static Tensor[] Gradients(Generator source, double scale = 1) => [.. s_shapes.Select(shape => randn(shape, generator: source) * scale)];
}
