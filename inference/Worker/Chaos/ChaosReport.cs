using System.Globalization;

namespace Mim.Inference;

/// <summary>What a run showed.</summary>
public sealed record ChaosReport
{
    public required ChaosVerdict Verdict { get; init; }

    public required int Seed { get; init; }

    /// <summary>Messages; more than records where the broker's confirmation was lost.</summary>
    public required long Sent { get; init; }

    /// <summary>From the first worker's start to the last row.</summary>
    public required double Seconds { get; init; }

    public required int Workers { get; init; }

    public required int Kills { get; init; }

    public required int Drains { get; init; }

    /// <summary>Workers that did not end with 0 on SIGTERM.</summary>
    public required int DrainsFailed { get; init; }

    /// <summary>Channels that the broker closed because a delivery had not been acknowledged in time.</summary>
    public required int ConsumerTimeouts { get; init; }

    /// <summary>Whether there were to be others than poison.</summary>
    public required bool FaultsExpected { get; init; }

    /// <summary>As the workers counted that lived to say it.</summary>
    public required long Redelivered { get; init; }

    /// <summary>From the warm-up to the last row; null with faults, in which processes come and go.</summary>
    public required ChaosCost? Cost { get; init; }

    public bool Holds => Amiss.Count == 0;

    /// <summary>Why it does not hold, in words. A fault that has taken nothing from anybody has shown nothing.</summary>
    public IReadOnlyList<string> Amiss =>
    [
        .. If(!Verdict.Holds, "a record is not where it belongs"),
        .. If(DrainsFailed > 0, "a worker did not drain"),
        .. If(FaultsExpected && Kills == 0, "no worker was killed"),
        .. If(FaultsExpected && Redelivered == 0, "nothing was delivered again, so that no kill has met a record under way"),
        .. If(FaultsExpected && ConsumerTimeouts == 0, "no delivery was too late for the broker"),
        .. If(FaultsExpected && Verdict.RowsOf.Values.Any(rows => rows == 0), "a version of the model made no row"),
    ];

    public IEnumerable<string> Lines()
    {
        var records = Verdict.Good + Verdict.Poison;
        yield return Line("records in", $"{records:N0}, of which {Verdict.Poison:N0} poison; {Sent - records:N0} sent again");
        yield return Line("rows out", $"{Verdict.Rows:N0} of {Verdict.Good:N0}");
        yield return Line("rows that are not what they should be", $"{Verdict.Wrong:N0}");
        yield return Line("rows by version of the model", $"{string.Join(", ", Verdict.RowsOf.Select(version => $"{version.Key} {version.Value}"))}");
        yield return Line("lost", $"{Verdict.Lost:N0}");
        yield return Line("poison in the dead-letter queue", $"{Verdict.Dead:N0} of {Verdict.Poison:N0}; {Verdict.DeadTwice:N0} of them twice");
        yield return Line("wrongly in the dead-letter queue", $"{Verdict.WronglyDead:N0}");
        yield return Line("left in the queue", $"{Verdict.Left:N0}");
        yield return Line("redelivered and absorbed", $"at least {Redelivered:N0}");
        yield return Line("workers", $"{Workers}; {Kills} killed, {Drains} drained, {DrainsFailed} of them without exit code 0");
        yield return Line("consumer timeouts", $"{ConsumerTimeouts:N0}");
        yield return Line("time", $"{Seconds:F1} s, {Verdict.Rows / Seconds:N0} rows/s");
        if (Cost is { } cost)
        {
            yield return Line("after the warm-up", $"{cost.Rows / cost.Seconds:N0} rows/s on {cost.Processors:F2} of {Environment.ProcessorCount} processors");
            yield return Line("processor time a row",
                $"workers {Each(cost.Workers):F0} us, broker {Each(cost.Broker):F0} us, database {Each(cost.Database):F0} us, publishing and counting {Each(cost.Harness):F0} us");
            yield return Line("so one processor for each carries", $"workers {cost.Rows / cost.Workers:N0}, broker {cost.Rows / cost.Broker:N0}, database {cost.Rows / cost.Database:N0} rows/s");

            double Each(double seconds) => 1e6 * seconds / cost.Rows;
        }
        yield return Holds ? "held" : $"NOT held: {string.Join("; ", Amiss)}";
    }

    static string[] If(bool isSo, string what) => isSo ? [what] : [];

    static string Line(string what, FormattableString found) => $"{what,-38} {found.ToString(CultureInfo.InvariantCulture)}";
}
