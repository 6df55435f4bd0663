using Mim.Models;

namespace Mim.Inference;

/// <summary>The encoder in service, as the stream worker sees it.</summary>
sealed class ServedEmbedder(ServedModel served, TimeProvider time) : IEmbedder
{
    /// <summary>About one run: the queue has room again after it.</summary>
    static readonly TimeSpan s_whileFull = TimeSpan.FromMilliseconds(5);

    public async Task<ModelManifest?> LoadedAsync(CancellationToken cancellationToken) =>
        await served.LoadedAsync(cancellationToken) ? served.Package?.Manifest : null;

    public async ValueTask<ModelManifest> EmbedAsync(ReadOnlyMemory<float> x, int rows, Memory<float> z, CancellationToken cancellationToken)
    {
        while (true)
        {
            // The graph and the manifest of one model: the next may take its place between two reads.
            var model = Current();
            var batcher = model.Encoder.Batcher;
            var outputs = new Memory<float>[model.Encoder.Model.Outputs.Count];
            outputs[0] = z;
            if (batcher.TryRun(x, rows, outputs, cancellationToken, out var completion))
            {
                await completion;
                return model.Manifest;
            }
            if (batcher.IsStopping && Current() == model)
            {
                throw new InvalidDataException("the model is no longer in service.");
            }
            await Task.Delay(s_whileFull, time, cancellationToken);
        }
    }

    public async ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken) => await Current().Encoder.CheckAsync(cancellationToken);

    LoadedModel Current() => served.Current ?? throw new InvalidDataException("no model is in service.");
}
