using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>From being told to stop to the exit code, and what makes a worker ready or not.</summary>
public sealed class LifecycleTests
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    static readonly TimeSpan s_preStop = TimeSpan.FromSeconds(7);

    /// <summary>A load balancer that has not noticed yet gets answers, not refusals (triton-inference-server/server#6230).</summary>
    [Fact]
    public async Task Stopping_is_not_ready_then_the_delay_then_the_listener_then_the_rest_then_code_0()
    {
        ManualTime time = new();
        await using var worker = await TestWorker.StartAsync(services => services.AddSingleton<TimeProvider>(time), ("PreStopSeconds", "7"));
        var batcher = worker.Served.Graph(TensorNames.X)!.Batcher;
        TaskCompletionSource listenerClosed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var (closed, stoppingAtClose) = (false, true);
        worker.Server.Stopping = () =>
        {
            (closed, stoppingAtClose) = (true, batcher.IsStopping);
            return listenerClosed.Task;
        };
        Assert.Equal(200, (await worker.GetAsync("/v2/health/ready")).Status);
        var running = worker.RunAsync();

        worker.App.Lifetime.StopApplication();
        await time.AwaitedAsync(s_preStop);
        Assert.Equal(503, (await worker.GetAsync("/v2/health/ready")).Status);
        Assert.Equal(200, (await worker.GetAsync("/v2/health/live")).Status);
        Assert.Equal(200, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1))).Status);
        Assert.False(closed);

        using var held = await HeldRequest.StartAsync(batcher);
        time.Advance(s_preStop);
        Assert.False(running.IsCompleted);
        held.Release();
        listenerClosed.SetResult();
        await held.Completion;
        Assert.Equal(ExitCode.Done, await running);
        Assert.Equal((true, false), (closed, stoppingAtClose));
    }

    [Fact]
    public async Task What_is_not_answered_within_the_budget_is_a_failure_and_not_code_0()
    {
        await using var worker = await TestWorker.StartAsync(("DrainSeconds", "1"));
        using var held = await HeldRequest.StartAsync(worker.Served.Graph(TensorNames.X)!.Batcher);
        var waiting = worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1));
        var running = worker.RunAsync();
        worker.App.Lifetime.StopApplication();
        Assert.Equal(503, (await waiting).Status);
        held.Release();
        await Assert.ThrowsAnyAsync<Exception>(() => running);
    }

    /// <summary>The server infinity went on with a dead thread: health 200, and 429 for everybody for ever (michaelfeil/infinity#668).</summary>
    [Fact]
    public async Task A_dead_inference_thread_fails_its_requests_makes_the_worker_unready_and_ends_the_process()
    {
        await using var worker = await TestWorker.StartAsync();
        var batcher = worker.Served.Graph(TensorNames.X)!.Batcher;
        var running = worker.RunAsync();
        using var held = await HeldRequest.StartAsync(batcher);
        using TouchedMemory poison = new(new float[AffineModel.Z], () => throw new InvalidOperationException("the thread is to die"));
        Assert.True(batcher.TryRun(new float[AffineModel.X], 1, [poison.Whole, default], CancellationToken.None, out _));
        var waiting = worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1));
        held.Release();
        Assert.Equal(500, (await waiting).Status);
        Assert.Equal(503, (await worker.GetAsync("/v2/health/ready")).Status);
        Assert.Equal(503, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1))).Status);
        // Within a second, on a machine that has one to spare.
        Assert.Equal("the thread is to die", (await Assert.ThrowsAsync<InvalidOperationException>(() => running.WaitAsync(TimeSpan.FromSeconds(30)))).Message);
    }

    /// <summary>A device that is lost, or computes something else, fails no request: only golden rows tell (triton-inference-server/server#3627).</summary>
    [Fact]
    public async Task A_worker_whose_golden_rows_no_longer_come_out_is_not_ready_until_they_do()
    {
        ManualTime time = new();
        await using var worker = await TestWorker.StartAsync(services => services.AddSingleton<TimeProvider>(time), ("CanarySeconds", "10"));
        var graph = worker.Served.Graph(TensorNames.Z)!;
        // What the engine computes stays; what it ought to moves, as if the engine had.
        var golden = worker.Served.Package!.Goldens[0].Tensors[TensorNames.XLogVar];
        golden[^1] += 1e-3f;
        await time.AwaitedAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(200, (await worker.GetAsync("/v2/health/ready")).Status);
        time.Advance(TimeSpan.FromSeconds(10));
        await UntilAsync(() => !graph.IsHealthy);
        Assert.Equal(503, (await worker.GetAsync("/v2/health/ready")).Status);
        Assert.Equal(503, (await worker.GetAsync("/v2/models/affine/ready")).Status);
        golden[^1] -= 1e-3f;
        Assert.Equal(200, (await worker.GetAsync("/v2/health/ready")).Status);
    }

    [Fact]
    public async Task A_canary_that_is_late_is_a_failure_and_no_second_one_is_queued_behind_it()
    {
        using Watched watched = new(maxRows: 4);
        var (graph, batcher, time) = (watched.Graph, watched.Graph.Batcher, watched.Time);
        using var held = await HeldRequest.StartAsync(batcher);
        var check = graph.CheckAsync(CancellationToken.None);
        await time.AwaitedAsync(TimeSpan.FromSeconds(5));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(await check);
        Assert.False(await graph.CheckAsync(CancellationToken.None)); // at once: it does not wait for the run that hangs
        Assert.False(graph.IsHealthy);
        held.Release();
        await held.Completion;
        while (!await graph.CheckAsync(CancellationToken.None))
        {
            await Task.Yield();
        }
        Assert.True(graph.IsHealthy);
        // Of what callers asked, and of nothing else.
        Assert.Equal(1, batcher.Statistics.Rows);
    }

    /// <summary>A lost device or a run that hangs does not mend itself; whoever supervises the worker starts another.</summary>
    [Theory]
    [InlineData(10, 60)]
    [InlineData(40, 20)]
    public async Task A_worker_whose_golden_rows_stay_wrong_ends_with_an_error(int canarySeconds, int unhealthySeconds)
    {
        ManualTime time = new();
        await using var worker = await TestWorker.StartAsync(
            services => services.AddSingleton<TimeProvider>(time), ("CanarySeconds", $"{canarySeconds}"), ("UnhealthySeconds", $"{unhealthySeconds}"));
        worker.Served.Package!.Goldens[0].Tensors[TensorNames.XLogVar][^1] += 1e-3f;
        await time.AwaitedAsync(TimeSpan.FromSeconds(canarySeconds));
        var running = worker.RunAsync();
        var passed = time.GetUtcNow();
        await UntilAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return worker.App.Lifetime.ApplicationStopping.IsCancellationRequested;
        });
        // From the first that failed.
        Assert.True(time.GetUtcNow() - passed >= TimeSpan.FromSeconds(canarySeconds + unhealthySeconds));
        Assert.Contains($"has not computed its golden rows for {unhealthySeconds} s", (await Assert.ThrowsAsync<InvalidOperationException>(() => running)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_canary_that_waits_behind_other_runs_says_nothing_of_the_engine()
    {
        using Watched watched = new(maxRows: 1);
        var (graph, batcher, time) = (watched.Graph, watched.Graph.Batcher, watched.Time);
        using var first = await HeldRequest.StartAsync(batcher);
        var queued = HeldRequest.StartAsync(batcher);
        var check = graph.CheckAsync(CancellationToken.None);
        await time.AwaitedAsync(TimeSpan.FromSeconds(5));
        first.Release();
        using var second = await queued;
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(await check);
        Assert.True(graph.IsHealthy);
    }

    [Fact]
    public async Task A_queue_that_is_full_behind_a_run_that_hangs_is_no_busy_worker()
    {
        using Watched watched = new(maxRows: 4);
        var (graph, batcher, time) = (watched.Graph, watched.Graph.Batcher, watched.Time);
        using var held = await HeldRequest.StartAsync(batcher);
        Assert.True(batcher.TryRun(new float[16 * AffineModel.X], 16, new Memory<float>[2], CancellationToken.None, out var waiting));
        Assert.True(await graph.CheckAsync(CancellationToken.None)); // that it is full is all that is known
        Assert.True(await graph.CheckAsync(CancellationToken.None));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.False(await graph.CheckAsync(CancellationToken.None));
        held.Release();
        await waiting;
        Assert.True(await graph.CheckAsync(CancellationToken.None));
    }

    /// <summary>A graph whose golden rows may take 5 seconds, in front of a queue of 16 rows.</summary>
    sealed class Watched : IDisposable
    {
        readonly TemporaryFolder _folder = new();

        public Watched(int maxRows)
        {
            TestWorker.Affine.Write(_folder["package"]);
            var package = ModelPackage.Open(_folder["package"]);
            var model = OnnxModel.Encoder(package, maxRows, new EngineOptions(1, Device.Cpu));
            Graph = new(package, model, new MicroBatcher(model.Buffers, model.Run, new(16), "watched", NullLogger.Instance), TimeSpan.FromSeconds(5), Time);
        }

        public ManualTime Time { get; } = new();

        public ServedGraph Graph { get; }

        public void Dispose()
        {
            Graph.Batcher.Dispose();
            Graph.Model.Dispose();
            _folder.Dispose();
        }
    }

    /// <summary>Lets other threads on until the condition comes true.</summary>
    static async Task UntilAsync(Func<bool> condition)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < s_patience, "it does not come true");
            await Task.Yield();
        }
    }
}
