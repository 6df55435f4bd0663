using Mim.Training;

namespace Mim.Tests.Training;

public sealed class LearningRateRangeTests
{
    // A loss that falls with the logarithm of the rate as a logistic curve does, steepest at its centre; here with a floor far below zero.
    [Theory]
    [InlineData(1e-4)]
    [InlineData(1e-3)]
    [InlineData(7e-3)]
    public void The_rate_at_which_the_loss_falls_fastest_is_suggested(double centre)
    {
        var range = LearningRateRange.Run(rate => -500 + 3 / (1 + rate / centre) + 1e-3 * rate, CancellationToken.None);

        Assert.NotNull(range.Suggested);
        Assert.Equal(Math.Log(centre), Math.Log(range.Suggested.Value), 0.07); // the grid: ln(1e6)/199
        Assert.False(range.Diverged);
        Assert.Equal(LearningRateRange.Steps, range.Points.Count);
    }

    [Fact]
    public void A_sweep_ends_where_the_loss_rises_by_more_than_it_fell()
    {
        var range = LearningRateRange.Run(rate => 2 / (1 + rate / 1e-3) + Math.Pow(rate / 0.02, 3), CancellationToken.None);

        Assert.True(range.Diverged);
        Assert.InRange(range.Points[^1].LearningRate, 0.02, 0.06);
        Assert.InRange(range.Lowest, 2e-3, 0.02);
        Assert.Equal(Math.Log(1e-3), Math.Log(range.Suggested ?? 0), 0.07);
    }

    [Fact]
    public void A_loss_that_is_not_finite_ends_the_sweep_and_is_in_no_average()
    {
        var range = LearningRateRange.Run(rate => rate > 0.1 ? double.NaN : -rate, CancellationToken.None);

        Assert.True(range.Diverged);
        Assert.All(range.Points, point => Assert.True(double.IsFinite(point.Smoothed) && point.LearningRate <= 0.1));
        Assert.Throws<NotFiniteNumberException>(() => LearningRateRange.Run(_ => double.NaN, CancellationToken.None));
    }

    [Fact]
    public void Where_the_loss_never_falls_nothing_is_suggested() =>
        Assert.Null(LearningRateRange.Run(rate => rate, CancellationToken.None).Suggested);
}
