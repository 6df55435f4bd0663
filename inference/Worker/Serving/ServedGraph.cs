using Mim.Models;

namespace Mim.Inference;

/// <summary>One graph in service: its session, and the queue in front of it.</summary>
public sealed class ServedGraph
{
    readonly Canary _canary;

    /// <param name="patience">How long golden rows may take to come back.</param>
    public ServedGraph(ModelPackage package, OnnxModel model, MicroBatcher batcher, TimeSpan patience, TimeProvider time)
    {
        (Model, Batcher) = (model, batcher);
        Contract = model.Input == TensorNames.X ? RowContract.Encode(package.Manifest) : RowContract.Decode(package.Manifest);
        _canary = new(package, model, batcher, patience, time);
    }

    public OnnxModel Model { get; }

    public MicroBatcher Batcher { get; }

    /// <summary>What a row must be.</summary>
    internal RowContract Contract { get; }

    /// <summary>Whether requests would be answered, and rightly, as of the latest check.</summary>
    public bool IsHealthy => _canary.Passed;

    /// <summary>Replays golden rows within the tolerance of the export, through the queue.</summary>
    public Task<bool> CheckAsync(CancellationToken cancellationToken) => _canary.CheckAsync(cancellationToken);
}
