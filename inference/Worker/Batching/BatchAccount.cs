using System.Diagnostics;

namespace Mim.Inference;

/// <summary>Counts what one batcher does, for the meter and for the statistics extension. What the worker asks itself counts as load, and not as rows of callers.</summary>
sealed class BatchAccount(string model, BatchStatistics statistics)
{
    readonly KeyValuePair<string, object?> _model = new("model", model);

    public void Accepted(BatchRequest request)
    {
        BatchInstruments.QueueDepth.Add(request.Rows, _model);
        BatchInstruments.Inflight.Add(1, _model);
    }

    public void Refused(int rows) => Outcome(rows, "refused");

    /// <summary>Rows leave the queue.</summary>
    public void Left(int rows) => BatchInstruments.QueueDepth.Add(-rows, _model);

    /// <summary>The first run of a request begins.</summary>
    public void Begun(BatchRequest request)
    {
        var waited = Stopwatch.GetTimestamp() - request.QueuedAt;
        BatchInstruments.QueueSeconds.Record(Seconds(waited), _model);
        if (!request.IsCanary)
        {
            statistics.Queue.Add(waited);
        }
    }

    /// <summary>Rows are run again, in smaller batches.</summary>
    public void Retried(int rows) => Outcome(rows, "retried");

    /// <param name="rows">Of the batch.</param>
    /// <param name="padded">Rows that the engine computed.</param>
    /// <param name="maxRows">Rows that it might have.</param>
    /// <param name="started">Timestamps, in their order.</param>
    public void Ran(int rows, int padded, int maxRows, long started, long filled, long computed)
    {
        statistics.Ran(rows, started, filled, computed, Stopwatch.GetTimestamp());
        BatchInstruments.RunSeconds.Record(Seconds(computed - filled), _model);
        BatchInstruments.BatchRows.Record(rows, _model);
        BatchInstruments.Fill.Record((double)rows / maxRows, _model);
        BatchInstruments.Padding.Record(1 - (double)rows / padded, _model);
    }

    public void Succeed(BatchRequest request)
    {
        Ended(request, "ok", statistics.Success);
        request.Succeed();
    }

    public void Fail(BatchRequest request, string outcome, Exception e)
    {
        Ended(request, outcome, statistics.Fail);
        request.Fail(e);
    }

    public void Drained(TimeSpan time) => BatchInstruments.DrainSeconds.Record(time.TotalSeconds, _model);

    /// <summary>Once a request is answered its caller may reuse the object, so this comes before, and nobody touches it afterwards.</summary>
    void Ended(BatchRequest request, string outcome, TimedCount count)
    {
        BatchInstruments.Inflight.Add(-1, _model);
        if (!request.IsCanary)
        {
            count.Add(Stopwatch.GetTimestamp() - request.QueuedAt);
            if (count == statistics.Success)
            {
                statistics.Answered(request.Rows);
            }
            Outcome(request.Rows, outcome);
        }
    }

    void Outcome(int rows, string outcome) => BatchInstruments.Items.Add(rows, _model, new("outcome", outcome));

    static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
