using Mim.Training;
using static TorchSharp.torch;
using Measure = Mim.Training.Evaluation;

namespace Mim.Tests.Evaluation;

public sealed class EvaluationTests
{
    static LinearGaussian Exact() => new(3, [1.2, -0.7], 0.5, 0.4);

    // With the exact posterior every importance weight is p(x): one draw gives log p(x) without variance.
    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    public void With_the_exact_posterior_the_importance_weighted_nll_is_the_evidence(int samples)
    {
        var linear = Exact();
        var data = linear.Sample(500, 2);
        Assert.Equal(linear.Nll(data), Bounds(linear, data, samples).NllImportanceWeighted, 2e-5); // float32 forward
    }

    [Fact]
    public void Rate_and_distortion_are_those_of_the_closed_forms()
    {
        var linear = Exact();
        var data = linear.Sample(2000, 3);
        var bounds = Bounds(linear, data, 50);
        Assert.Equal(linear.Rate(data), bounds.Rate, 1e-5); // float32 forward
        Assert.Equal(linear.Distortion(data), bounds.Distortion, 0.02); // 100,000 draws of a variable with s.d. below 1.5: four standard errors
        Assert.Equal(linear.Nll(data), bounds.Rate + bounds.Distortion, 0.02); // the −ELBO of an exact posterior is the evidence
    }

