using Mim.Training;
using static TorchSharp.torch;
using Measure = Mim.Training.Evaluation;

namespace Mim.Tests.Evaluation;

/// <summary>Posteriors that are no Gaussians, priors that are learned, likelihoods that are autoregressive.</summary>
public sealed class HierarchicalEvaluationTests
{
    const int Side = 4, XDim = Side * Side;

    // Oracle: ∫∫ p(x|z₁, z₂) p(z₁, z₂) by the trapezoidal rule over a level of one dimension each, which asks no posterior.
    [Theory]
    [InlineData("hvae", "standard", 3, 50_000)]
    [InlineData("hvae", "vamp", 3, 50_000)]
    [InlineData("pixel_hvae", "standard", 1, 4_000)]
    public void The_importance_weighted_nll_is_the_integral_over_both_levels(string network, string prior, int rows, int samples)
    {
        const int steps = 81;
        const double span = 12.0, step = span / (steps - 1);
        using var scope = NewDisposeScope();
        var model = Create(network, prior);
        var data = Rows(rows);
        using var inference = inference_mode();
        var grid = new float[steps * steps * 2];
        for (var i = 0; i < steps * steps; i++)
        {
            (grid[2 * i], grid[2 * i + 1]) = ((float)(i / steps * step - span / 2), (float)(i % steps * step - span / 2));
        }
        var z = tensor(grid, [steps * steps, 2]);
        var logPz = model.prior.LogProb(z).to_type(ScalarType.Float64);
        var nll = Enumerable.Range(0, rows).Average(row =>
        {
            var x = tensor(data.X.AsMemory(row * XDim, XDim), [1, XDim]).expand(steps * steps, XDim);
            var logJoint = model.decoder.call(z).LogProb(x).to_type(ScalarType.Float64) + logPz;
            return -Math.Log(logJoint.exp().sum().data<double>()[0] * step * step);
        });
        using var noise = new Generator(5);
        var bounds = Measure.ImportanceWeighted(model, data, samples, noise, null, CancellationToken.None);
        // Weights with a coefficient of variation of about 1: four standard errors of a row.
        Assert.Equal(nll, bounds.NllImportanceWeighted, 4 / Math.Sqrt(samples));
        Assert.True(bounds.Distortion + bounds.Rate > nll - 0.05);
    }

    [Fact]
    public void A_two_level_autoregressive_model_is_measured_row_by_row()
    {
        const int rows = 20;
        using var scope = NewDisposeScope();
        var model = Create("pixel_hvae", "standard");
        var data = Rows(rows);
        using var code = new Generator(6);
        using var noise = new Generator(7);
        var draws = Draws.Take(model, data, 16, code, noise, CancellationToken.None);
        Assert.Equal(16, draws.ReconstructionRows);
        Assert.False(draws.GaussianPosterior);
        Assert.InRange(draws.Rmse, 0.2, 0.8); // an untrained decoder is near ½ everywhere, pixels are 0 or 1

        // Oracle: the encoder asked for one pair at a time.
        using var inference = inference_mode();
        var pairs = new double[rows, rows];
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < rows; j++)
            {
                var posterior = model.encoder.call(tensor(data.X.AsMemory(j * XDim, XDim), [1, XDim]));
                pairs[i, j] = posterior.LogProb(tensor(draws.Z.AsMemory(2 * i, 2), [1, 2])).data<float>()[0];
            }
        }
        var found = AggregatePosterior.Of(model, data, draws, CancellationToken.None);
        double lower = 0, upper = 0;
        for (var i = 0; i < rows; i++)
        {
            double sum = 0;
            for (var j = 0; j < rows; j++)
            {
                sum += Math.Exp(pairs[i, j]);
            }
            lower += (pairs[i, i] - Math.Log(sum / rows)) / rows;
            upper += (pairs[i, i] - Math.Log((sum - Math.Exp(pairs[i, i])) / (rows - 1))) / rows;
        }
        Assert.Equal(lower, found.MutualInformationLower, 1e-5); // float32 densities
        Assert.Equal(upper, found.MutualInformationUpper, 1e-5);
    }

    static Autoencoder Create(string network, string prior)
    {
        var options = TrainingOptions.Parse(
            $"network: {{ name: {network}, width: 8, z: 1 }}\nobjective: {{ name: vae }}\nlikelihood: bernoulli\nprior: {{ name: {prior}, components: 3 }}", "test");
        using var init = new Generator(3);
        var model = Autoencoder.Create(options, [Side, Side], init);
        model.eval();
        return model;
    }

    static EvaluationRows Rows(int rows)
    {
        var random = new Random(8);
        return new EvaluationRows([.. Enumerable.Range(0, rows * XDim).Select(_ => (float)random.Next(2))], rows, null);
    }
}
