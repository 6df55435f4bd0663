using Mim.Models;

namespace Mim.Inference;

/// <summary>One graph in service: its session, and the queue in front of it.</summary>
public sealed class ServedGraph
{
    readonly Golden _canary;

    /// <summary>What parity counts in (<see cref="ModelPackage.Units"/>).</summary>
    readonly float[] _units;

    public ServedGraph(ModelPackage package, OnnxModel model, MicroBatcher batcher)
    {
        (Model, Batcher) = (model, batcher);
        Contract = model.Input == TensorNames.X ? RowContract.Encode(package.Manifest) : RowContract.Decode(package.Manifest);
        _canary = package.Goldens[0];
        _units = package.Units(model.Outputs[0]);
    }

    public OnnxModel Model { get; }

    public MicroBatcher Batcher { get; }

    /// <summary>What a row must be.</summary>
    internal RowContract Contract { get; }

    /// <summary>
    /// Whether the latest run succeeded. After a failed one the golden rows are sent through the queue: an engine that fails every run stays
    /// unhealthy, and one that recovers is healthy again without traffic.
    /// </summary>
    public async Task<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        if (!Batcher.LastRunFailed)
        {
            return true;
        }
        var outputs = new Memory<float>[Model.Outputs.Count];
        outputs[0] = new float[_canary.Rows * Model.Buffers.OutputWidths[0]];
        if (!Batcher.TryRun(_canary.Tensors[Model.Input], _canary.Rows, outputs, cancellationToken, out var completion))
        {
            return false;
        }
        try
        {
            await completion;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The batcher has logged it.
            return false;
        }
        return Parity.Compare(outputs[0].Span, _canary.Tensors[Model.Outputs[0]], Parity.EngineTolerance, Parity.EngineTolerance, units: _units).Passed;
    }
}
