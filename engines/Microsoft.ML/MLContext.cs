namespace Microsoft.ML;

/// <summary>The same seed and the same calls in the same order give the same models.</summary>
public sealed class MLContext
{
    public MLContext(int? seed = null)
    {
        var random = seed is { } fixedSeed ? new Random(fixedSeed) : new Random();
        Clustering = new(random);
    }

    public DataOperationsCatalog Data { get; } = new();

    public TransformsCatalog Transforms { get; } = new();

    public ClusteringCatalog Clustering { get; }

    public MulticlassClassificationCatalog MulticlassClassification { get; } = new();

    public ModelOperationsCatalog Model { get; } = new();
}
