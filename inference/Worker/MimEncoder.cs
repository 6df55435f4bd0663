using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// A verified model as an embedding generator in the caller's own process: rows of raw features to z_mean. Concurrent calls share batches. A model whose
/// files, signature or goldens are not right is never constructed.
/// </summary>
public sealed class MimEncoder : IEmbeddingGenerator<float[], Embedding<float>>
{
    /// <summary>Key of the space among the additional properties: two embeddings are comparable only if theirs are equal.</summary>
    public const string SpaceIdKey = "space_id";

    readonly LoadedModel _model;
    readonly EmbeddingGeneratorMetadata _metadata;

    /// <exception cref="InvalidDataException">The package is not what its manifest says, or does not compute its goldens here.</exception>
    public MimEncoder(IOptions<InferenceOptions> options, ILoggerFactory loggers, TimeProvider time)
    {
        var settings = options.Value;
        _model = LoadedModel.Load(ModelPackage.Open(new ModelStore(settings.Store).Resolve(settings.Model)), settings, loggers, time);
        if (!_model.Report.Passed)
        {
            _model.Dispose();
            throw new InvalidDataException(string.Join('\n', _model.Report.Failures()));
        }
        var manifest = _model.Manifest;
        _metadata = new("mim", defaultModelId: $"{manifest.Name}/{_model.Version}", defaultModelDimensions: manifest.ZSize);
    }

    public ModelManifest Manifest => _model.Manifest;

    /// <summary>x (X) → z_mean (Z), in the order of <paramref name="values"/>.</summary>
    /// <param name="values">Rows of raw features; the preprocessing is in the model.</param>
    /// <param name="options">May name this model or its number of dimensions, and no other.</param>
    /// <exception cref="ArgumentException">A row is not one of the model's, or the options ask for another model.</exception>
    /// <exception cref="InvalidOperationException">The rows do not fit in the queue: more than <see cref="InferenceOptions.QueueCapacity"/> wait.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<float[]> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        CheckOptions(options);
        var rows = values.ToArray();
        var (encoder, width) = (_model.Encoder, _model.Manifest.ZSize);
        var x = Joined(rows);
        var z = new float[rows.Length * width];
        if (rows.Length > 0)
        {
            var outputs = new Memory<float>[encoder.Model.Outputs.Count];
            outputs[0] = z;
            if (!encoder.Batcher.TryRun(x, rows.Length, outputs, cancellationToken, out var completion))
            {
                ObjectDisposedException.ThrowIf(encoder.Batcher.IsStopping, this);
                throw new InvalidOperationException($"{rows.Length} rows do not fit in the queue; raise QueueCapacity or call with fewer at once.");
            }
            await completion;
        }
        GeneratedEmbeddings<Embedding<float>> embeddings = new(rows.Length);
        for (var row = 0; row < rows.Length; row++)
        {
            embeddings.Add(new Embedding<float>(z.AsMemory(row * width, width))
            {
                ModelId = _metadata.DefaultModelId,
                AdditionalProperties = new() { [SpaceIdKey] = _model.Manifest.SpaceId },
            });
        }
        return embeddings;
    }

    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata) ? _metadata
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    public void Dispose() => _model.Dispose();

    void CheckOptions(EmbeddingGenerationOptions? options)
    {
        if (options?.ModelId is { } model && model != _metadata.DefaultModelId)
        {
            throw new ArgumentException($"expected the model '{_metadata.DefaultModelId}', found '{model}'.", nameof(options));
        }
        if (options?.Dimensions is { } dimensions && dimensions != _model.Manifest.ZSize)
        {
            throw new ArgumentException($"expected {_model.Manifest.ZSize} dimensions, which is what the model has, found {dimensions}.", nameof(options));
        }
    }

    float[] Joined(float[][] values)
    {
        var contract = _model.Encoder.Contract;
        var x = new float[values.Length * contract.Width];
        for (var row = 0; row < values.Length; row++)
        {
            if (values[row].Length != contract.Width)
            {
                throw new ArgumentException($"row {row}: expected {contract.Width} values, found {values[row].Length}.", nameof(values));
            }
            if (contract.BadValue(values[row]) is { } bad)
            {
                throw new ArgumentException($"row {row}, value {bad.Index}: {bad.Fault}", nameof(values));
            }
            values[row].CopyTo(x, row * contract.Width);
        }
        return x;
    }
}
