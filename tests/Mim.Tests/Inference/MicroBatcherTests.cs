using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Mim.Inference;

namespace Mim.Tests.Inference;

public sealed class MicroBatcherTests
{
    const int MaxRows = 8;
    const int Width = 2;

    /// <summary>Sums each row's two values; a run can be held, and a row with a NaN breaks its run.</summary>
    sealed class Fake : IDisposable
    {
        readonly ManualResetEventSlim _open = new(initialState: true);
        readonly SemaphoreSlim _entered = new(0);
        readonly BatchBuffers _buffers;

        public Fake(int queueCapacity, int maxRows = MaxRows, TimeSpan linger = default)
        {
            Name = Guid.NewGuid().ToString();
            _buffers = new(maxRows, Width, 1);
            Batcher = new MicroBatcher(_buffers, Run, new(queueCapacity, linger), Name, NullLogger.Instance);
        }

        public string Name { get; }
        public MicroBatcher Batcher { get; }
        public ConcurrentQueue<int> Runs { get; } = [];

        public void Hold() => _open.Reset();

        public void Release() => _open.Set();

        /// <summary>Waits until a run has begun.</summary>
        public Task EnteredAsync() => _entered.WaitAsync();

        public void Dispose()
        {
            Release();
            Batcher.Dispose();
            _open.Dispose();
            _entered.Dispose();
        }

        void Run(int rows)
        {
            _entered.Release();
            _open.Wait();
            Runs.Enqueue(rows);
            var x = _buffers.Input(rows).Span;
            var y = _buffers.Output(0, rows).Span;
            for (var i = 0; i < rows; i++)
            {
                y[i] = float.IsNaN(x[i * Width]) ? throw new InvalidOperationException("poison") : x[i * Width] + x[i * Width + 1];
            }
        }
    }

    sealed class Call
    {
        readonly float[] _x;
        readonly float[] _y;

        public Call(MicroBatcher batcher, float[] x, TimeSpan? patience = null, CancellationToken cancellationToken = default)
        {
            _x = x;
            _y = new float[x.Length / Width];
            Accepted = batcher.TryRun(x, _y.Length, [_y], patience ?? Timeout.InfiniteTimeSpan, cancellationToken, out var completion);
            Completion = completion.AsTask();
        }

        public bool Accepted { get; }
        public Task Completion { get; }

        public async Task AssertAnsweredAsync()
        {
            // A batch that never comes is a red test, not one that hangs.
            await Completion.WaitAsync(TimeSpan.FromSeconds(30));
            for (var i = 0; i < _y.Length; i++)
            {
                Assert.Equal(_x[i * Width] + _x[i * Width + 1], _y[i]); // one float32 addition: the same operation, the same bits
            }
        }
    }

    static float[] Row(int value) => [value, value + 0.5f];

