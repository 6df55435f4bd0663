using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Mim.Inference;

/// <summary>Computes the outputs of the first <paramref name="rows"/> input rows, in place.</summary>
public delegate void RunBatch(int rows);

/// <summary>
/// Coalesces the rows of concurrent requests into batches for one model, on one thread of its own. A batch is whatever is waiting when the
/// previous run ends and the linger is over, so latency at low load is one run and throughput at high load is MaxRows a run. A long request spans
/// several runs. The queue is bounded in rows; a caller that does not fit is refused at once, and one that was accepted is always answered. When a run
/// fails its batch is halved until the requests that the engine cannot compute are alone: their neighbours are answered.
/// </summary>
public sealed class MicroBatcher : IDisposable
{
    /// <summary>How long a run may go on after the batcher is disposed of; one that hangs must not hang the process.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    readonly BatchBuffers _buffers;
    readonly RunBatch _run;
    readonly ILogger _logger;
    readonly BatchAccount _account;
    readonly BatchQueue _queue;
    readonly Thread _thread;
    readonly List<BatchRequest> _answered;
    readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    volatile bool _lastRunFailed;

    /// <param name="model">Value of the <c>model</c> tag of every measurement.</param>
    public MicroBatcher(BatchBuffers buffers, RunBatch run, BatchLimits limits, string model, ILogger logger)
    {
        _buffers = buffers;
        _run = run;
        _logger = logger;
        Statistics = new(buffers.MaxRows);
        _account = new(model, Statistics);
        _queue = new(limits, buffers.MaxRows, _account);
        _answered = new(buffers.MaxRows);
        _thread = new(Supervise) { IsBackground = true, Name = $"inference {model}" };
        _thread.Start();
    }

    /// <summary>Ends when the batcher has stopped and every accepted row is answered; fails if the inference thread itself does.</summary>
    public Task Completion => _completion.Task;

    /// <summary>The engine refused the latest request that it was given alone. The next success clears it.</summary>
    public bool LastRunFailed => _lastRunFailed;

    /// <summary>New rows are refused because of that, and not because the queue is full.</summary>
    public bool IsStopping => _queue.IsStopping;

    public BatchBuffers Buffers => _buffers;

    public BatchStatistics Statistics { get; }

    /// <summary>
    /// Queues <paramref name="rows"/> rows. <see langword="false"/> when they do not fit or the batcher is stopping.
    /// Input and outputs stay the batcher's until <paramref name="completion"/> ends, cancelled or not; await it exactly once.
    /// </summary>
    /// <param name="outputs">One buffer per model output; an empty one is not wanted.</param>
    public bool TryRun(ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs, CancellationToken cancellationToken, out ValueTask completion) =>
        TryRun(input, rows, outputs, Timeout.InfiniteTimeSpan, cancellationToken, out completion);

    /// <summary>The same, for a caller who does not wait for ever.</summary>
    /// <param name="patience">How soon the first run must begin; after that it is not, and the completion fails with a <see cref="TimeoutException"/>.</param>
    public bool TryRun(
        ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs, TimeSpan patience, CancellationToken cancellationToken, out ValueTask completion)
    {
        CheckShape(input, rows, outputs);
        return _queue.TryQueue(input, rows, outputs, patience, isCanary: false, cancellationToken, out completion);
    }

    /// <summary>Queues rows of the worker's own, which no count of callers' rows has in it.</summary>
    internal bool TryRunCanary(ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs, out ValueTask completion)
    {
        CheckShape(input, rows, outputs);
        return _queue.TryQueue(input, rows, outputs, Timeout.InfiniteTimeSpan, isCanary: true, CancellationToken.None, out completion);
    }