    [Fact]
    public void With_a_wrong_posterior_the_bound_tightens_as_samples_grow()
    {
        var linear = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread: 1.6);
        var data = linear.Sample(1000, 4);
        var evidence = linear.Nll(data);
        var one = Bounds(linear, data, 1).NllImportanceWeighted;
        var ten = Bounds(linear, data, 10).NllImportanceWeighted;
        var many = Bounds(linear, data, 1000).NllImportanceWeighted;
        Assert.Equal(linear.Rate(data) + linear.Distortion(data), one, 0.3); // S = 1 is −ELBO in expectation; 1,000 draws, four standard errors
        Assert.True(one > ten + 0.1 && ten > many && many > evidence - 0.005, $"{one} {ten} {many} {evidence}");
        Assert.Equal(evidence, many, 0.01); // bias of order 1/S
    }

    // The widest activation of a row has 6 elements: a chunk of 2⁶ holds one row and 10 of its 64 draws, one of 2¹⁰ two rows with all of theirs.
    [Theory]
    [InlineData(1 << 6)]
    [InlineData(1 << 10)]
    public void Chunks_do_not_change_what_is_estimated(int chunkElements)
    {
        var linear = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread: 1.6);
        var data = linear.Sample(200, 5);
        using var noise = new Generator(14);
        var chunked = Measure.ImportanceWeighted(linear.Model, data, 64, chunkElements, noise, null, CancellationToken.None);
        var whole = Bounds(linear, data, 64);
        Assert.Equal(whole.Rate, chunked.Rate, 1e-5); // float32 forward
        // Other draws. The weights' coefficient of variation is 0.77: log p̂ has a s.d. of 0.1 a row, the means differ by 0.01; four of those.
        Assert.Equal(whole.NllImportanceWeighted, chunked.NllImportanceWeighted, 0.04);
        Assert.Equal(whole.Distortion, chunked.Distortion, 0.15); // 12,800 draws with a s.d. below 3 each: four standard errors
    }

    [Fact]
    public void Mutual_information_of_the_code_is_that_of_the_linear_gaussian_channel()
    {
        var linear = Exact();
        var data = linear.Sample(4000, 6);
        var z = Draws(linear, data).Z;
        Assert.Equal(linear.MutualInformation, Ksg.Estimate(data.X, z, data.Rows).MutualInformation, 0.12); // four s.d. at N = 4000, bias of KSG in 5-D
    }

    [Fact]
    public void Single_sample_elbo_and_reconstruction_errors_are_those_of_the_closed_forms()
    {
        var linear = new LinearGaussian(1, [0.9], -2, 0.5);
        var data = linear.Sample(20_000, 7);
        var draws = Draws(linear, data);
        Assert.Equal(linear.Nll(data), draws.NegativeElbo, 2e-5); // exact posterior: no variance, float32 forward
        Assert.Equal(linear.Rmse(data), draws.Rmse, 1e-5);
        Assert.Equal(linear.L2OfOneDimension(data), draws.L2Sampled, 0.015); // 20,000 draws with s.d. 0.5: four standard errors
    }

    // Oracle: the integral over a one-dimensional z by the trapezoidal rule, with the decoder written as loops in double.
    [Fact]
    public void Of_a_bernoulli_model_the_importance_weighted_nll_is_the_integral_over_z()
    {
        const int rows = 40, xDim = 6;
        var options = new TrainingOptions
        {
            Network = new NetworkOptions { Hidden = [5], Z = 1, Activation = Mim.Training.Activation.Tanh, SigmaFloor = 0.5 },
            Likelihood = Likelihood.Bernoulli,
        };
        using var init = new Generator(4);
        var model = Autoencoder.Create(options, [xDim], init);
        var random = new Random(9);
        var x = Enumerable.Range(0, rows * xDim).Select(_ => (float)random.Next(2)).ToArray();
        var weights = model.decoder.named_parameters().ToDictionary(p => p.Item1, p => p.Item2.data<float>().ToArray());
        var nll = 0.0;
        for (var row = 0; row < rows; row++)
        {
            var evidence = 0.0;
            const double step = 0.01;
            for (var z = -9.0; z <= 9; z += step)
            {
                evidence += step * Math.Exp(LogBernoulli(weights, z, x.AsSpan(row * xDim, xDim)) - 0.5 * z * z) / Math.Sqrt(2 * Math.PI);
            }
            nll -= Math.Log(evidence) / rows;
        }
        using var noise = new Generator(5);
        var bounds = Measure.ImportanceWeighted(model, new EvaluationRows(x, rows, null), 20_000, noise, null, CancellationToken.None);
        Assert.Equal(nll, bounds.NllImportanceWeighted, 2e-3); // 20,000 weights with a coefficient of variation of about 1, mean over 40 rows: 1.1e-3
    }

    [Fact]
    public void The_same_generators_give_the_same_numbers()
    {
        var linear = Exact();
        var data = linear.Sample(300, 8);
        Assert.Equal(Bounds(linear, data, 20).LogPx, Bounds(linear, data, 20).LogPx);
        Assert.Equal(Draws(linear, data).Z, Draws(linear, data).Z);
    }

    // With the exact posterior every estimate is the evidence, after however many draws: a mean that forgot its divisor would not be.
    [Theory]
    [InlineData(8, "1 2 4 8")]
    [InlineData(11, "1 2 4 8 11")]
    public void What_fewer_draws_would_have_given_is_known(int samples, string marks)
    {
        var linear = Exact();
        var data = linear.Sample(50, 2);
        var sequence = Bounds(linear, data, samples).BySamples;
        Assert.Equal(marks, string.Join(' ', sequence.Samples));
        Assert.All(sequence.Nll, nll => Assert.Equal(linear.Nll(data), nll, 2e-5)); // float32 forward

        var wide = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread: 1.6);
        var bounds = Bounds(wide, data, samples);
        Assert.Equal(bounds.NllImportanceWeighted, bounds.BySamples.Nll[^1], 1e-12);
        Assert.True(bounds.BySamples.Nll[0] > bounds.BySamples.Nll[^1] + 0.1); // Jensen's gap at one draw is 0.56 nats, 50 rows
    }

    [Fact]
    public void The_standard_error_is_that_of_the_rows()
    {
        var linear = Exact();
        var bounds = Bounds(linear, linear.Sample(2000, 9), 1);
        // ln N(x) of three dimensions: each ½χ² has variance ½.
        Assert.Equal(Math.Sqrt(1.5 / 2000), bounds.NllStandardError, 0.002); // an s.d. from 2,000 rows is good to 3 %
    }

    static Measure.Bounds Bounds(LinearGaussian linear, EvaluationRows data, int samples)
    {
        using var noise = new Generator(11);
        return Measure.ImportanceWeighted(linear.Model, data, samples, noise, null, CancellationToken.None);
    }

    static Draws Draws(LinearGaussian linear, EvaluationRows data)
    {
        using var code = new Generator(12);
        using var noise = new Generator(13);
        return Mim.Training.Draws.Take(linear.Model, data, 1, code, noise, CancellationToken.None);
    }

    static double LogBernoulli(Dictionary<string, float[]> weights, double z, ReadOnlySpan<float> x)
    {
        var (w0, b0, w1, b1) = (weights["trunk.0.weight"], weights["trunk.0.bias"], weights["logits.weight"], weights["logits.bias"]);
        var sum = 0.0;
        for (var i = 0; i < x.Length; i++)
        {
            double logit = b1[i];
            for (var h = 0; h < b0.Length; h++)
            {
                logit += w1[i * b0.Length + h] * Math.Tanh(w0[h] * z + b0[h]);
            }
            sum -= Math.Log(1 + Math.Exp(x[i] > 0 ? -logit : logit));
        }
        return sum;
    }
}
