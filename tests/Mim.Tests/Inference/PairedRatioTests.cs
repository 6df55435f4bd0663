using Mim.Inference;

namespace Mim.Tests.Inference;

public sealed class PairedRatioTests
{
    [Fact]
    public void The_interval_of_equal_ratios_is_that_ratio()
    {
        var result = PairedRatio.Of([.. Enumerable.Repeat(0.9, 15)]);
        Assert.Equal((0.9, 0.9, 0.9), (result.Median, result.Low, result.High));
    }

    [Fact]
    public void The_interval_is_near_the_order_statistics_of_the_median()
    {
        // For n = 15 the exact distribution-free 95 % interval of a median is the 4th to the 12th value (binomial: 96.5 %).
        var result = PairedRatio.Of([.. Enumerable.Range(1, 15).Select(i => (double)i)]);
        Assert.Equal(8, result.Median);
        Assert.InRange(result.Low, 4, 5);
        Assert.InRange(result.High, 11, 12);
    }
}
