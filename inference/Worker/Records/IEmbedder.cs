using Mim.Models;

namespace Mim.Inference;

/// <summary>The model in service, as the stream worker sees it; it may change between two calls.</summary>
public interface IEmbedder
{
    /// <summary>Ends when a model is in service; null when none ever will be.</summary>
    Task<ModelManifest?> LoadedAsync(CancellationToken cancellationToken);

    /// <summary>x (rows, X) → z (rows, Z). Waits while the queue is full.</summary>
    /// <returns>The model that did it.</returns>
    /// <exception cref="InvalidDataException">No row can be at fault: the model takes other rows, or is gone.</exception>
    ValueTask<ModelManifest> EmbedAsync(ReadOnlyMemory<float> x, int rows, Memory<float> z, CancellationToken cancellationToken);

    /// <summary>Whether the model computes its golden rows, so that a row that it does not compute is at fault itself.</summary>
    ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken);
}
