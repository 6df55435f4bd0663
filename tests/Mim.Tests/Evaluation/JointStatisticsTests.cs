using Mim.Training;
using static TorchSharp.torch;
using Measure = Mim.Training.Evaluation;

namespace Mim.Tests.Evaluation;

public sealed class JointStatisticsTests
{
    [Fact]
    public void Divergences_and_cross_entropies_are_the_closed_forms()
    {
        // A posterior that is too wide: the two divergences differ, 0.62 and 0.33 nats.
        var linear = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread: 1.6);
        var data = linear.Sample(3000, 3);
        var (bounds, _, joints) = Measured(linear, data, 3000, 200);
        var (nll, wide) = (linear.Nll(data), linear.PosteriorEntropy);
        // log p(x) by 200 weights with a coefficient of variation of 0.9: low by 0.002. Means over 3,000 pairs of variables with an s.d. of 1 to 2, four
        // standard errors; what the S draws average is closer.
        Assert.Equal(linear.KlEncodingDecoding, joints.KlEncodingDecoding, 0.02);
        Assert.Equal(linear.KlDecodingEncoding, joints.KlDecodingEncodingLower, 0.06);
        Assert.Equal(linear.KlDecodingEncoding, joints.KlDecodingEncodingUpper, 0.06);
        Assert.True(joints.KlDecodingEncodingLower < joints.KlDecodingEncodingUpper);
        Assert.Equal((linear.KlEncodingDecoding + linear.KlDecodingEncoding) / 4, joints.JsdBound, 0.02);
        Assert.Equal(wide + nll, joints.CrossEntropyEncodingEncoding, 0.02);
        Assert.Equal(linear.Distortion(data) + linear.PriorCrossEntropy(data), joints.CrossEntropyEncodingDecoding, 0.02);
        Assert.Equal(linear.EntropyDecodingJoint, joints.EntropyDecodingJoint, 0.12);
        Assert.Equal(linear.EntropyDecodingJoint + linear.KlDecodingEncoding, joints.CrossEntropyDecodingEncoding, 0.12);
        Assert.Equal(3000, joints.DecodingRows);
        Assert.Equal(wide, bounds.PosteriorEntropy, 0.01); // 600,000 draws
        Assert.Equal(linear.PriorCrossEntropy(data), bounds.PriorCrossEntropy, 0.01);
    }

    // x of the data and x of the model have one distribution here and q(x) = p(x), so the mixture is M_S itself: the estimate is its entropy, the bound above it.
    // Oracle: the double integral by the trapezoidal rule over six standard deviations to each side.
    [Fact]
    public void Under_the_mixture_of_both_joints_the_entropy_is_the_integral()
    {
        var linear = new LinearGaussian(1, [0.9], 0.3, 0.5, spread: 1.7);
        const double step = 0.05;
        double entropy = 0, mass = 0, divergence = 0;
        for (var x = -7.0; x <= 7.6; x += step)
        {
            for (var z = -8.0; z <= 8; z += step)
            {
                var (logPx, logQzx, logJoint) = linear.LogDensities(x, z);
                var density = 0.5 * (Math.Exp(logPx + logQzx) + Math.Exp(logJoint));
                mass += density * step * step;
                entropy -= density * Math.Log(density) * step * step;
                var (q, p) = (Math.Exp(logPx + logQzx), Math.Exp(logJoint));
                divergence += 0.5 * (q * (logPx + logQzx) + p * logJoint - 2 * density * Math.Log(density)) * step * step;
            }
        }
        Assert.Equal(1, mass, 1e-6); // of the grid
        var (_, _, joints) = Measured(linear, linear.Sample(6000, 4), 6000, 200);
        Assert.Equal(entropy, joints.CrossEntropyModelMixture, 0.04); // 12,000 pairs with an s.d. of 1: four standard errors
        Assert.Equal(divergence, joints.Jsd, 0.01); // terms between −1 and ln 2
        Assert.True(joints.MimBound > joints.CrossEntropyModelMixture);
    }

    // σ = 10⁻³ where it should be 0.45: no draw of q(z|x) comes near the z of its x, and every estimate must still be a number that says so.
    [Fact]
    public void A_posterior_that_misses_saturates_the_estimates()
    {
        var linear = new LinearGaussian(1, [1], 0, 0.5, spread: 2e-3);
        var (_, _, joints) = Measured(linear, linear.Sample(200, 7), 200, 10);
        Assert.InRange(joints.KlDecodingEncodingLower, 0.9 * Math.Log(11), Math.Log(11));
        Assert.True(joints.KlDecodingEncodingUpper > 1e4);
        Assert.Equal(Math.Log(2), joints.JsdBound, 1e-12);
        Assert.InRange(joints.Jsd, 0.2, Math.Log(2));
    }

    [Fact]
    public void What_the_reference_logs_is_what_its_formulas_give()
    {
        var linear = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread: 1.6);
        var data = linear.Sample(4000, 5);
        var (_, draws, _) = Measured(linear, data, 100, 1);
        using var noise = new Generator(17);
        var found = SingleSampleStatistics.Of(linear.Model, data, draws, noise);
        // One draw a row, s.d. below 2: four standard errors. The posterior that is too wide costs q(x) its KL divergence.
        Assert.Equal(linear.Rate(data), found.Rate, 0.12);
        Assert.Equal(linear.Rate(data), found.KlPosteriorPrior, 0.12);
        Assert.Equal(linear.PriorCrossEntropy(data), found.CrossEntropyPrior, 0.12);
        Assert.Equal(linear.Nll(data) + linear.KlEncodingDecoding + linear.PosteriorEntropy, found.EntropyEncodingJoint, 0.2);
        Assert.Equal(linear.PriorCrossEntropy(data) + linear.Distortion(data), found.EntropyDecodingJoint, 0.2);
        Assert.Equal((found.EntropyEncodingJoint + found.EntropyDecodingJoint) / 2, found.EntropyMean, 1e-12);
        // KL(p(z) ‖ q(z|x)), 8.6 nats, of a χ² over narrow variances.
        Assert.Equal(linear.KlPriorPosterior(data), found.KlPriorPosterior, 0.6);
    }

    [Fact]
    public void The_reference_s_mixture_is_half_of_each_joint()
    {
        var linear = new LinearGaussian(1, [0.9], 0.3, 0.5);
        var data = linear.Sample(2, 6);
        var (_, draws, _) = Measured(linear, data, 2, 1);
        draws = draws with { LogQzx = [-1, -2], FreshLogPx = [-0.5, 0.25], LogPz = [-3, -1], FreshLogPxz = [0.5, -0.75] };
        using var noise = new Generator(18);
        var found = SingleSampleStatistics.Of(linear.Model, data, draws, noise);
        // log ½(e^-1.5 + e^-2.5) and log ½(e^-1.75 + e^-1.75)
        Assert.Equal(-(Math.Log(0.5 * (Math.Exp(-1.5) + Math.Exp(-2.5))) - 1.75) / 2, found.EntropyModelMixture, 1e-12);
    }

    internal static (Measure.Bounds Bounds, Draws Draws, JointStatistics Joints) Measured(LinearGaussian linear, EvaluationRows data, int decodingRows, int samples)
    {
        using var importance = new Generator(11);
        using var code = new Generator(12);
        using var fresh = new Generator(13);
        using var decoding = new Generator(14);
        using var decodingImportance = new Generator(15);
        var bounds = Measure.ImportanceWeighted(linear.Model, data, samples, importance, null, CancellationToken.None);
        var draws = Draws.Take(linear.Model, data, 1, code, fresh, CancellationToken.None);
        var drawn = DecodingDraws.Take(linear.Model, decodingRows, samples, decoding, decodingImportance, null, CancellationToken.None);
        return (bounds, draws, JointStatistics.Of(bounds, draws, drawn));
    }
}
