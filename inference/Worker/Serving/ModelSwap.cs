using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.ML.OnnxRuntime;
using Mim.Models;

namespace Mim.Inference;

/// <summary>What became of a wish for another model.</summary>
public enum SwapResult
{
    /// <summary>It was loaded, replayed its goldens, is warm and in service.</summary>
    Swapped,

    /// <summary>It was in service already.</summary>
    Unchanged,

    /// <summary>It was the previous one, and is in service again.</summary>
    RolledBack,

    /// <summary>Another model is being loaded.</summary>
    Busy,
}

/// <summary>
/// Changes the model in service: verify hashes, load, replay goldens, warm up, and only then exchange. Whatever fails before that leaves the model in
/// service alone, so a package that is still being copied is refused and nothing else. While a model is loaded there are three in memory.
/// </summary>
sealed class ModelSwap(ModelSlots slots, InferenceOptions options, ILoggerFactory loggers, TimeProvider time, Action<LoadedModel> watch) : IDisposable
{
    /// <summary>Says the previous model, in the place of a version.</summary>
    public const string PreviousWord = "previous";

    static readonly Meter s_meter = new("Mim.Inference");
    static readonly Gauge<int> s_info = s_meter.CreateGauge<int>("mim.inference.model.info", null, "1 for the model in service, 0 for one that was.");
    static readonly Counter<long> s_swaps = s_meter.CreateCounter<long>("mim.inference.model.swaps", "{swap}", "Wishes for another model, by what became of them.");

    readonly ILogger _logger = loggers.CreateLogger<ModelSwap>();
    readonly SemaphoreSlim _one = new(1);

    /// <summary>The name of every model of this worker, once there was one.</summary>
    public string? Name { get; private set; }

    public ModelStore Store { get; } = new(options.Store);

    /// <summary>Loads what the options say and puts it in service, unless it breaks a bound.</summary>
    /// <returns>The broken bounds.</returns>
    public IReadOnlyList<string> First()
    {
        var model = LoadedModel.Load(ModelPackage.Open(Store.Resolve(options.Model)), options, loggers, time);
        if (!model.Report.Passed)
        {
            model.Dispose();
            return [.. model.Report.Failures()];
        }
        Name = model.Manifest.Name;
        Put(model);
        return [];
    }

    /// <param name="version">Of the store, or <see cref="PreviousWord"/>; null: what the options say, which for a name is its promoted version.</param>
    /// <exception cref="UsageException">There is no such version.</exception>
    /// <exception cref="InvalidDataException">It is not what its manifest says, or does not compute its goldens. The model in service stays.</exception>
    public async Task<SwapResult> LoadAsync(string? version, CancellationToken cancellationToken)
    {
        if (!await _one.WaitAsync(TimeSpan.Zero, cancellationToken))
        {
            return SwapResult.Busy;
        }
        try
        {
            var result = await ChangeAsync(version, cancellationToken);
            s_swaps.Add(1, new("model", Name), new("result", result.ToString().ToLowerInvariant()));
            return result;
        }
        catch (Exception e) when (e is UsageException or InvalidDataException or IOException or OnnxRuntimeException)
        {
            s_swaps.Add(1, new("model", Name), new("result", "refused"));
            _logger.SwapRefused(e.Message);
            throw;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Takes the model out of service; what it had accepted is answered.</summary>
    /// <returns>Whether nobody else was changing it.</returns>
    public async Task<bool> UnloadAsync(CancellationToken cancellationToken)
    {
        if (!await _one.WaitAsync(TimeSpan.Zero, cancellationToken))
        {
            return false;
        }
        try
        {
            Say(slots.Current, 0);
            foreach (var model in slots.Clear())
            {
                await RetireAsync(model);
            }
            return true;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    async Task<SwapResult> ChangeAsync(string? version, CancellationToken cancellationToken)
    {
        if (slots.Previous is { } previous && (version == PreviousWord || (version is not null && version == previous.Version)))
        {
            return await RollBackAsync(previous, cancellationToken);
        }
        if (version == PreviousWord)
        {
            throw new UsageException("expected a model that was in service before this one, found none.");
        }
        if (version is not null && version == slots.Current?.Version)
        {
            return SwapResult.Unchanged;
        }
        var package = await RequestThreads.Aside(
            () => version is null ? ModelPackage.Open(Store.Resolve(options.Model)) : Store.Verify($"{Name}/{version}"), cancellationToken);
        if (package.Manifest.Name != Name)
        {
            throw new InvalidDataException($"{package.Folder}: expected the model '{Name}', found '{package.Manifest.Name}'. Start another worker for it.");
        }
        if (package.Manifest.Version is { } published && published == slots.Current?.Version)
        {
            return SwapResult.Unchanged;
        }
        var candidate = await RequestThreads.Aside(() => LoadedModel.Load(package, options, loggers, time), cancellationToken);
        if (!candidate.Report.Passed)
        {
            candidate.Dispose();
            throw new InvalidDataException(string.Join('\n', candidate.Report.Failures()));
        }
        if (Put(candidate) is { } retired)
        {
            await RetireAsync(retired);
        }
        return SwapResult.Swapped;
    }

    async Task<SwapResult> RollBackAsync(LoadedModel previous, CancellationToken cancellationToken)
    {
        foreach (var graph in previous.Graphs)
        {
            if (!await graph.CheckAsync(cancellationToken))
            {
                throw new InvalidDataException($"{previous.Manifest.Name} {previous.Version}: does not compute its golden rows any longer. Load it anew.");
            }
        }
        Say(slots.Current, 0);
        slots.Exchange();
        Say(previous, 1);
        return SwapResult.RolledBack;
    }

    LoadedModel? Put(LoadedModel model)
    {
        watch(model);
        Say(slots.Current, 0);
        var retired = slots.Put(model);
        Say(model, 1);
        var (manifest, report) = (model.Manifest, model.Report);
        _logger.Loaded(manifest.Name, model.Version, manifest.SpaceId, OnnxModel.Engine, report.Device, report.Threads, report.MaxAbs);
        return retired;
    }

    async Task RetireAsync(LoadedModel model)
    {
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(options.DrainSeconds), time);
        try
        {
            await model.StopAsync(deadline.Token);
        }
        catch (TimeoutException e)
        {
            _logger.RetiredLate(model.Manifest.Name, model.Version, e);
        }
        model.Dispose();
    }

    static void Say(LoadedModel? model, int inService)
    {
        if (model is not null)
        {
            s_info.Record(inService, new("model", model.Manifest.Name), new("version", model.Version), new("space_id", model.Manifest.SpaceId));
        }
    }
}
