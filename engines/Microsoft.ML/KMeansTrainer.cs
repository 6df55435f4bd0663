using Microsoft.ML.Data;

namespace Microsoft.ML.Trainers;

public sealed class KMeansTrainer : TrainerEstimatorBase<ClusteringPredictionTransformer<KMeansModelParameters>, KMeansModelParameters>
{
    readonly Options _options;
    readonly Random _random;

    internal KMeansTrainer(Options options, Random random)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.NumberOfClusters, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaximumNumberOfIterations, nameof(options));
        if (options.InitializationAlgorithm != InitializationAlgorithm.KMeansPlusPlus)
        {
            throw new NotSupportedException(
                $"the stand-in for Microsoft.ML initialises k-means with {InitializationAlgorithm.KMeansPlusPlus} only, found {options.InitializationAlgorithm}.");
        }
        _options = options;
        _random = random;
    }

    public enum InitializationAlgorithm
    {
        KMeansPlusPlus = 0,
        Random = 1,
        KMeansYinyang = 2,
    }

    private protected override ClusteringPredictionTransformer<KMeansModelParameters> Train(ColumnarView view)
    {
        var (features, dims) = view.Vectors("feature", _options.FeatureColumnName);
        // Rows with missing features take no part in training, as in the real trainer.
        var rows = Array.FindAll(features, f => Array.TrueForAll(f, float.IsFinite));
        var centroids = KMeans.Fit(rows, dims, _options.NumberOfClusters, _options.MaximumNumberOfIterations, _random);
        var model = new KMeansModelParameters(centroids, dims);
        return new(model, model, _options.FeatureColumnName);
    }

    public sealed class Options : UnsupervisedTrainerInputBaseWithWeight
    {
        public int NumberOfClusters = 5;

        public InitializationAlgorithm InitializationAlgorithm = InitializationAlgorithm.KMeansYinyang;

        public int MaximumNumberOfIterations = 1000;

        /// <summary>Without effect here: this trainer runs on the calling thread. With more than one the real trainer is not deterministic.</summary>
        public int? NumberOfThreads;
    }
}
