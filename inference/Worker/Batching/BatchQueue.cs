using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Mim.Inference;

/// <summary>How a batcher gathers.</summary>
/// <param name="QueueRows">Rows that may wait, and so the longest request.</param>
/// <param name="Linger">How long the oldest waiting row waits for a batch to fill; zero: a batch is what waits when the run before it ends.</param>
public readonly record struct BatchLimits(int QueueRows, TimeSpan Linger = default);

/// <summary>What waits for a run, in order of arrival, bounded in rows. Anybody queues; one thread takes.</summary>
sealed class BatchQueue(BatchLimits limits, int maxRows, BatchAccount account)
{
    /// <summary>A wait counts whole milliseconds, upwards.</summary>
    static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(1);

    readonly ConcurrentQueue<BatchRequest> _pool = new();
    readonly object _gate = new();
    readonly Queue<BatchRequest> _queue = new();
    int _queuedRows;

    /// <summary>Somebody who waits has less time than the linger.</summary>
    bool _isUrgent;

    Exception? _abandoned;
    volatile bool _stopping;

    public bool IsStopping => _stopping;

    public bool TryQueue(
        ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs, TimeSpan patience, bool isCanary, CancellationToken cancellationToken,
        out ValueTask completion)
    {
        lock (_gate)
        {
            if (!_stopping && rows <= limits.QueueRows - _queuedRows)
            {
                if (!_pool.TryDequeue(out var request))
                {
                    request = new BatchRequest(_pool);
                }
                completion = request.Start(input, rows, outputs, patience, isCanary, cancellationToken);
                account.Accepted(request);
                _queue.Enqueue(request);
                _queuedRows += rows;
                _isUrgent |= limits.Linger > TimeSpan.Zero && patience != Timeout.InfiniteTimeSpan && patience <= limits.Linger + s_tick;
                // The thread waits for a first request, or for a batch that is full or cannot wait.
                if (_queue.Count == 1 || _queuedRows >= maxRows || _isUrgent)
                {
                    Monitor.Pulse(_gate);
                }
                return true;
            }
        }
        if (!isCanary)
        {
            account.Refused(rows);
        }
        completion = default;
        return false;
    }

    /// <param name="abandoned">What to fail those with that wait; null lets them be answered.</param>
    public void Stop(Exception? abandoned)
    {
        lock (_gate)
        {
            _stopping = true;
            _abandoned ??= abandoned;
            FailQueued(ofThread: false);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The thread dies: fails everything that waits or that it holds.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "A dying thread must be heard of by every caller.")]
    public void Die(List<BatchPart> held, Exception e)
    {
        lock (_gate)
        {
            _stopping = true;
            _abandoned = e;
            foreach (var part in held)
            {
                // A request with rows left is in the queue still.
                if (part.Request is { } taken && !_queue.Contains(taken))
                {
                    _queue.Enqueue(taken);
                }
            }
            while (_queue.Count > 0)
            {
                try
                {
                    FailQueued(ofThread: true);
                }
                catch (Exception)
                {
                    // Whoever listens to the meter; the thread dies of an exception already, and each request is answered before this one travels.
                }
            }
        }
    }

    /// <summary>Waits for a batch and takes it; <see langword="false"/> once stopped and empty.</summary>
    public bool Take(List<BatchPart> parts)
    {
        lock (_gate)
        {
            while (true)
            {
                FailQueued(ofThread: true);
                if (_queue.Count == 0 && _stopping)
                {
                    return false;
                }
                var linger = Linger();
                if (linger != TimeSpan.Zero)
                {
                    Monitor.Wait(_gate, linger);
                    continue;
                }
                Fill(parts);
                if (parts.Count > 0)
                {
                    return true;
                }
            }
        }
    }

    /// <summary>The rows of this request that still wait shall not be run.</summary>
    public void Forget(BatchRequest request)
    {
        lock (_gate)
        {
            // A batch takes part of a request only at its end, so only the first can have rows left.
            if (_queue.TryPeek(out var head) && head == request)
            {
                _queue.Dequeue();
                Leave(head.Rows - head.Taken);
            }
        }
    }

    /// <summary>How long to wait for more: without end while nothing waits, and not at all for a batch that is full or in which somebody cannot wait.</summary>
    TimeSpan Linger()
    {
        if (!_queue.TryPeek(out var oldest))
        {
            return Timeout.InfiniteTimeSpan;
        }
        if (limits.Linger == TimeSpan.Zero || _stopping || _queuedRows >= maxRows || oldest.Taken > 0 || oldest.Token.IsCancellationRequested || _isUrgent)
        {
            return TimeSpan.Zero;
        }
        var left = limits.Linger - Stopwatch.GetElapsedTime(oldest.QueuedAt);
        return left <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
    }

    void Fill(List<BatchPart> parts)
    {
        var taken = 0;
        while (taken < maxRows && _queue.TryPeek(out var request))
        {
            var left = request.Rows - request.Taken;
            if (request.Token.IsCancellationRequested || request.IsLate)
            {
                _queue.Dequeue();
                // First: whoever listens to the meter may throw.
                Drop(request);
                Leave(left);
                continue;
            }
            var rows = Math.Min(maxRows - taken, left);
            parts.Add(new(request, request.Taken, rows));
            request.Taken += rows;
            taken += rows;
            if (request.Taken == request.Rows)
            {
                _queue.Dequeue();
            }
        }
        Leave(taken);
        _isUrgent &= _queue.Count > 0;
    }

    void Drop(BatchRequest request)
    {
        if (request.Token.IsCancellationRequested)
        {
            account.Fail(request, "cancelled", new OperationCanceledException(request.Token));
        }
        else
        {
            account.Fail(request, "dropped_deadline", new TimeoutException("the request's time was up before its run began; the worker is busy."));
        }
    }

    /// <summary>Fails what waits once that has been decided. A request of which a batch holds a part is left to the thread, which writes into its memory.</summary>
    void FailQueued(bool ofThread)
    {
        if (_abandoned is not { } reason)
        {
            return;
        }
        for (var waiting = _queue.Count; waiting > 0; waiting--)
        {
            var request = _queue.Dequeue();
            if (request.Taken > 0 && !ofThread)
            {
                _queue.Enqueue(request);
                continue;
            }
            var left = request.Rows - request.Taken;
            account.Fail(request, "failed", reason);
            Leave(left);
        }
    }

    void Leave(int rows)
    {
        _queuedRows -= rows;
        account.Left(rows);
    }
}
