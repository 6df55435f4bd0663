using System.Diagnostics;

namespace Mim.Inference;

/// <summary>Processor time of each part of a run, up to a moment.</summary>
/// <param name="Timestamp">The moment.</param>
/// <param name="Rows">In the table.</param>
/// <param name="Workers">Seconds, of all of them.</param>
/// <param name="Broker">Seconds.</param>
/// <param name="Database">Seconds.</param>
/// <param name="Harness">Seconds, of this process, which publishes and counts.</param>
public readonly record struct ChaosCost(long Timestamp, long Rows, double Workers, double Broker, double Database, double Harness)
{
    /// <summary>By the clock.</summary>
    public double Seconds => (double)Timestamp / Stopwatch.Frequency;

    /// <summary>Processors in use on average, if this is a difference.</summary>
    public double Processors => (Workers + Broker + Database + Harness) / Seconds;

    public static ChaosCost operator -(ChaosCost after, ChaosCost before) => new(
        after.Timestamp - before.Timestamp, after.Rows - before.Rows, after.Workers - before.Workers, after.Broker - before.Broker,
        after.Database - before.Database, after.Harness - before.Harness);
}
