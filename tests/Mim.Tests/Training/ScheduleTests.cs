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
        Assert.Equal((best, stop), Watch(new EarlyStopping(EarlyStoppingRule.Patience, warmupEpochs: 3, patience: 3), losses));
    }

    // epoch:          1  2  3  4  5  6  7  8
    [Theory]
    [InlineData(new[] { 2, 3, 3, 3, 3, 3.0 }, 1, 6)]             // the best lies in the warm-up; the counter is 1 at its last epoch, 4
    [InlineData(new[] { 2, 3, 3, 1, 3, 3, 3, 3.0 }, 4, 7)]       // it starts again at a better one
    [InlineData(new[] { 9, 8, 7, 6, 5, 4.0 }, 6, 0)]
    [InlineData(new[] { 2, 3, 3, 3, 3, 1, 3, 3.0 }, 6, 0)]
    public void Looking_ahead_any_epoch_can_be_the_best_and_waiting_starts_with_the_warm_ups_end(double[] losses, int best, int stop) =>
        Assert.Equal((best, stop), Watch(new EarlyStopping(EarlyStoppingRule.LookAhead, warmupEpochs: 4, patience: 2), losses));

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Looking_ahead_is_the_reference_s_counter(int warmup)
    {
        const int patience = 3;
        var random = new Random(warmup);
        for (var trial = 0; trial < 200; trial++)
        {
            var losses = Enumerable.Range(0, 30).Select(_ => Math.Round(random.NextDouble(), 1)).ToArray();
            // The reference's loop, line for line: epochs from 1.
            var (best, bestLoss, counter, stop) = (0, double.PositiveInfinity, 0, 0);
            for (var epoch = 1; epoch <= losses.Length; epoch++)
            {
                if (losses[epoch - 1] < bestLoss)
                {
                    (counter, bestLoss, best) = (0, losses[epoch - 1], epoch);
                }
                else
                {
                    counter++;
                    if (epoch < warmup)
                    {
                        counter = 0;
                    }
                    if (counter > patience)
                    {
                        stop = epoch;
                        break;
                    }
                }
            }
            Assert.Equal((best, stop), Watch(new EarlyStopping(EarlyStoppingRule.LookAhead, warmup, patience), losses));
        }
    }

    static (int Best, int Stop) Watch(EarlyStopping rule, double[] losses)
    {
        var stopped = 0;
        for (var epoch = 1; epoch <= losses.Length && stopped == 0; epoch++)
        {
            rule.Observe(epoch, losses[epoch - 1]);
            stopped = rule.ShouldStop(epoch) ? epoch : 0;
        }
        return (rule.BestEpoch, stopped);
    }
}
