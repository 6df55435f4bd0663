using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using System.Threading.Tasks.Sources;
using Microsoft.Extensions.Logging;

namespace Mim.Inference;

/// <summary>Computes the outputs of the first <paramref name="rows"/> input rows, in place.</summary>
public delegate void RunBatch(int rows);

/// <summary>
/// Coalesces the rows of concurrent requests into batches for one model, on one thread of its own. A batch is whatever is waiting when the
/// previous run ends, so latency at low load is one run and throughput at high load is MaxRows a run. A long request spans several runs.
/// The queue is bounded in rows; a caller that does not fit is refused at once, and one that was accepted is always answered.
/// </summary>
public sealed class MicroBatcher : IDisposable
{
    static readonly Meter s_meter = new("Mim.Inference");
    static readonly UpDownCounter<int> s_depth = s_meter.CreateUpDownCounter<int>("mim.inference.queue.depth", "{row}");
    static readonly UpDownCounter<int> s_inflight = s_meter.CreateUpDownCounter<int>("mim.inference.inflight", "{request}");
    static readonly Histogram<double> s_queueSeconds = s_meter.CreateHistogram<double>("mim.inference.queue.duration", "s");
    static readonly Histogram<double> s_runSeconds = s_meter.CreateHistogram<double>("mim.inference.inference.duration", "s");
    static readonly Histogram<double> s_drainSeconds = s_meter.CreateHistogram<double>("mim.inference.drain.duration", "s");
    static readonly Histogram<int> s_batchRows = s_meter.CreateHistogram<int>("mim.inference.batch.size", "{row}");
    static readonly Histogram<double> s_fill = s_meter.CreateHistogram<double>("mim.inference.batch.fill_ratio", "1");
    static readonly Counter<long> s_items = s_meter.CreateCounter<long>("mim.inference.items", "{row}");

    readonly BatchBuffers _buffers;
    readonly RunBatch _run;
    readonly int _queueCapacity;
    readonly KeyValuePair<string, object?> _model;
    readonly ILogger _logger;
    readonly Thread _thread;
    readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly ConcurrentQueue<Request> _pool = new();

    /// <summary>How long a run may go on after the batcher is disposed of; one that hangs must not hang the process.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    readonly object _gate = new();
    readonly Queue<Request> _queue = new();
    int _queuedRows;
    Exception? _abandoned;
    volatile bool _stopping;
    volatile bool _lastRunFailed;

    /// <param name="queueCapacity">Rows that may wait, and so the longest request.</param>
    /// <param name="model">Value of the <c>model</c> tag of every measurement.</param>
    public MicroBatcher(BatchBuffers buffers, RunBatch run, int queueCapacity, string model, ILogger logger)
    {
        _buffers = buffers;
        _run = run;
        _queueCapacity = queueCapacity;
        _model = new("model", model);
        _logger = logger;
        _thread = new(Supervise) { IsBackground = true, Name = $"inference {model}" };
        _thread.Start();
    }

    /// <summary>Ends when the batcher has stopped and every accepted row is answered; fails if the inference thread itself does.</summary>
    public Task Completion => _completion.Task;

    /// <summary>The engine refused the latest batch. The next success clears it.</summary>
    public bool LastRunFailed => _lastRunFailed;

    /// <summary>Whether rows are refused because the batcher stops, not because they do not fit.</summary>
    public bool IsStopping => _stopping;

    public BatchBuffers Buffers => _buffers;

    /// <summary>
    /// Queues <paramref name="rows"/> rows. <see langword="false"/> when they do not fit or the batcher is stopping.
    /// Input and outputs stay the batcher's until <paramref name="completion"/> ends, cancelled or not; await it exactly once.
    /// </summary>
    /// <param name="outputs">One buffer per model output; an empty one is not wanted.</param>
    public bool TryRun(ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs, CancellationToken cancellationToken, out ValueTask completion)
    {
        CheckShape(input, rows, outputs);
        lock (_gate)
        {
            if (!_stopping && rows <= _queueCapacity - _queuedRows)
            {
                if (!_pool.TryDequeue(out var request))
                {
                    request = new Request(_pool);
                }
                completion = request.Start(input, rows, outputs, cancellationToken);
                _queue.Enqueue(request);
                _queuedRows += rows;
                s_depth.Add(rows, _model);
                s_inflight.Add(1, _model);
                Monitor.Pulse(_gate);
                return true;
            }
        }
        s_items.Add(rows, _model, new("outcome", "refused"));
        completion = default;
        return false;
    }

