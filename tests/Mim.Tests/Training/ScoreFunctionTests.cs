using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Oracle: all images of a few binary pixels, each with its probability.</summary>
public sealed class ScoreFunctionTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Over_every_outcome_the_estimate_has_the_gradient_of_the_expected_loss(int rows)
    {
        using var scope = NewDisposeScope();
        const int Pixels = 2, Images = 1 << Pixels;
        var logits = linspace(-1.2, 0.9, rows * Pixels, requires_grad: true);
        var slope = linspace(0.3, 1.7, rows * Pixels, requires_grad: true);

        Tensor Losses(Tensor x) => ((x * slope.view(rows, Pixels)).sum(-1) - 0.4).square() + 3; // (rows)
        Tensor LogProb(Tensor x) => new Bernoulli(logits.view(rows, Pixels)).LogProb(x);
        Tensor Rows(int outcome) => tensor(
            Enumerable.Range(0, rows * Pixels).Select(bit => (float)(outcome >> bit & 1)).ToArray(), [rows, Pixels]);

        // What the batch's mean loss is worth, with its probability as a function of the logits.
        var expected = zeros(1);
        var estimate = zeros(1);
        for (var outcome = 0; outcome < Math.Pow(Images, rows); outcome++)
        {
            var x = Rows(outcome);
            var probability = LogProb(x).sum().exp();
            expected = expected + probability * Losses(x).mean();
            estimate = estimate + probability.detach() * ScoreFunction.Apply(Losses(x), LogProb(x)).mean();
        }
        Assert.Equal(expected.item<float>(), estimate.item<float>(), 1e-5);
        estimate.backward();
        var actual = (Gradient(logits), Gradient(slope));
        logits.grad = null;
        slope.grad = null;
        expected.backward();
        // float32, at most 64 outcomes.
        foreach (var (e, a) in Gradient(logits).Concat(Gradient(slope)).Zip(actual.Item1.Concat(actual.Item2)))
        {
            Assert.Equal(e, a, 1e-5);
        }
    }

    [Fact]
    public void The_decoding_half_of_a_bernoulli_model_estimates_the_exact_gradient_and_the_mean_image_does_not()
    {
        const int Batches = 24, Rows = 1024, Pixels = 2;
        using var scope = NewDisposeScope();
        var options = Models.Options(likelihood: Likelihood.Bernoulli, z: 1, hidden: 3);
        options = options with { Objective = options.Objective with { BernoulliGradient = BernoulliGradient.ScoreFunction } };
        var model = Models.Create(options, Pixels);
        using (no_grad())
        {
            model.Decoder().logits!.weight.mul_(3);
        }
        var score = Errors(model, options.Objective, Batches, Rows, Pixels);
        var mean = Errors(model, options.Objective with { BernoulliGradient = BernoulliGradient.MeanImage }, Batches, Rows, Pixels);

        // The errors of the batches' gradients have mean zero: 5 standard errors, 30 weights.
        Assert.All(score, error => Assert.InRange(Math.Abs(error), 0, 5));
        Assert.Contains(mean, error => Math.Abs(error) > 20);
    }

    /// <summary>Of each weight, the mean of estimate − exact gradient over batches, in standard errors.</summary>
    static double[] Errors(Autoencoder model, ObjectiveOptions options, int batches, int rows, int pixels)
    {
        var objective = Objective.Create(options);
        var errors = new List<double[]>();
        for (var batch = 0; batch < batches; batch++)
        {
            using var scope = NewDisposeScope();
            using var noise = new Generator((ulong)(100 + batch));
            objective.Decode(model, rows, 1, noise).Loss.backward();
            var estimate = Flat(model);

            // The same codes; every image weighted by its probability.
            using var again = new Generator((ulong)(100 + batch));
            var z = randn(rows, 1, generator: again);
            var loss = zeros(1);
            for (var bits = 0; bits < 1 << pixels; bits++)
            {
                var x = tensor(Enumerable.Range(0, pixels).Select(pixel => (float)(bits >> pixel & 1)).ToArray(), [1, pixels]).repeat(rows, 1);
                var logPxz = model.decoder.call(z).LogProb(x);
                var logQzx = model.encoder.call(x).LogProb(z);
                loss = loss + (logPxz.exp() * (logPxz * 2 + Gaussian.StandardLogProb(z) + logQzx) * -0.5).mean();
            }
            loss.backward();
            errors.Add([.. estimate.Zip(Flat(model), (a, b) => a - b)]);
        }
        return [.. Enumerable.Range(0, errors[0].Length).Select(i =>
        {
            var mean = errors.Average(e => e[i]);
            var deviation = Math.Sqrt(errors.Sum(e => (e[i] - mean) * (e[i] - mean)) / (batches - 1));
            // float32: a weight whose estimate is exact has no deviation.
            return mean / (deviation / Math.Sqrt(batches) + 1e-6);
        })];
    }

    static double[] Flat(Autoencoder model) => [.. Models.TakeGradients(model).Values.SelectMany(gradient => gradient.Cast<double>())];

    static IEnumerable<double> Gradient(Tensor tensor) =>
        Models.Matrix((tensor.grad ?? throw new InvalidOperationException("backward left no gradient")).view(1, -1)).Cast<double>();
}
