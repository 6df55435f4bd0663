using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Evaluation;

public sealed class AggregatePosteriorTests
{
    // Oracle: z = gain·(x − b) + noise is a linear Gaussian channel, its q(z) Gaussian.
    [Theory]
    [InlineData(1.0)]
    [InlineData(1.6)]
    public void Brackets_the_information_of_the_linear_gaussian_channel(double spread)
    {
        var linear = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread);
        var data = linear.Sample(3000, 3);
        var found = Of(linear, data);
        Assert.Equal(3000, found.Rows);
        Assert.Equal(Math.Log(3000), found.MutualInformationCeiling, 1e-12);
        Assert.True(found.MutualInformationLower < found.MutualInformationUpper);
        // Bias of order e^I/M below 0.01 on either side; means over 3,000 rows with an s.d. of about 1: four standard errors.
        Assert.Equal(linear.EncoderInformation, found.MutualInformationLower, 0.08);
        Assert.Equal(linear.EncoderInformation, found.MutualInformationUpper, 0.08);
        Assert.Equal(linear.KlAggregate, found.KlPrior, 0.05);
    }

    // Rate and mixture are of the same draws, so the decomposition holds exactly.
    [Fact]
    public void Information_is_the_rate_less_the_divergence_of_the_aggregate()
    {
        var linear = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread: 1.3);
        var data = linear.Sample(700, 4);
        var (_, draws, _) = JointStatisticsTests.Measured(linear, data, 100, 1);
        var rate = Enumerable.Range(0, 700).Average(i => draws.LogQzx[i] - draws.LogPz[i]);
        var found = AggregatePosterior.Of(linear.Model, data, draws, CancellationToken.None);
        Assert.Equal(rate - found.KlPrior, found.MutualInformationLower, 1e-9); // sums in another order
    }

    // σ = 10⁻³ against codes a unit apart: no row's posterior reaches another's code, and all that is seen is which row it was.
    [Fact]
    public void Of_posteriors_that_never_meet_is_the_ceiling()
    {
        var linear = new LinearGaussian(1, [1], 0, 1, spread: 1e-3);
        float[] x = [-4, -1.5f, 0.5f, 3];
        var found = Of(linear, new EvaluationRows(x, 4, null));
        Assert.Equal(found.MutualInformationCeiling, found.MutualInformationLower, 1e-9);
        Assert.True(found.MutualInformationUpper > 1e4);
    }

    // The Gaussian's matrix products against the density of every pair, as any other posterior is asked for it.
    [Fact]
    public void Densities_of_all_pairs_agree_with_the_network_s_own()
    {
        var linear = new LinearGaussian(3, [1.2, -0.7], 0.5, 0.4, spread: 0.5);
        var data = linear.Sample(20, 5);
        var (_, draws, _) = JointStatisticsTests.Measured(linear, data, 20, 1);
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var products = AggregatePosterior.GaussianPairs(draws, 20, 2)(3, 9, 5, 14).data<double>().ToArray();
        var pairs = AggregatePosterior.NetworkPairs(linear.Model, data, draws)(3, 9, 5, 14).data<double>().ToArray();
        for (var i = 0; i < products.Length; i++)
        {
            Assert.Equal(pairs[i], products[i], 2e-5 * (1 + Math.Abs(pairs[i]))); // the network's density is float32
        }
    }

    static AggregatePosterior Of(LinearGaussian linear, EvaluationRows data)
    {
        var (_, draws, _) = JointStatisticsTests.Measured(linear, data, 2, 1);
        return AggregatePosterior.Of(linear.Model, data, draws, CancellationToken.None);
    }
}