    /// <summary>Refuses new rows, then waits until every accepted row is answered; those that still wait at the deadline are failed.</summary>
    /// <param name="cancellationToken">The deadline.</param>
    /// <exception cref="TimeoutException">Some were.</exception>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        BeginStop(null);
        try
        {
            await Completion.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            TimeoutException late = new("the worker stopped before every accepted row was answered; give it longer to drain.");
            BeginStop(late);
            throw late;
        }
        s_drainSeconds.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, _model);
    }

    public void Dispose()
    {
        BeginStop(new ObjectDisposedException(nameof(MicroBatcher)));
        _thread.Join(s_patience);
    }

    /// <param name="abandoned">What to fail those with that wait; null lets them be answered.</param>
    void BeginStop(Exception? abandoned)
    {
        lock (_gate)
        {
            _stopping = true;
            _abandoned ??= abandoned;
            FailQueued();
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Fails what waits once that has been decided. A request of which a batch holds a part is left to the thread, which writes into its memory.</summary>
    void FailQueued()
    {
        if (_abandoned is not { } reason)
        {
            return;
        }
        for (var waiting = _queue.Count; waiting > 0; waiting--)
        {
            var request = _queue.Dequeue();
            if (request.Taken > 0 && Thread.CurrentThread != _thread)
            {
                _queue.Enqueue(request);
                continue;
            }
            Leave(request.Rows - request.Taken);
            Count(request, "failed");
            request.Fail(reason);
        }
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
        var parts = new List<Part>(_buffers.MaxRows);
        try
        {
            while (Take(parts))
            {
                if (parts.Count > 0)
                {
                    Run(parts);
                    parts.Clear();
                }
            }
            _completion.SetResult();
        }
        catch (Exception e)
        {
            lock (_gate)
            {
                _stopping = true;
                _abandoned = e;
                foreach (var part in parts)
                {
                    // A request with rows left is in the queue still.
                    if (part.Request is { } taken && !_queue.Contains(taken))
                    {
                        _queue.Enqueue(taken);
                    }
                }
                FailQueued();
            }
            _completion.SetException(e);
            _logger.ThreadDied(e);
        }
    }

    /// <summary>Waits for rows and takes up to a batch of them, in order of arrival; <see langword="false"/> once stopped and empty.</summary>
    bool Take(List<Part> parts)
    {
        lock (_gate)
        {
            FailQueued();
            while (_queue.Count == 0)
            {
                if (_stopping)
                {
                    return false;
                }
                Monitor.Wait(_gate);
            }
            var taken = 0;
            while (taken < _buffers.MaxRows && _queue.TryPeek(out var request))
            {
                var left = request.Rows - request.Taken;
                if (request.Token.IsCancellationRequested)
                {
                    _queue.Dequeue();
                    Leave(left);
                    Count(request, "cancelled");
                    request.Fail(new OperationCanceledException(request.Token));
                    continue;
                }
                if (request.Taken == 0)
                {
                    s_queueSeconds.Record(Stopwatch.GetElapsedTime(request.QueuedAt).TotalSeconds, _model);
                }
                var rows = Math.Min(_buffers.MaxRows - taken, left);
                parts.Add(new(request, request.Taken, rows));
                request.Taken += rows;
                taken += rows;
                Leave(rows);
                if (request.Taken == request.Rows)
                {
                    _queue.Dequeue();
                }
            }
        }
        return true;
    }

    void Leave(int rows)
    {
        _queuedRows -= rows;
        s_depth.Add(-rows, _model);
    }

    [SuppressMessage("Design", "CA1031", Justification = "Every caller of the batch must hear of the failure, whatever it is.")]
    void Run(List<Part> parts)
    {
        var start = Stopwatch.GetTimestamp();
        var rows = 0;
        try
        {
            foreach (var part in parts)
            {
                part.Input(_buffers.InputWidth).CopyTo(_buffers.Input(rows + part.Rows)[(rows * _buffers.InputWidth)..]);
                rows += part.Rows;
            }
            _run(rows);
            _lastRunFailed = false;
        }
        catch (Exception e)
        {
            _lastRunFailed = true;
            _logger.RunFailed(rows, e);
            Abandon(parts, e);
            return;
        }
        s_runSeconds.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, _model);
        s_batchRows.Record(rows, _model);
        s_fill.Record((double)rows / _buffers.MaxRows, _model);

        var first = 0;
        for (var index = 0; index < parts.Count; index++)
        {
            var part = parts[index];
            for (var i = 0; i < part.Request.Outputs.Length; i++)
            {
                part.Scatter(_buffers.Output(i, first + part.Rows), first, i, _buffers.OutputWidths[i]);
            }
            first += part.Rows;
            if (part.EndsRequest)
            {
                Count(part.Request, "ok");
                parts[index] = default;
                part.Request.Succeed();
            }
        }
    }

    void Abandon(List<Part> parts, Exception e)
    {
        lock (_gate)
        {
            // Only the last part's request can have rows left in the queue.
            if (_queue.TryPeek(out var head) && head == parts[^1].Request)
            {
                _queue.Dequeue();
                Leave(head.Rows - head.Taken);
            }
        }
        for (var index = 0; index < parts.Count; index++)
        {
            var request = parts[index].Request;
            Count(request, "failed");
            parts[index] = default;
            request.Fail(e);
        }
    }

    /// <summary>Counts a request out. Once it is answered its caller may reuse the object, so this comes before, and nobody touches it afterwards.</summary>
    void Count(Request request, string outcome)
    {
        s_items.Add(request.Rows, _model, new("outcome", outcome));
        s_inflight.Add(-1, _model);
    }

    /// <summary>Rows [First, First + Rows) of a request, in one batch.</summary>
    readonly record struct Part(Request Request, int First, int Rows)
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

    /// <summary>A pooled completion: bulk callers submit thousands of these, and none is garbage.</summary>
    sealed class Request(ConcurrentQueue<Request> pool) : IValueTaskSource
    {
        // Continuations must not run on the inference thread.
        ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };

        public ReadOnlyMemory<float> Input { get; private set; }
        public int Rows { get; private set; }
        public Memory<float>[] Outputs { get; private set; } = [];
        public CancellationToken Token { get; private set; }
        public long QueuedAt { get; private set; }
        public int Taken { get; set; }

        public ValueTask Start(ReadOnlyMemory<float> input, int rows, Memory<float>[] outputs, CancellationToken cancellationToken)
        {
            _source.Reset();
            (Input, Rows, Outputs, Token, QueuedAt, Taken) = (input, rows, outputs, cancellationToken, Stopwatch.GetTimestamp(), 0);
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
    }
}
