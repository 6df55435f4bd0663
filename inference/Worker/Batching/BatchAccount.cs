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

    /// <summary>A run begins, which is the first of some requests.</summary>
    public void Begun(ReadOnlySpan<BatchPart> parts)
    {
        var now = Stopwatch.GetTimestamp();
        foreach (ref readonly var part in parts)
        {
            if (part.First > 0)
            {
                continue;
            }
            var waited = now - part.Request.QueuedAt;
            BatchInstruments.QueueSeconds.Record(Seconds(waited), _model);
            if (!part.Request.IsCanary)
            {
                statistics.Queue.Add(waited);
            }
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

    /// <summary>Counts requests that are about to be answered: once one is, its caller may reuse the object.</summary>
    public void Answered(ReadOnlySpan<BatchRequest> requests)
    {
        var (now, rows) = (Stopwatch.GetTimestamp(), 0);
        foreach (var request in requests)
        {
            if (!request.IsCanary)
            {
                statistics.Success.Add(now - request.QueuedAt);
                rows += request.Rows;
            }
        }
        statistics.Answered(rows);
        BatchInstruments.Inflight.Add(-requests.Length, _model);
        Outcome(rows, "ok");
    }

    public void Fail(BatchRequest request, string outcome, Exception e)
    {
        try
        {
            BatchInstruments.Inflight.Add(-1, _model);
            if (!request.IsCanary)
            {
                statistics.Fail.Add(Stopwatch.GetTimestamp() - request.QueuedAt);
                Outcome(request.Rows, outcome);
            }
        }
        finally
        {
            request.Fail(e);
        }
    }

    public void Drained(TimeSpan time) => BatchInstruments.DrainSeconds.Record(time.TotalSeconds, _model);

    void Outcome(int rows, string outcome)
    {
        if (rows > 0)
        {
            BatchInstruments.Items.Add(rows, _model, new("outcome", outcome));
        }
    }

    static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
