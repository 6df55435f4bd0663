using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class PosteriorGaugesTests
{
    [Fact]
    public void The_variance_of_means_holds_however_far_they_are_from_zero()
    {
        // Variances 0.04, 0.0025 and, around 10⁴ where single sums of squares cancel, 0.04.
        float[] mean = [0.2f, 0.05f, 10_000.2f, -0.2f, -0.05f, 9_999.8f];
        var found = PosteriorGauges.Of(mean, new float[6], 3, factorises: true).MeanVariance;
        double[] expected = [0.04, 0.0025, Math.Pow(((double)mean[2] - mean[5]) / 2, 2)];
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-8)); // float32 inputs
    }

    [Fact]
    public void Divergence_and_variance_of_each_dimension_are_means_over_rows()
    {
        // Dimension 0 has collapsed: its posterior is the prior. Dimension 1: means ±1, variances ½ and 4.
        float[] mean = [0, 1, 0, -1], logVar = [0, MathF.Log(0.5f), 0, MathF.Log(4)];
        var found = PosteriorGauges.Of(mean, logVar, 2, factorises: true);
        Assert.Equal([1, 2.25], found.PosteriorVariance.Select(v => Math.Round(v, 6)));
        Assert.NotNull(found.Kl);
        Assert.Equal(0, found.Kl[0], 1e-12);
        Assert.Equal(0.5 * (1 + 2.25 - 1 - Math.Log(2) / 2), found.Kl[1], 1e-6); // the mean log-variance is ½ ln 2; float32 inputs
        Assert.Null(PosteriorGauges.Of(mean, logVar, 2, factorises: false).Kl);
    }

    [Fact]
    public void Standard_deviations_are_summarised_over_rows_and_dimensions()
    {
        var found = PosteriorSd.Of([2 * MathF.Log(3), 0, 2 * MathF.Log(0.5f), 2 * MathF.Log(2)]);
        Assert.Equal((0.5, 1.5, 1.625, 3.0), (Round(found.Min), Round(found.Median), Round(found.Mean), Round(found.Max)));

        static double Round(double value) => Math.Round(value, 6); // float32 inputs
    }
}
