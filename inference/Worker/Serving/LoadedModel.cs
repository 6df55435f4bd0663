using Microsoft.Extensions.Logging;
using Mim.Models;

namespace Mim.Inference;

/// <summary>A package with sessions that have replayed its goldens and are warm, and the queues in front of them.</summary>
public sealed class LoadedModel : IDisposable
{
    LoadedModel(ModelPackage package, ServedGraph encoder, ServedGraph? decoder, VerificationReport report)
    {
        (Package, Encoder, Decoder, Report) = (package, encoder, decoder, report);
    }

    public ModelPackage Package { get; }

    public ModelManifest Manifest => Package.Manifest;

    /// <summary>The version that it goes by: a package that was never published has none of its own.</summary>
    public string Version => Manifest.Version ?? "unpublished";

    /// <summary>x → z_mean, z_log_var.</summary>
    public ServedGraph Encoder { get; }

    /// <summary>z → x_mean, …; null for an encoder alone, and for an autoregressive decoder, whose requests would take as many runs as x has elements.</summary>
    public ServedGraph? Decoder { get; }

    /// <summary>How the goldens came out. A model that broke a bound must not be served.</summary>
    public VerificationReport Report { get; }

    public IEnumerable<ServedGraph> Graphs => Decoder is null ? [Encoder] : [Encoder, Decoder];

    /// <summary>Whether requests would be answered, and rightly, as of the latest check.</summary>
    public bool IsHealthy => Encoder.IsHealthy && Decoder?.IsHealthy != false;

    /// <summary>Ends in an exception when an inference thread dies.</summary>
    public Task Completion => Task.WhenAny(Graphs.Select(graph => graph.Batcher.Completion)).Unwrap();

    /// <summary>Makes sessions, replays the goldens, warms up. The package's files have been verified by whoever opened it.</summary>
    /// <exception cref="InvalidDataException">The engine does not take it, or it lacks a golden.</exception>
    public static LoadedModel Load(ModelPackage package, InferenceOptions options, ILoggerFactory loggers, TimeProvider time)
    {
        var engine = new EngineOptions(options.Threads, options.Device, Spins: false);
        List<ParityCheck> checks = [];
        List<OnnxModel> sessions = [];
        try
        {
            var encoder = Checked(OnnxModel.Encoder(package, Rows(package.Manifest.XDim), engine));
            var decoder = package.Decoder is null ? null : Checked(OnnxModel.Decoder(package, Rows(package.Manifest.ZSize), engine));
            if (package.Manifest.Autoregressive && decoder is not null)
            {
                decoder.Dispose();
                decoder = null;
            }
            var manifest = package.Manifest;
            VerificationReport report = new(manifest.Name, manifest.Version, manifest.SpaceId, OnnxModel.Engine, encoder.Device, engine.Threads, checks);
            return new(package, Serve(encoder), decoder is null ? null : Serve(decoder), report);
        }
        catch
        {
            foreach (var session in sessions)
            {
                session.Dispose();
            }
            throw;
        }

        int Rows(int width) => Math.Clamp(options.MaxBatchElements / width, 1, options.MaxBatchSize);

        OnnxModel Checked(OnnxModel model)
        {
            sessions.Add(model);
            Verification.Check(package, model, checks);
            model.WarmUp();
            return model;
        }

        ServedGraph Serve(OnnxModel model)
        {
            BatchLimits limits = new(options.QueueCapacity, TimeSpan.FromMilliseconds(options.LingerMilliseconds));
            var name = model.Input == TensorNames.X ? package.Manifest.Name : ModelTarget.DecoderOf(package.Manifest.Name);
            MicroBatcher batcher = new(model.Buffers, model.Run, limits, name, loggers.CreateLogger<MicroBatcher>());
            return new(package, model, batcher, TimeSpan.FromSeconds(options.CanarySeconds), time);
        }
    }

    /// <summary>The graph that takes this input; null when there is none.</summary>
    public ServedGraph? Graph(string input) => input == TensorNames.X ? Encoder : input == TensorNames.Z ? Decoder : null;

    /// <summary>Answers every accepted row, or fails those that still wait when the time is up; an unanswered row is an exception.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(Graphs.Select(graph => graph.Batcher.StopAsync(cancellationToken)));

    public void Dispose()
    {
        foreach (var graph in Graphs)
        {
            graph.Batcher.Dispose();
            // A run that hangs still writes into the session's memory; the process is about to end.
            if (graph.Batcher.Completion.IsCompleted)
            {
                graph.Model.Dispose();
            }
        }
    }
}
