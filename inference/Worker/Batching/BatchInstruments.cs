using System.Diagnostics.Metrics;

namespace Mim.Inference;

/// <summary>What batchers measure. Every measurement has the tag <c>model</c>.</summary>
static class BatchInstruments
{
    /// <summary>35 bounds from 15 µs, each 1.5 times the one before: those of the Text Embeddings Inference server, so that dashboards carry over.</summary>
    static readonly InstrumentAdvice<double> s_seconds = new() { HistogramBucketBoundaries = [.. Enumerable.Range(0, 35).Select(i => 1.5e-5 * Math.Pow(1.5, i))] };

    static readonly InstrumentAdvice<int> s_rows = new() { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096] };
    static readonly InstrumentAdvice<double> s_ratio = new() { HistogramBucketBoundaries = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1] };

    static readonly Meter s_meter = new("Mim.Inference");

    public static UpDownCounter<int> QueueDepth { get; } = s_meter.CreateUpDownCounter<int>("mim.inference.queue.depth", "{row}", "Rows that wait for a run.");

    public static UpDownCounter<int> Inflight { get; } = s_meter.CreateUpDownCounter<int>("mim.inference.inflight", "{request}", "Requests accepted and not answered.");

    public static Histogram<double> QueueSeconds { get; } =
        s_meter.CreateHistogram("mim.inference.queue.duration", "s", "From being accepted to the first run.", advice: s_seconds);

    public static Histogram<double> RunSeconds { get; } =
        s_meter.CreateHistogram("mim.inference.inference.duration", "s", "Runs of the engine.", advice: s_seconds);

    public static Histogram<double> DrainSeconds { get; } =
        s_meter.CreateHistogram("mim.inference.drain.duration", "s", "From being told to stop to the last answer.", advice: s_seconds);

    public static Histogram<int> BatchRows { get; } = s_meter.CreateHistogram("mim.inference.batch.size", "{row}", "Rows of a run.", advice: s_rows);

    public static Histogram<double> Fill { get; } =
        s_meter.CreateHistogram("mim.inference.batch.fill_ratio", "1", "Rows of a run over the most that it may hold.", advice: s_ratio);

    public static Histogram<double> Padding { get; } =
        s_meter.CreateHistogram("mim.inference.batch.padding_ratio", "1", "Rows that a run computed for nobody, over all that it computed.", advice: s_ratio);

    public static Counter<long> Items { get; } = s_meter.CreateCounter<long>("mim.inference.items", "{row}", "Rows, by what became of them.");
}
