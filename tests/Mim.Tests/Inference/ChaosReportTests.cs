using Mim.Inference;

namespace Mim.Tests.Inference;

public sealed class ChaosReportTests
{
    static readonly ChaosReport s_sound = new()
    {
        Verdict = new()
        {
            Good = 100,
            Poison = 2,
            Rows = 100,
            Wrong = 0,
            RowsOf = new Dictionary<string, int> { ["1"] = 60, ["2"] = 40 },
            Lost = 0,
            Dead = 2,
            DeadTwice = 1,
            WronglyDead = 0,
            Left = 0,
        },
        Seed = 1,
        Sent = 102,
        Seconds = 1,
        Workers = 3,
        Kills = 6,
        Drains = 6,
        DrainsFailed = 0,
        ConsumerTimeouts = 1,
        FaultsExpected = true,
        Redelivered = 1,
        Cost = null,
    };

    [Fact]
    public void A_run_whose_faults_have_bitten_and_lost_nothing_holds() => Assert.Equal((true, "held"), (s_sound.Holds, s_sound.Lines().Last()));

    [Fact]
    public void Faults_after_which_nothing_is_delivered_again_have_shown_nothing() => Fails(s_sound with { Redelivered = 0 }, "nothing was delivered again");

    [Fact]
    public void Each_fault_that_is_missing_is_named()
    {
        Fails(s_sound with { Kills = 0 }, "no worker was killed");
        Fails(s_sound with { ConsumerTimeouts = 0 }, "no delivery was too late");
        Fails(s_sound with { DrainsFailed = 1 }, "did not drain");
        Fails(s_sound with { Verdict = s_sound.Verdict with { RowsOf = new Dictionary<string, int> { ["1"] = 100, ["2"] = 0 } } }, "a version of the model made no row");
    }

    [Fact]
    public void A_record_that_is_lost_left_or_wrongly_dead_is_enough()
    {
        foreach (var verdict in (ChaosVerdict[])
            [
                s_sound.Verdict with { Rows = 101 }, s_sound.Verdict with { Wrong = 1 }, s_sound.Verdict with { Lost = 1 }, s_sound.Verdict with { Dead = 1 },
                s_sound.Verdict with { WronglyDead = 1 }, s_sound.Verdict with { Left = 1 },
            ])
        {
            Fails(s_sound with { Verdict = verdict }, "a record is not where it belongs");
        }
    }

    [Fact]
    public void A_calm_run_needs_no_faults() =>
        Assert.True((s_sound with { FaultsExpected = false, Kills = 0, Redelivered = 0, ConsumerTimeouts = 0 }).Holds);

    static void Fails(ChaosReport report, string why)
    {
        Assert.False(report.Holds);
        Assert.Contains(why, Assert.Single(report.Amiss), StringComparison.Ordinal);
        Assert.Equal($"NOT held: {report.Amiss[0]}", report.Lines().Last());
    }
}
