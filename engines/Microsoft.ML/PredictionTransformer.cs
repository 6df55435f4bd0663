using Microsoft.ML.Trainers;

namespace Microsoft.ML.Data;

public abstract class PredictionTransformerBase<TModel> : ITransformer, IStored
    where TModel : class
{
    private protected PredictionTransformerBase(TModel model) => Model = model;

    public TModel Model { get; }

    private protected abstract ModelStep Step { get; }

    IEnumerable<ModelStep> IStored.Steps => [Step];

    public IDataView Transform(IDataView input) => Apply(ColumnarView.Of(input));

    private protected abstract ColumnarView Apply(ColumnarView view);
}

public abstract class SingleFeaturePredictionTransformerBase<TModel> : PredictionTransformerBase<TModel>
    where TModel : class
{
    private protected SingleFeaturePredictionTransformerBase(TModel model, string featureColumnName)
        : base(model) => FeatureColumnName = featureColumnName;

    public string FeatureColumnName { get; }

    /// <summary>Adds 'PredictedLabel', a key from 1, and 'Score'.</summary>
    private protected ColumnarView Score(
        ColumnarView view, int dims, int outputs, Action<float[], float[]> score, Func<float[], int> best, string[]? names)
    {
        var (features, size) = view.Vectors("feature", FeatureColumnName);
        if (size != dims)
        {
            throw ColumnarView.Mismatch("feature", FeatureColumnName, $"Vector<Single, {dims}>", view.Schema[FeatureColumnName].Type);
        }
        var labels = new uint[features.Length];
        var scores = new float[features.Length][];
        for (var row = 0; row < features.Length; row++)
        {
            scores[row] = new float[outputs];
            score(features[row], scores[row]);
            labels[row] = (uint)best(scores[row]) + 1;
        }
        return view.With(
            ("PredictedLabel", new KeyDataViewType(outputs), labels, names, null),
            ("Score", new VectorDataViewType(NumberDataViewType.Single, outputs), scores, null, names));
    }
}

/// <summary>'Score' holds the squared Euclidean distance to every centroid, 'PredictedLabel' the nearest one.</summary>
public sealed class ClusteringPredictionTransformer<TModel> : SingleFeaturePredictionTransformerBase<TModel>
    where TModel : class
{
    readonly KMeansModelParameters _centroids;

    internal ClusteringPredictionTransformer(TModel model, KMeansModelParameters centroids, string featureColumnName)
        : base(model, featureColumnName) => _centroids = centroids;

    private protected override ModelStep Step => new KMeansStep(FeatureColumnName, _centroids.Dims, _centroids.Centroids);

    private protected override ColumnarView Apply(ColumnarView view) =>
        Score(view, _centroids.Dims, _centroids.Centroids.Length, _centroids.SquaredDistances, KMeansModelParameters.Nearest, null);
}

/// <summary>'Score' holds the probability of every class, 'PredictedLabel' the most probable one.</summary>
public sealed class MulticlassPredictionTransformer<TModel> : SingleFeaturePredictionTransformerBase<TModel>
    where TModel : class
{
    readonly MaximumEntropyModelParameters _classes;
    readonly string[]? _names;

    internal MulticlassPredictionTransformer(TModel model, MaximumEntropyModelParameters classes, string[]? names, string featureColumnName)
        : base(model, featureColumnName)
    {
        _classes = classes;
        _names = names;
    }

    private protected override ModelStep Step => new MaximumEntropyStep(FeatureColumnName, _classes.Dims, _classes.Biases, _classes.Weights, _names);

    private protected override ColumnarView Apply(ColumnarView view) =>
        Score(view, _classes.Dims, _classes.Biases.Length, _classes.Probabilities, MaximumEntropyModelParameters.MostProbable, _names);
}
