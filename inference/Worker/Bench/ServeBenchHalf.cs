using System.Text.Json.Serialization;

namespace Mim.Inference;

/// <summary>One half of a pair, or all halves of one side together.</summary>
/// <param name="Rows">Rows that were embedded.</param>
/// <param name="Seconds">By the clock.</param>
/// <param name="ProcessorSeconds">Of whoever computed, its clients aside.</param>
/// <param name="Latencies">Seconds of each request, or of each run, in any order.</param>
public sealed record ServeBenchHalf(long Rows, double Seconds, double ProcessorSeconds, IReadOnlyList<double> Latencies)
{
    /// <summary>In ascending order.</summary>
    [JsonIgnore]
    public IReadOnlyList<double> Latencies { get; } = [.. Latencies.Order()];

    public int Requests => Latencies.Count;

    /// <summary>Milliseconds.</summary>
    public double P50 => Quantile(0.5);

    /// <summary>Milliseconds.</summary>
    public double P99 => Quantile(0.99);

    public double RowsPerSecond => Rows / Seconds;

    public double MicrosecondsPerRow => 1e6 * ProcessorSeconds / Rows;

    /// <summary>Latencies are pooled: a quantile of few requests is rough, and a median of quantiles leaves out the slow halves.</summary>
    public static ServeBenchHalf Together(IReadOnlyCollection<ServeBenchHalf> halves) => new(
        halves.Sum(half => half.Rows), halves.Sum(half => half.Seconds), halves.Sum(half => half.ProcessorSeconds), [.. halves.SelectMany(half => half.Latencies)]);

    double Quantile(double at) => 1e3 * Latencies[(int)Math.Min(Latencies.Count - 1, at * Latencies.Count)];
}
