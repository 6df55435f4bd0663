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
            var (graph, package) = Encoder();
            var outputs = new Memory<float>[graph.Model.Outputs.Count];
            outputs[0] = z;
            if (graph.Batcher.TryRun(x, rows, outputs, cancellationToken, out var completion))
            {
                await completion;
                return package.Manifest;
            }
            if (graph.Batcher.IsStopping)
            {
                throw new InvalidDataException("the model is no longer in service.");
            }
            await Task.Delay(s_whileFull, time, cancellationToken);
        }
    }

    public async ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken)
    {
        var (graph, package) = Encoder();
        return await graph.IsHealthyAsync(package.Goldens[0], cancellationToken);
    }

    (ServedGraph Graph, ModelPackage Package) Encoder() => served.Graph(TensorNames.X) is { } graph && served.Package is { } package
        ? (graph, package)
        : throw new InvalidDataException("no model is in service.");
}
