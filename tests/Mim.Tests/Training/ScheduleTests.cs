using Mim.Training;

namespace Mim.Tests.Training;

public sealed class ScheduleTests
{
    [Theory]
    [InlineData(1, 1.0 / 3)]
    [InlineData(2, 2.0 / 3)]
    [InlineData(3, 1)]
    [InlineData(12, 0.5)]
    [InlineData(48, 0.25)]
    [InlineData(200, 0.1224744871391589)]
    public void The_rate_rises_linearly_and_falls_with_the_root(int epoch, double expected) =>
        Assert.Equal(expected, Schedule.Noam(epoch, 3), 1e-15);

    [Theory]
    [InlineData(1, 3, 1.0 / 3)]
    [InlineData(2, 3, 2.0 / 3)]
    [InlineData(3, 3, 1)]
    [InlineData(9, 3, 1)]
    [InlineData(1, 0, 1)]
    public void Beta_reaches_one_in_the_last_epoch_of_its_warm_up(int epoch, int warmup, double expected) =>
        Assert.Equal(expected, Schedule.Warmup(epoch, warmup), 1e-15);

    [Fact]
    public void Without_a_warm_up_the_rate_is_constant() => Assert.All([1, 7, 500], epoch => Assert.Equal(1, Schedule.Noam(epoch, 0)));

    // epoch:          1  2  3    4    5    6    7    8    9    10   11   12
    [Theory]
    [InlineData(new[] { 1, 2, 5, 4.0 }, 4, 0)]                                       // the warm-up's losses do not count
    [InlineData(new[] { 1, 1, 5, 6, 6, 6, 6.0 }, 3, 7)]                              // the fourth epoch after the best
    [InlineData(new[] { 1, 1, 5, 6, 6, 6, 4, 5, 5, 5.0 }, 7, 0)]                     // three are not enough, and a better one starts again
    [InlineData(new[] { 1, 1, 5, 6, 6, 6, 4, 4, 4, 4, 4.0 }, 7, 11)]                 // an equal loss is no better one
    [InlineData(new[] { 1, 1, double.NaN, double.NaN, 3, 9, 9, 9, 9.0 }, 5, 9)]
    public void Training_stops_when_more_than_patience_epochs_passed_since_the_best(double[] losses, int best, int stop)
    {
        var rule = new EarlyStopping(warmupEpochs: 3, patience: 3);
        var stopped = 0;
        for (var epoch = 1; epoch <= losses.Length && stopped == 0; epoch++)
        {
            rule.Observe(epoch, losses[epoch - 1]);
            stopped = rule.ShouldStop(epoch) ? epoch : 0;
        }
        Assert.Equal((best, stop), (rule.BestEpoch, stopped));
    }
}
