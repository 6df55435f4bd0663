using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using Mim.Inference;
using Mim.Models;

namespace Mim.Tests.Inference;

/// <summary>What the stream worker promises, with a queue and a table in memory: the real ones are in Mim.Pipeline.Tests.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The worker disposes of the sink, which a test proves.")]
public sealed class StreamWorkerTests
{
    readonly MemoryQueue _queue = new();
    readonly MemorySink _sink = new();
    readonly SumEmbedder _embedder = new();
    readonly InstantTime _time = new();

    [Fact]
    public async Task Every_record_is_written_and_acknowledged_only_when_the_sink_has_it()
    {
        _queue.Add(Enumerable.Range(0, 1000));
        await RunAsync(acknowledging: records => Assert.All(records, record => Assert.Contains(_sink.Rows.Values, row => row.Key == record.Key)));
        Assert.Equal(1000, _sink.Rows.Count);
        Assert.Equal(1000, _queue.Acknowledged.Count);
        Assert.Equal(0, _queue.Left);
        Assert.All(_sink.Rows.Values, row => Assert.Equal(row.X.Span[0] + 1, row.Z.Span[0])); // integers below 2^24 are exact
        Assert.True(_sink.IsDisposed);
    }

    /// <summary>F6 of the failure catalogue.</summary>
    [Fact]
    public async Task One_poison_record_in_64_costs_none_of_its_neighbours_and_is_a_dead_letter_with_reason_attempts_and_model()
    {
        _queue.Add(Enumerable.Range(0, 17));
        _queue.Add("poison", $$"""{"x": [{{SumEmbedder.Poison}}, 1]}""");
        _queue.Add(Enumerable.Range(17, 46));
        var worker = await RunAsync(batch: 64);
        Assert.Equal(63, _sink.Rows.Count);
        var (key, why) = Assert.Single(_queue.Dead);
        Assert.Equal(("poison", "the engine failed: the run broke", 1), (key, why.Reason, why.Attempts));
        Assert.Equal(("sum", "1-aaaaaaaa", new string('a', 64)), (why.Model, why.ModelVersion, why.SpaceId));
        Assert.True(_embedder.Runs.Count <= 1 + (2 * 6), $"{_embedder.Runs.Count} runs"); // two halves at each of log2 64 levels
        Assert.Equal((64, 63, 1), (worker.Counts.Read, worker.Counts.Written, worker.Counts.DeadLettered));
    }

    [Fact]
    public async Task A_row_that_the_sink_refuses_is_found_among_its_neighbours()
    {
        _queue.Add(Enumerable.Range(0, 64));
        _sink.BeforeCommit = (_, batch) => batch.Rows.Any(row => row.Key == "k40") ? throw new ArgumentException("not in UTF-8") : Task.CompletedTask;
        await RunAsync(batch: 64);
        Assert.Equal(63, _sink.Rows.Count);
        Assert.Equal(("k40", "the sink refuses it: not in UTF-8"), (Assert.Single(_queue.Dead).Key, _queue.Dead[0].Why.Reason));
    }

    [Theory]
    [InlineData("""{"x": [1]}""", "'x': expected 2 values, found 1.")]
    [InlineData("""{"x": [1, 1e39]}""", "x[1]: expected a finite float32, found an infinity.")]
    [InlineData("""{"x": [1, null]}""", "x[1]: expected a finite float32, found a missing value. The model was trained without missing values.")]
    [InlineData("""{"x": [-777, 1]}""", "the encoder's output is not finite for this record: a value far outside the training data overflows.")]
    [InlineData("""{"x": [1, 2], "y": 3}""", "unknown key 'y'. Known: id, label, x.")]
    [InlineData("nonsense", "not a JSON object on one line: it breaks at byte 1.")]
    public async Task A_record_that_cannot_be_embedded_is_a_dead_letter_that_says_why(string body, string reason)
    {
        _queue.Add("bad", body);
        _queue.Add(Enumerable.Range(0, 3));
        await RunAsync();
        Assert.Equal(3, _sink.Rows.Count);
        Assert.Equal(("bad", reason, "1-aaaaaaaa"), (Assert.Single(_queue.Dead).Key, _queue.Dead[0].Why.Reason, _queue.Dead[0].Why.ModelVersion));
    }

