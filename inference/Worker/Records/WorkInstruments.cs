using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Mim.Inference;

/// <summary>What a stream worker measures, and its spans.</summary>
/// <param name="source">The source's name.</param>
sealed class WorkInstruments(string source)
{
    static readonly Meter s_meter = new("Mim.Inference");
    static readonly Counter<long> s_records = s_meter.CreateCounter<long>("mim.inference.records", "{record}", "Records by what became of them.");
    static readonly UpDownCounter<int> s_inFlight =
        s_meter.CreateUpDownCounter<int>("mim.inference.records.inflight", "{record}", "Records read and neither acknowledged nor dead letters.");
    static readonly Histogram<double> s_sinkSeconds = s_meter.CreateHistogram<double>("mim.inference.sink.duration", "s", "A batch in the sink, retries included.");
    static readonly Histogram<double> s_lag = s_meter.CreateHistogram<double>("mim.inference.lag", "s", "From a record's being sent to its vector's being written.");

    readonly KeyValuePair<string, object?> _source = new("source", source);

    public WorkCounts Counts { get; } = new();

    /// <summary>One activity a batch, linked to the traces of its records; none without a listener.</summary>
    public static Activity? Start(IReadOnlyList<SourceRecord> records)
    {
        if (!Tracing.Source.HasListeners())
        {
            return null;
        }
        List<ActivityLink> links = [];
        foreach (var record in records)
        {
            if (record.TraceParent is { } parent && ActivityContext.TryParse(parent, null, isRemote: true, out var context))
            {
                links.Add(new(context));
            }
        }
        return Tracing.Source.StartActivity(ActivityKind.Consumer, links: links, name: "mim.work.batch");
    }

    public void Read(IReadOnlyList<SourceRecord> records)
    {
        Counts.AddRead(records.Count, records.Count(record => record.Attempt > 1));
        s_inFlight.Add(records.Count, _source);
    }

    /// <summary>As many are no longer in flight.</summary>
    public void Finished(int records) => s_inFlight.Add(-records, _source);

    public void Sunk(TimeSpan taken) => s_sinkSeconds.Record(taken.TotalSeconds, _source);

    public void Written(IReadOnlyList<SourceRecord> records, DateTimeOffset now)
    {
        Counts.AddWritten(records.Count);
        Add(records.Count, "written");
        foreach (var record in records)
        {
            if (record.SentAt is { } sent)
            {
                s_lag.Record(Math.Max(0, (now - sent).TotalSeconds), _source);
            }
        }
    }

    public void Retried(int records)
    {
        Counts.AddRetried(records);
        Add(records, "retried");
    }

    public void DeadLettered()
    {
        Counts.AddDeadLettered();
        Add(1, "dead_lettered");
    }

    void Add(int records, string outcome) => s_records.Add(records, _source, new("outcome", outcome));
}
