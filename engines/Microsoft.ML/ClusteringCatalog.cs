using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed class ClusteringCatalog : TrainCatalogBase
{
    internal ClusteringCatalog(Random random) => Trainers = new(random);

    public ClusteringTrainers Trainers { get; }

    /// <param name="data">Scored rows.</param>
    /// <param name="labelColumnName">A key column; without it the mutual information is not computed.</param>
    /// <param name="scoreColumnName">Squared distances to every centroid.</param>
    /// <param name="featureColumnName">The rows that were scored; without them the Davies–Bouldin index is not computed.</param>
    public ClusteringMetrics Evaluate(
        IDataView data, string? labelColumnName = null, string scoreColumnName = "Score", string? featureColumnName = null)
    {
        var view = ColumnarView.Of(data);
        var (scores, clusters) = view.Vectors("score", scoreColumnName);
        uint[]? labels = null;
        if (labelColumnName is not null)
        {
            var column = view.Require("label", labelColumnName);
            labels = column.Type is KeyDataViewType { Count: > 0 }
                ? view.Values<uint>(column)
                : throw ColumnarView.Mismatch("label", labelColumnName, "Key", column.Type);
        }
        return ClusteringMetrics.Of(scores, clusters, labels, featureColumnName is null ? null : view.Vectors("features", featureColumnName).Rows);
    }

    public sealed class ClusteringTrainers : CatalogInstantiatorBase
    {
        internal ClusteringTrainers(Random random) => Random = random;

        internal Random Random { get; }
    }
}