    [Fact]
    public async Task Rows_that_wait_during_a_run_share_the_next()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call first = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        var calls = Enumerable.Range(1, 5).Select(i => new Call(fake.Batcher, Row(i))).ToArray();
        fake.Release();
        foreach (var call in calls.Append(first))
        {
            await call.AssertAnsweredAsync();
        }
        Assert.Equal([1, 5], fake.Runs);
    }

    [Fact]
    public async Task A_long_request_spans_runs_and_shares_its_last_with_the_next_caller()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call first = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        Call longer = new(fake.Batcher, [.. Enumerable.Range(1, 11).SelectMany(Row)]);
        Call last = new(fake.Batcher, [.. Enumerable.Range(20, 3).SelectMany(Row)]);
        fake.Release();
        await first.AssertAnsweredAsync();
        await longer.AssertAnsweredAsync();
        await last.AssertAnsweredAsync();
        Assert.Equal([1, 8, 6], fake.Runs);
    }

    [Fact]
    public async Task Concurrent_callers_each_get_their_own_rows()
    {
        using var fake = new Fake(int.MaxValue);
        await Parallel.ForEachAsync(Enumerable.Range(0, 500), async (seed, _) =>
        {
            var generator = new Random(seed);
            await new Call(fake.Batcher, [.. Enumerable.Range(0, generator.Next(1, 20)).SelectMany(_ => Row(generator.Next(1000)))]).AssertAnsweredAsync();
        });
    }

    [Fact]
    public async Task A_full_queue_refuses_at_once_and_accepts_again_when_it_has_room()
    {
        using var fake = new Fake(4);
        fake.Hold();
        Call running = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        Call three = new(fake.Batcher, [.. Row(1), .. Row(2), .. Row(3)]);
        Call two = new(fake.Batcher, [.. Row(4), .. Row(5)]);
        Call one = new(fake.Batcher, Row(6));
        Assert.True(three.Accepted);
        Assert.False(two.Accepted);
        Assert.True(one.Accepted);
        fake.Release();
        foreach (var call in (Call[])[running, three, one])
        {
            await call.AssertAnsweredAsync();
        }
        Call again = new(fake.Batcher, [.. Row(4), .. Row(5)]);
        Assert.True(again.Accepted);
        await again.AssertAnsweredAsync();
        Assert.False(new Call(fake.Batcher, [.. Enumerable.Range(0, 5).SelectMany(Row)]).Accepted); // longer than the queue, which is empty
    }

    [Fact]
    public async Task Cancelled_rows_never_reach_the_engine_and_are_counted()
    {
        var dropped = 0L;
        using var fake = new Fake(100);
        using var listener = new MeterListener { InstrumentPublished = (instrument, listener) => { if (instrument.Name == "mim.inference.items") { listener.EnableMeasurementEvents(instrument); } } };
        listener.SetMeasurementEventCallback<long>((_, rows, tags, _) =>
        {
            if (tags.ToArray().Contains(new("model", fake.Name)) && tags.ToArray().Contains(new("outcome", "cancelled")))
            {
                Interlocked.Add(ref dropped, rows);
            }
        });
        listener.Start();

        fake.Hold();
        Call first = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        using var cancellation = new CancellationTokenSource();
        Call cancelled = new(fake.Batcher, [.. Row(1), .. Row(2)], cancellationToken: cancellation.Token);
        Call kept = new(fake.Batcher, Row(3));
        await cancellation.CancelAsync();
        fake.Release();

        await first.AssertAnsweredAsync();
        await kept.AssertAnsweredAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.Completion);
        Assert.Equal([1, 1], fake.Runs);
        Assert.Equal(2, dropped);
    }

    [Fact]
    public async Task Stopping_answers_every_accepted_row_and_refuses_new_ones()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call first = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        var accepted = Enumerable.Range(1, 30).Select(i => new Call(fake.Batcher, Row(i))).ToArray();
        var stopped = fake.Batcher.StopAsync(CancellationToken.None);
        Assert.False(new Call(fake.Batcher, Row(99)).Accepted);
        Assert.False(stopped.IsCompleted);
        fake.Release();
        await stopped;
        Assert.Equal(31, fake.Runs.Sum());
        foreach (var call in accepted.Append(first))
        {
            await call.AssertAnsweredAsync();
        }
    }

    [Fact]
    public async Task A_failing_request_fails_alone_and_the_next_one_clears_it()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call before = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        Call neighbour = new(fake.Batcher, Row(1));
        Call poison = new(fake.Batcher, [.. Enumerable.Repeat(float.NaN, 20 * Width)]);
        Call after = new(fake.Batcher, Row(2));
        fake.Release();

        await before.AssertAnsweredAsync();
        await neighbour.AssertAnsweredAsync();
        Assert.Equal("poison", (await Assert.ThrowsAsync<InvalidOperationException>(() => poison.Completion)).Message);
        await after.AssertAnsweredAsync();
        Assert.False(fake.Batcher.LastRunFailed);
        Assert.Equal([1, 8, 1, 7, 1], fake.Runs); // halves of the 8, then the next caller; the poison's other 13 rows are not tried
    }

    /// <summary>One bad item fails a batch of Text Embeddings Inference as a whole; here 63 of 64 are answered, wherever it is.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(63)]
    public async Task One_poison_in_64_never_fails_its_63_neighbours(int at)
    {
        using var fake = new Fake(100, maxRows: 64);
        fake.Hold();
        Call first = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        var calls = Enumerable.Range(0, 64).Select(i => new Call(fake.Batcher, i == at ? [float.NaN, 0] : Row(i))).ToArray();
        fake.Release();
        await first.AssertAnsweredAsync();
        for (var i = 0; i < calls.Length; i++)
        {
            if (i == at)
            {
                await Assert.ThrowsAsync<InvalidOperationException>(() => calls[i].Completion);
            }
            else
            {
                await calls[i].AssertAnsweredAsync();
            }
        }
        // The batch, then two halves of each that failed: 64 = 2^6.
        Assert.Equal(1 + 1 + 2 * 6, fake.Runs.Count);
        Assert.Equal((1L, 64L), (fake.Batcher.Statistics.Fail.Count, fake.Batcher.Statistics.Success.Count));
    }

    [Fact]
    public async Task An_engine_that_fails_every_run_fails_every_caller_and_says_so()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call first = new(fake.Batcher, [float.NaN, 0]);
        await fake.EnteredAsync();
        var calls = Enumerable.Range(0, 8).Select(_ => new Call(fake.Batcher, [float.NaN, 0])).ToArray();
        fake.Release();
        foreach (var call in calls.Prepend(first))
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => call.Completion);
        }
        Assert.True(fake.Batcher.LastRunFailed);
    }

    [Fact]
    public async Task A_request_whose_time_is_up_is_dropped_before_the_run_and_one_with_time_is_not()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call running = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        Call late = new(fake.Batcher, Row(1), patience: TimeSpan.Zero);
        Call patient = new(fake.Batcher, Row(2), patience: TimeSpan.FromHours(1));
        Call endless = new(fake.Batcher, Row(3), patience: TimeSpan.MaxValue);
        fake.Release();
        await running.AssertAnsweredAsync();
        await patient.AssertAnsweredAsync();
        await endless.AssertAnsweredAsync();
        Assert.Contains("before its run began", (await Assert.ThrowsAsync<TimeoutException>(() => late.Completion)).Message, StringComparison.Ordinal);
        Assert.Equal([1, 2], fake.Runs);
    }

    [Fact]
    public async Task A_batch_that_lingers_is_run_once_it_is_full()
    {
        using var fake = new Fake(100, linger: TimeSpan.FromHours(1));
        Call few = new(fake.Batcher, [.. Row(0), .. Row(1)]);
        Assert.False(few.Completion.IsCompleted);
        Call rest = new(fake.Batcher, [.. Enumerable.Range(2, 6).SelectMany(Row)]);
        await few.AssertAnsweredAsync();
        await rest.AssertAnsweredAsync();
        Assert.Equal([8], fake.Runs);
    }

    [Fact]
    public async Task A_lingering_batch_ends_with_its_time_with_an_impatient_request_and_with_the_worker()
    {
        using var quick = new Fake(100, linger: TimeSpan.FromMilliseconds(1));
        await new Call(quick.Batcher, Row(0)).AssertAnsweredAsync();
        using var slow = new Fake(100, linger: TimeSpan.FromHours(1));
        await new Call(slow.Batcher, Row(0), patience: TimeSpan.FromMinutes(30)).AssertAnsweredAsync();
        Call patient = new(slow.Batcher, Row(1));
        await new Call(slow.Batcher, Row(2), patience: TimeSpan.FromMinutes(30)).AssertAnsweredAsync();
        await patient.AssertAnsweredAsync();
        Call waiting = new(slow.Batcher, Row(3));
        Assert.False(waiting.Completion.IsCompleted);
        await slow.Batcher.StopAsync(CancellationToken.None);
        await waiting.AssertAnsweredAsync();
        Assert.Equal([1, 2, 1], slow.Runs);
    }

    [Fact]
    public async Task Statistics_count_rows_runs_and_sizes()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call first = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        Call five = new(fake.Batcher, [.. Enumerable.Range(1, 5).SelectMany(Row)]);
        Call late = new(fake.Batcher, Row(1), patience: TimeSpan.Zero);
        Assert.Equal(0, fake.Batcher.Statistics.LastRun);
        fake.Release();
        await first.AssertAnsweredAsync();
        await five.AssertAnsweredAsync();
        await Assert.ThrowsAsync<TimeoutException>(() => late.Completion);
        await fake.Batcher.StopAsync(CancellationToken.None);
        var statistics = fake.Batcher.Statistics;
        Assert.Equal((6L, 2L, 2L, 1L, 2L), (statistics.Rows, statistics.Infer.Count, statistics.Success.Count, statistics.Fail.Count, statistics.Queue.Count));
        Assert.Equal([(1, 1L), (5, 1L)], statistics.Sizes.Select(size => (size.Rows, size.Infer.Count)));
        Assert.True(statistics.Success.Nanoseconds >= statistics.Infer.Nanoseconds); // both of them were computed before they were answered
        Assert.True(statistics.LastRun > 0);
    }

    [Fact]
    public async Task At_the_deadline_what_waits_is_failed_and_what_runs_is_answered()
    {
        using var fake = new Fake(100);
        fake.Hold();
        Call running = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        var waiting = Enumerable.Range(1, 3).Select(i => new Call(fake.Batcher, Row(i))).ToArray();
        await Assert.ThrowsAsync<TimeoutException>(() => fake.Batcher.StopAsync(new CancellationToken(canceled: true)));
        foreach (var call in waiting)
        {
            await Assert.ThrowsAsync<TimeoutException>(() => call.Completion);
        }
        Assert.False(running.Completion.IsCompleted);
        fake.Release();
        await running.AssertAnsweredAsync();
        await fake.Batcher.Completion;
        Assert.Equal([1], fake.Runs);
    }

    [Fact]
    public async Task When_the_thread_dies_everybody_hears_of_it_and_nothing_stays_counted()
    {
        using var fake = new Fake(100);
        var (depth, inflight) = (0, 0);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name is "mim.inference.queue.depth" or "mim.inference.inflight")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((instrument, change, tags, _) =>
        {
            if (tags.ToArray().Contains(new("model", fake.Name)))
            {
                Interlocked.Add(ref instrument.Name == "mim.inference.inflight" ? ref inflight : ref depth, change);
            }
        });
        listener.Start();

        fake.Hold();
        Call before = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        // One batch: a caller whose memory cannot be written, a neighbour, and 6 rows of 20.
        using TouchedMemory poison = new(new float[1], () => throw new InvalidOperationException("poison"));
        Assert.True(fake.Batcher.TryRun(Row(1), 1, [poison.Whole], CancellationToken.None, out var completion));
        Call neighbour = new(fake.Batcher, Row(2));
        Call longer = new(fake.Batcher, [.. Enumerable.Range(3, 20).SelectMany(Row)]);
        Call behind = new(fake.Batcher, Row(30));
        fake.Release();

        await before.AssertAnsweredAsync();
        foreach (var task in (Task[])[completion.AsTask(), neighbour.Completion, longer.Completion, behind.Completion, fake.Batcher.Completion])
        {
            Assert.Equal("poison", (await Assert.ThrowsAsync<InvalidOperationException>(() => task)).Message);
        }
        Assert.Equal((0, 0), (depth, inflight));
        Assert.True(fake.Batcher.IsStopping);
        Assert.False(new Call(fake.Batcher, Row(1)).Accepted);
    }

    [Fact]
    public async Task Who_has_little_time_does_not_linger_behind_those_of_the_batch_before()
    {
        using var fake = new Fake(100, linger: TimeSpan.FromHours(1));
        fake.Hold();
        // Runs at once: its batch is full.
        Call running = new(fake.Batcher, [.. Enumerable.Range(0, 8).SelectMany(Row)]);
        await fake.EnteredAsync();
        Call[] before = [.. Enumerable.Range(0, 8).Select(i => new Call(fake.Batcher, Row(i)))];
        Call impatient = new(fake.Batcher, Row(9), patience: TimeSpan.FromHours(1));
        fake.Release();
        await running.AssertAnsweredAsync();
        await before[^1].AssertAnsweredAsync();
        await impatient.AssertAnsweredAsync();
    }

    [Theory]
    [InlineData("mim.inference.items")]
    [InlineData("mim.inference.inflight")]
    [InlineData("mim.inference.queue.depth")]
    public async Task A_listener_that_throws_ends_the_batcher_and_leaves_nobody_waiting(string name)
    {
        using var fake = new Fake(100);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        var throws = false;
        listener.SetMeasurementEventCallback<int>((_, _, tags, _) => Throw(tags));
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => Throw(tags));
        listener.Start();
        fake.Hold();
        Call first = new(fake.Batcher, Row(0));
        await fake.EnteredAsync();
        using CancellationTokenSource gone = new();
        Call cancelled = new(fake.Batcher, Row(21), cancellationToken: gone.Token);
        Call[] calls = [first, cancelled, .. Enumerable.Range(1, 20).Select(i => new Call(fake.Batcher, Row(i)))];
        await gone.CancelAsync();
        Volatile.Write(ref throws, true);
        if (name != "mim.inference.items")
        {
            // Refused, and not queued: its memory is its own again.
            Assert.Throws<InvalidOperationException>(() => new Call(fake.Batcher, Row(22)));
        }
        fake.Release();
        foreach (var call in calls)
        {
            await Task.WhenAny(call.Completion).WaitAsync(TimeSpan.FromSeconds(30));
        }
        await Assert.ThrowsAsync<InvalidOperationException>(() => calls[^1].Completion);
        await Assert.ThrowsAsync<InvalidOperationException>(() => fake.Batcher.Completion);

        void Throw(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (Volatile.Read(ref throws) && tags.ToArray().Contains(new("model", fake.Name)))
            {
                throw new InvalidOperationException("a listener");
            }
        }
    }

    [Fact]
    public void A_request_of_the_wrong_shape_is_its_callers_mistake()
    {
        using var fake = new Fake(100);
        Assert.Throws<ArgumentException>("input", () => fake.Batcher.TryRun(new float[3], 1, [new float[1]], default, out _));
        Assert.Throws<ArgumentException>("outputs", () => fake.Batcher.TryRun(new float[2], 1, [new float[2]], default, out _));
        Assert.Throws<ArgumentException>("outputs", () => fake.Batcher.TryRun(new float[2], 1, [], default, out _));
    }
}
