using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Loads, verifies and warms the model, says when it is ready, watches it, and drains it at the end. Any failure is kept and stops the host, because a
/// host whose background service failed would otherwise end with exit code 0 (dotnet/runtime#67146).
/// </summary>
public sealed class ServedModel : BackgroundService
{
    readonly InferenceOptions _options;
    readonly IHostApplicationLifetime _lifetime;
    readonly ILogger<ServedModel> _logger;
    readonly TimeProvider _time;
    readonly ModelSwap _swap;
    readonly TaskCompletionSource<bool> _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends in an exception when an inference thread dies.</summary>
    readonly TaskCompletionSource _death = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ServedModel(IOptions<InferenceOptions> options, IHostApplicationLifetime lifetime, ILoggerFactory loggers, TimeProvider time)
    {
        (_options, _lifetime, _time) = (options.Value, lifetime, time);
        _logger = loggers.CreateLogger<ServedModel>();
        _swap = new(Slots, _options, loggers, time, Watch);
    }

    /// <summary>Why the host stops, if it does not stop because it was told to.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>The bounds that the goldens broke; the model is then never served.</summary>
    public IReadOnlyList<string> BrokenBounds { get; private set; } = [];

    public ModelSlots Slots { get; } = new();

    /// <summary>The model in service; null before and when there is none.</summary>
    public LoadedModel? Current => Slots.Current;

    /// <summary>The verified package in service; null before.</summary>
    public ModelPackage? Package => Current?.Package;

    /// <summary>The name of every model that this worker ever serves; null before the first.</summary>
    public string? Name => _swap.Name;

    /// <summary>The versions of the store that could be loaded, whether they are complete or not; none when the model is a folder outside of it.</summary>
    public IReadOnlyList<string> Stored => Name is { } name ? _swap.Store.VersionsOf(name) : [];

    /// <summary>Ends when the model is in service, or never will be.</summary>
    public Task<bool> LoadedAsync(CancellationToken cancellationToken) => _loaded.Task.WaitAsync(cancellationToken);

    /// <summary>The graph that takes this input; null before the model is loaded or when it has none.</summary>
    public ServedGraph? Graph(string input) => Current?.Graph(input);

    /// <inheritdoc cref="ModelSwap.LoadAsync"/>
    public Task<SwapResult> LoadAsync(string? version, CancellationToken cancellationToken) => _swap.LoadAsync(version, cancellationToken);

    /// <inheritdoc cref="ModelSwap.UnloadAsync"/>
    public Task<bool> UnloadAsync(CancellationToken cancellationToken) => _swap.UnloadAsync(cancellationToken);

    /// <summary>
    /// Whether requests would be answered, and rightly: the golden rows passed when they were replayed last, and no run has failed since. When they did
    /// not they are replayed now, so that an engine that recovers is ready again without traffic.
    /// </summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken) => Current is { } model && await IsReadyAsync(model, cancellationToken);

    /// <summary>The same of one of the slots.</summary>
    public async Task<bool> IsReadyAsync(LoadedModel model, CancellationToken cancellationToken)
    {
        if (_lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return false;
        }
        foreach (var graph in model.Graphs)
        {
            if (!graph.IsHealthy && !await graph.CheckAsync(cancellationToken))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>Answers every accepted row, or fails those that still wait when the time is up; an unanswered row is an exception.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(Slots.All.Select(model => model.StopAsync(cancellationToken)));
        }
        finally
        {
            await base.StopAsync(cancellationToken);
        }
    }

    public override void Dispose()
    {
        foreach (var model in Slots.All)
        {
            model.Dispose();
        }
        _swap.Dispose();
        base.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "Kept, and thrown again by whoever ran the host.")]
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            BrokenBounds = await RequestThreads.Aside(_swap.First, stoppingToken);
            _loaded.SetResult(BrokenBounds.Count == 0);
            if (BrokenBounds.Count == 0)
            {
                // Only a death ends before the host does.
                await Task.WhenAny(_death.Task, WatchAsync(stoppingToken)).Unwrap();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            _loaded.TrySetResult(false);
            return;
        }
        catch (Exception e)
        {
            Failure = e;
            _loaded.TrySetResult(false);
        }
        _lifetime.StopApplication();
    }

    void Watch(LoadedModel model) => model.Completion.ContinueWith(thread =>
    {
        if (thread.Exception is { } death)
        {
            _death.TrySetException(death.InnerExceptions);
        }
    }, TaskScheduler.Default);

    /// <summary>Replays the golden rows again and again; a model that does not compute them for too long ends the worker.</summary>
    async Task WatchAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(_options.CanarySeconds), _time);
        long? failing = null;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (Current is not { } model)
            {
                failing = null;
                continue;
            }
            var healthy = model.IsHealthy;
            foreach (var graph in model.Graphs)
            {
                await graph.CheckAsync(stoppingToken);
            }
            if (healthy && !model.IsHealthy)
            {
                _logger.CanaryFailed(model.Manifest.Name);
            }
            else if (!healthy && model.IsHealthy)
            {
                _logger.CanaryPassed(model.Manifest.Name);
            }
            if (model.IsHealthy || model != Current)
            {
                failing = null;
            }
            else if (_time.GetElapsedTime(failing ??= _time.GetTimestamp()) >= TimeSpan.FromSeconds(_options.UnhealthySeconds))
            {
                throw new InvalidOperationException(
                    $"'{model.Manifest.Name}' has not computed its golden rows for {_options.UnhealthySeconds} s; a new process may.");
            }
        }
    }
}
