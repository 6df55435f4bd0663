using Mim.Models;

namespace Mim.Inference;

/// <summary>One graph in service: its session, the queue in front of it, and what parity counts in (<see cref="ModelPackage.Units"/>).</summary>
public sealed record ServedGraph(OnnxModel Model, MicroBatcher Batcher, float[] Units)
{
    /// <summary>
    /// Whether the latest run succeeded. After a failed one the golden rows are sent through the queue: an engine that fails every run stays
    /// unhealthy, and one that recovers is healthy again without traffic.
    /// </summary>
    public async Task<bool> IsHealthyAsync(Golden canary, CancellationToken cancellationToken)
    {
        if (!Batcher.LastRunFailed)
        {
            return true;
        }
        var outputs = new Memory<float>[Model.Outputs.Count];
        outputs[0] = new float[canary.Rows * Model.Buffers.OutputWidths[0]];
        if (!Batcher.TryRun(canary.Tensors[Model.Input], canary.Rows, outputs, cancellationToken, out var completion))
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
        return Parity.Compare(outputs[0].Span, canary.Tensors[Model.Outputs[0]], Parity.EngineTolerance, Parity.EngineTolerance, units: Units).Passed;
    }
}