    [Fact]
    public async Task A_record_without_a_key_of_its_own_or_an_id_is_a_dead_letter()
    {
        _queue.Add(null, """{"x": [1, 2]}""");
        _queue.Add(null, """{"id": "in the body", "x": [1, 2]}""");
        await RunAsync();
        Assert.StartsWith("expected a key", Assert.Single(_queue.Dead).Why.Reason, StringComparison.Ordinal);
        Assert.Equal("in the body", Assert.Single(_sink.Rows.Values).Key);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_write_that_fails_before_or_after_its_commit_is_tried_again_later_and_later_and_counts_once(bool before)
    {
        _queue.Add(Enumerable.Range(0, 100));
        _sink.BeforeCommit = (number, _) => before && number <= 12 ? throw new IOException("connection reset") : Task.CompletedTask;
        _sink.AfterCommit = number => _ = before || number > 12 ? 0 : throw new IOException("connection reset");
        await RunAsync(batch: 100);
        Assert.Equal(100, _sink.Rows.Count);
        Assert.Equal(13, _sink.Writes.Count);
        Assert.Empty(_queue.Dead);
        Assert.Equal(12, _time.Waits.Count);
        foreach (var (index, wait) in _time.Waits.Index())
        {
            var full = TimeSpan.FromMilliseconds(Math.Min(100 * Math.Pow(2, index), 10_000));
            Assert.InRange(wait, full / 2, full);
        }
        Assert.True(_time.Waits.Distinct().Count() > 2, "waits without jitter"); // the last five share one bound
    }

    /// <summary>F9 of the failure catalogue: the process dies between reading and writing.</summary>
    [Fact]
    public async Task What_a_dying_worker_had_read_comes_again_and_is_written_once()
    {
        _queue.Add(Enumerable.Range(0, 500));
        TaskCompletionSource held = new();
        TaskCompletionSource reached = new();
        _sink.BeforeCommit = (number, _) =>
        {
            if (number == 3)
            {
                reached.SetResult();
                return held.Task;
            }
            return Task.CompletedTask;
        };
        using (var dying = Create(batch: 50))
        {
            await dying.StartAsync(CancellationToken.None);
            await reached.Task;
            await dying.StopAsync(new CancellationToken(canceled: true));
            await dying.ExecuteTask!;
            Assert.IsType<TimeoutException>(dying.Failure);
        }
        Assert.Equal(100, _queue.Acknowledged.Count);
        _queue.Redeliver();
        _sink.BeforeCommit = (_, _) => Task.CompletedTask;
        var next = await RunAsync(batch: 50);
        Assert.Equal(500, _sink.Rows.Count);
        Assert.Equal(0, _queue.Left);
        Assert.True(next.Counts.Redelivered >= 50, $"{next.Counts.Redelivered} redelivered");
    }

    /// <summary>The exit code must not depend on another service's being late, too.</summary>
    [Fact]
    public async Task A_run_that_hangs_past_the_deadline_is_a_failure_although_it_never_ends()
    {
        _queue.Add(Enumerable.Range(0, 10));
        HungEmbedder hung = new();
        using var worker = Create(embedder: hung);
        await worker.StartAsync(CancellationToken.None);
        await hung.Reached;
        await worker.StopAsync(new CancellationToken(canceled: true));
        Assert.False(worker.ExecuteTask!.IsCompleted);
        Assert.StartsWith("the worker stopped before every record in flight was written", Assert.IsType<TimeoutException>(worker.Failure).Message, StringComparison.Ordinal);
        hung.Release();
        await worker.ExecuteTask!;
    }

    [Fact]
    public async Task A_record_that_is_too_long_is_a_dead_letter_and_one_byte_less_is_a_row()
    {
        const int Longest = (1 << 20) + (2 * 64);
        _queue.Add("long", """{"x": [1, 2]}""".PadRight(Longest + 1));
        _queue.Add("longest", """{"x": [1, 2]}""".PadRight(Longest));
        await RunAsync();
        Assert.Equal("longest", Assert.Single(_sink.Rows.Values).Key);
        var (key, why) = Assert.Single(_queue.Dead);
        Assert.Equal(("long", "expected at most 1048704 bytes, as in a file for this model, found 1048705."), (key, why.Reason));
    }

    /// <summary>F20 of the failure catalogue.</summary>
    [Fact]
    public async Task Replaying_everything_leaves_the_number_of_rows_as_it_was()
    {
        for (var replay = 0; replay < 3; replay++)
        {
            _queue.Add(Enumerable.Range(0, 200));
            await RunAsync();
            Assert.Equal(200, _sink.Rows.Count);
        }
        Assert.Equal(600, _queue.Acknowledged.Count);
    }

    /// <summary>F7 of the failure catalogue, and the drain's order.</summary>
    [Fact]
    public async Task Told_to_stop_the_worker_reads_no_more_and_finishes_what_it_has()
    {
        _queue.Add(Enumerable.Range(0, 10_000));
        TaskCompletionSource held = new();
        TaskCompletionSource reached = new();
        _sink.BeforeCommit = (_, _) =>
        {
            reached.TrySetResult();
            return held.Task;
        };
        using var worker = Create(batch: 10, inFlight: 50);
        await worker.StartAsync(CancellationToken.None);
        await reached.Task;
        var stopped = worker.StopAsync(CancellationToken.None);
        Assert.False(stopped.IsCompleted);
        held.SetResult();
        await stopped;
        Assert.Null(worker.Failure);
        Assert.InRange(worker.Counts.Read, 10, 60); // what may be in flight, and a batch that was being read
        Assert.Equal(worker.Counts.Read, _queue.Acknowledged.Count);
        Assert.Equal(worker.Counts.Read, _sink.Rows.Count);
        Assert.Equal(10_000 - worker.Counts.Read, _queue.Left);
    }

    [Fact]
    public async Task While_the_sink_is_slow_no_more_is_read_than_may_be_in_flight()
    {
        _queue.Add(Enumerable.Range(0, 5000));
        await RunAsync(batch: 8, inFlight: 40);
        Assert.Equal(5000, _sink.Rows.Count);
        Assert.InRange(_queue.MostOut, 8, 40);
    }

    [Fact]
    public async Task An_engine_that_fails_everything_ends_the_worker_and_makes_no_dead_letters()
    {
        _queue.Add(Enumerable.Range(0, 20));
        _embedder.IsBroken = true;
        var worker = await RunAsync();
        Assert.Equal("the engine fails the golden rows, too: the run broke", Assert.IsType<InvalidOperationException>(worker.Failure).Message);
        Assert.Empty(_queue.Dead);
        Assert.Empty(_queue.Acknowledged);
        Assert.Equal(20, _queue.Left);
    }

    /// <summary>F13 of the failure catalogue, as far as it is the worker's: a deployment is wrong, not a record.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_foreign_space_ends_the_worker_and_neither_acknowledges_nor_blames_a_record(bool fromTheStart)
    {
        _queue.Add(Enumerable.Range(0, 200));
        var foreign = SumEmbedder.Model(new string('b', 64), "2-bbbbbbbb");
        if (fromTheStart)
        {
            _sink.Space = foreign.SpaceId;
        }
        else
        {
            _sink.AfterCommit = _ => _embedder.Manifest = foreign;
        }
        var worker = await RunAsync(batch: 10, inFlight: 30);
        Assert.IsType<InvalidDataException>(worker.Failure);
        Assert.Empty(_queue.Dead);
        Assert.Equal(_sink.Rows.Count, _queue.Acknowledged.Count);
        Assert.True(_queue.Left > 0);
    }

    async Task<StreamWorker> RunAsync(int batch = 32, int inFlight = 256, Action<IReadOnlyList<SourceRecord>>? acknowledging = null)
    {
        using var worker = Create(batch, inFlight, acknowledging);
        await worker.StartAsync(CancellationToken.None);
        await worker.ExecuteTask!;
        if (acknowledging is not null)
        {
            Assert.Null(worker.Failure);
        }
        return worker;
    }

    StreamWorker Create(
        int batch = 32, int inFlight = 256, Action<IReadOnlyList<SourceRecord>>? acknowledging = null, IEmbedder? embedder = null) => new(
        _queue.Source(acknowledging), _sink, embedder ?? _embedder, new WorkLimits(batch, inFlight), new FakeLifetime(), _time,
        NullLogger<StreamWorker>.Instance);

    /// <summary>An engine in the middle of a run, where no token reaches it.</summary>
    sealed class HungEmbedder : IEmbedder
    {
        readonly SumEmbedder _inner = new();
        readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Reached => _reached.Task;

        public void Release() => _released.SetResult();

        public Task<ModelManifest?> LoadedAsync(CancellationToken cancellationToken) => _inner.LoadedAsync(cancellationToken);

        public async ValueTask<ModelManifest> EmbedAsync(ReadOnlyMemory<float> x, int rows, Memory<float> z, CancellationToken cancellationToken)
        {
            _reached.SetResult();
            await _released.Task;
            return await _inner.EmbedAsync(x, rows, z, CancellationToken.None);
        }

        public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken) => _inner.IsHealthyAsync(cancellationToken);
    }
}
