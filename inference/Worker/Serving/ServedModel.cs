using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Loads, verifies and warms the model, says when it is ready, and drains it at the end. Any failure is kept and stops the host, because a
/// host whose background service failed would otherwise end with exit code 0 (dotnet/runtime#67146).
/// </summary>
public sealed class ServedModel : BackgroundService
{
    static readonly Meter s_meter = new("Mim.Inference");
    static readonly Gauge<int> s_info = s_meter.CreateGauge<int>("mim.inference.model.info");

    readonly InferenceOptions _options;
    readonly IHostApplicationLifetime _lifetime;
    readonly ILogger<ServedModel> _logger;
    readonly ILoggerFactory _loggers;
    readonly TaskCompletionSource<bool> _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    volatile ModelPackage? _package;
    ServedGraph? _encoder;
    ServedGraph? _decoder;

    public ServedModel(IOptions<InferenceOptions> options, IHostApplicationLifetime lifetime, ILoggerFactory loggers)
    {
        (_options, _lifetime, _loggers, _logger) = (options.Value, lifetime, loggers, loggers.CreateLogger<ServedModel>());
    }

    /// <summary>Why the host stops, if it does not stop because it was told to.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>The bounds that the goldens broke; the model is then never served.</summary>
    public IReadOnlyList<string> BrokenBounds { get; private set; } = [];

    /// <summary>The verified package; null before.</summary>
    public ModelPackage? Package => _package;

    /// <summary>Ends when the model is in service, or never will be.</summary>
    public Task<bool> LoadedAsync(CancellationToken cancellationToken) => _loaded.Task.WaitAsync(cancellationToken);

    /// <summary>The graph that takes this input; null before the model is loaded or when it has none.</summary>
    public ServedGraph? Graph(string input) => Package is null ? null : input == TensorNames.X ? _encoder : input == TensorNames.Z ? _decoder : null;

    /// <summary>Whether requests would be answered.</summary>
    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        if (Package is null || _encoder is not { } encoder || _lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return false;
        }
        return await encoder.IsHealthyAsync(cancellationToken) && (_decoder is not { } decoder || await decoder.IsHealthyAsync(cancellationToken));
    }

    /// <summary>Answers every accepted row, or fails those that still wait when the time is up; an unanswered row is an exception.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            ServedGraph?[] graphs = [_encoder, _decoder];
            await Task.WhenAll(graphs.OfType<ServedGraph>().Select(graph => graph.Batcher.StopAsync(cancellationToken)));
        }
        finally
        {
            await base.StopAsync(cancellationToken);
        }
    }

    public override void Dispose()
    {
        foreach (var graph in (ServedGraph?[])[_encoder, _decoder])
        {
            graph?.Batcher.Dispose();
            // A run that hangs still writes into the session's memory; the process is about to end.
            if (graph is { Batcher.Completion.IsCompleted: true })
            {
                graph.Model.Dispose();
            }
        }
        base.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "Kept, and thrown again by whoever ran the host.")]
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            var loaded = Load();
            _loaded.SetResult(loaded);
            if (loaded && _encoder is { } encoder)
            {
                // Only a batcher that dies ends before the host does.
                await Task.WhenAny(encoder.Batcher.Completion, _decoder?.Batcher.Completion ?? encoder.Batcher.Completion).Unwrap().WaitAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            _loaded.TrySetResult(false);
        }
        catch (Exception e)
        {
            Failure = e;
            _loaded.TrySetResult(false);
        }
        _lifetime.StopApplication();
    }

    bool Load()
    {
        var package = ModelPackage.Open(new ModelStore(_options.Store).Resolve(_options.Model));
        var engine = new EngineOptions(_options.Threads, _options.Device);
        List<ParityCheck> checks = [];
        _encoder = Serve(OnnxModel.Encoder(package, _options.MaxBatchSize, engine));
        _decoder = package.Decoder is null ? null : ServeDecoder();

        var manifest = package.Manifest;
        var report = new VerificationReport(manifest.Name, manifest.Version, manifest.SpaceId, OnnxModel.Engine, _encoder.Model.Device, engine.Threads, checks);
        if (!report.Passed)
        {
            BrokenBounds = [.. report.Failures()];
            return false;
        }
        _package = package;
        s_info.Record(1, new("model", manifest.Name), new("version", manifest.Version), new("space_id", manifest.SpaceId));
        _logger.Loaded(manifest.Name, manifest.Version ?? "(not published)", manifest.SpaceId, OnnxModel.Engine, report.Device, engine.Threads, report.MaxAbs);
        return true;

        ServedGraph? ServeDecoder()
        {
            var model = OnnxModel.Decoder(package, _options.MaxBatchSize, engine);
            if (!package.Manifest.Autoregressive)
            {
                return Serve(model);
            }
            // A batch may take as many runs as x has elements: no answer to wait for over HTTP.
            using (model)
            {
                Verification.Check(package, model, checks);
            }
            return null;
        }

        ServedGraph Serve(OnnxModel model)
        {
            Verification.Check(package, model, checks);
            model.WarmUp();
            var batcher = new MicroBatcher(model.Buffers, model.Run, _options.QueueCapacity, package.Manifest.Name, _loggers.CreateLogger<MicroBatcher>());
            return new(package, model, batcher);
        }
    }
}
