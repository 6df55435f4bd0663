using System.Collections.Concurrent;
using System.Diagnostics;
using System.Threading.Tasks.Sources;

namespace Mim.Inference;

/// <summary>A pooled completion: bulk callers submit thousands of these, and none is garbage.</summary>
sealed class BatchRequest(ConcurrentQueue<BatchRequest> pool) : IValueTaskSource
{
    // Continuations must not run on the inference thread.
    ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };

    public ReadOnlyMemory<float> Input { get; private set; }
    public int Rows { get; private set; }
    public Memory<float>[] Outputs { get; private set; } = [];
    public CancellationToken Token { get; private set; }

    /// <summary>Timestamp.</summary>
    public long QueuedAt { get; private set; }

    /// <summary>Timestamp before which the first run must begin; null: none.</summary>
    public long? Deadline { get; private set; }

    /// <summary>Asked by the worker itself, and so not counted among what callers asked.</summary>
    public bool IsCanary { get; private set; }

    /// <summary>Rows that some batch has taken.</summary>
    public int Taken { get; set; }

    public bool IsLate => Taken == 0 && Deadline is { } deadline && Stopwatch.GetTimestamp() >= deadline;

    public ValueTask Start(
        ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs, TimeSpan patience, bool isCanary, CancellationToken cancellationToken)
    {
        _source.Reset();
        (Input, Rows, Outputs, Token, QueuedAt, Taken) = (input, rows, outputs, cancellationToken, Stopwatch.GetTimestamp(), 0);
        (Deadline, IsCanary) = (patience == Timeout.InfiniteTimeSpan ? null : QueuedAt + Ticks(patience), isCanary);
        return new(this, _source.Version);
    }

    public void Succeed() => _source.SetResult(true);

    public void Fail(Exception e) => _source.SetException(e);

    public void GetResult(short token)
    {
        try
        {
            _source.GetResult(token);
        }
        finally
        {
            (Input, Outputs, Token) = (default, [], default);
            pool.Enqueue(this);
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    /// <summary>Of <see cref="Stopwatch"/>; a patience of centuries is cut to one that can be added.</summary>
    static long Ticks(TimeSpan time) => (long)Math.Min(time.TotalSeconds * Stopwatch.Frequency, long.MaxValue / 4);
}

/// <summary>Rows [First, First + Rows) of a request, in one batch.</summary>
readonly record struct BatchPart(BatchRequest Request, int First, int Rows)
{
    public bool EndsRequest => First + Rows == Request.Rows;

    public ReadOnlyMemory<float> Input(int width) => Request.Input.Slice(First * width, Rows * width);

    public void Scatter(Memory<float> batch, int firstInBatch, int output, int width)
    {
        var wanted = Request.Outputs[output];
        if (!wanted.IsEmpty)
        {
            batch.Span[(firstInBatch * width)..].CopyTo(wanted.Span[(First * width)..]);
        }
    }
}