    /// <summary>Refuses new rows, then waits until every accepted row is answered; those that still wait at the deadline are failed.</summary>
    /// <param name="cancellationToken">The deadline.</param>
    /// <exception cref="TimeoutException">Some were.</exception>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        _queue.Stop(null);
        try
        {
            await Completion.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            TimeoutException late = new("the worker stopped before every accepted row was answered; give it longer to drain.");
            _queue.Stop(late);
            throw late;
        }
        _account.Drained(Stopwatch.GetElapsedTime(start));
    }

    public void Dispose()
    {
        _queue.Stop(new ObjectDisposedException(nameof(MicroBatcher)));
        _thread.Join(s_patience);
    }

    void CheckShape(ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        if (input.Length != (long)rows * _buffers.InputWidth)
        {
            throw new ArgumentException($"{rows} rows of {_buffers.InputWidth} values expected, found {input.Length} values.", nameof(input));
        }
        if (outputs.Length != _buffers.OutputWidths.Count)
        {
            throw new ArgumentException($"{_buffers.OutputWidths.Count} output buffers expected, found {outputs.Length}.", nameof(outputs));
        }
        for (var i = 0; i < outputs.Length; i++)
        {
            if (outputs[i].Length != 0 && outputs[i].Length != (long)rows * _buffers.OutputWidths[i])
            {
                throw new ArgumentException($"Output {i}: {(long)rows * _buffers.OutputWidths[i]} values expected, found {outputs[i].Length}.", nameof(outputs));
            }
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "A dead inference thread must be heard of by every caller and by the host.")]
    void Supervise()
    {
        var parts = new List<BatchPart>(_buffers.MaxRows);
        try
        {
            while (_queue.Take(parts))
            {
                _account.Begun(CollectionsMarshal.AsSpan(parts));
                Run(CollectionsMarshal.AsSpan(parts));
                parts.Clear();
            }
            _completion.SetResult();
        }
        catch (Exception e)
        {
            _queue.Die(parts, e);
            _completion.SetException(e);
            _logger.ThreadDied(e);
        }
    }

    /// <summary>Runs a batch. One that the engine refuses is run by halves, and a request that it refuses alone is failed.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Every caller that the engine refuses must hear why, whatever it is.")]
    void Run(Span<BatchPart> parts)
    {
        var started = Stopwatch.GetTimestamp();
        long filled;
        var rows = 0;
        try
        {
            foreach (ref readonly var part in parts)
            {
                part.Input(_buffers.InputWidth).CopyTo(_buffers.Input(rows + part.Rows)[(rows * _buffers.InputWidth)..]);
                rows += part.Rows;
            }
            filled = Stopwatch.GetTimestamp();
            _run(rows);
            _lastRunFailed = false;
        }
        catch (Exception e)
        {
            if (parts.Length == 1)
            {
                _lastRunFailed = true;
                _logger.RunFailed(parts[0].Rows, e);
                Abandon(ref parts[0], e);
                return;
            }
            _account.Retried(rows);
            // A smaller batch is padded with what lies behind it: the row that the engine refuses must not be there.
            _buffers.Input(_buffers.MaxRows).Span.Clear();
            Run(parts[..(parts.Length / 2)]);
            Run(parts[(parts.Length / 2)..]);
            return;
        }
        var computed = Stopwatch.GetTimestamp();
        Answer(parts);
        _account.Ran(rows, _buffers.Padded(rows), _buffers.MaxRows, started, filled, computed);
    }

    void Answer(Span<BatchPart> parts)
    {
        _answered.Clear();
        var first = 0;
        foreach (ref readonly var part in parts)
        {
            for (var i = 0; i < part.Request.Outputs.Length; i++)
            {
                part.Scatter(_buffers.Output(i, first + part.Rows), first, i, _buffers.OutputWidths[i]);
            }
            first += part.Rows;
            if (part.EndsRequest)
            {
                _answered.Add(part.Request);
            }
        }
        _account.Answered(CollectionsMarshal.AsSpan(_answered));
        foreach (ref var part in parts)
        {
            if (part.EndsRequest)
            {
                part = default;
            }
        }
        foreach (var request in _answered)
        {
            request.Succeed();
        }
    }

    void Abandon(ref BatchPart part, Exception e)
    {
        var request = part.Request;
        _queue.Forget(request);
        part = default;
        _account.Fail(request, "failed", e);
    }
}
