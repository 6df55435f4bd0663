using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>One z ~ q(z|x) of each row, the posterior's mean, both (N, Z), and the row's label.</summary>
public sealed record LabelledCodes(float[] Z, float[] ZMean, long[] Labels);

/// <summary>
/// What codes say of labels. <c>Knn</c> is the accuracy of 1, 3, 5 and 10 nearest neighbours on draws z, as the reference has it, and <c>KnnOfMeans</c>
/// that on posterior means: in a draw, the dimensions that have collapsed are noise. The linear probe reads means. <c>Nmi</c> compares the labels with
/// as many k-means clusters of the evaluated draws as there are labels.
/// </summary>
public sealed record CodeScores(
    double[] Knn, double[] KnnOfMeans, double LinearProbe, double LinearProbeGradientNorm, double Nmi, int Clusters, int TrainRows)
{
    public const int MaxNeighbours = 10;

    static readonly int[] s_neighbours = [1, 3, 5, MaxNeighbours];

    /// <summary>Everything is fitted on <paramref name="train"/> and judged on <paramref name="test"/>; only the clusters are the latter's own.</summary>
    public static CodeScores Of(LabelledCodes train, LabelledCodes test, int zDim, Generator clusters, CancellationToken cancellationToken)
    {
        var knn = NearestNeighbours.Accuracies(train.Z, train.Labels, test.Z, test.Labels, zDim, s_neighbours);
        cancellationToken.ThrowIfCancellationRequested();
        var knnOfMeans = NearestNeighbours.Accuracies(train.ZMean, train.Labels, test.ZMean, test.Labels, zDim, s_neighbours);
        cancellationToken.ThrowIfCancellationRequested();
        var probe = Training.LinearProbe.Fit(train.ZMean, train.Labels, zDim, cancellationToken);
        var right = probe.Predict(test.ZMean).Zip(test.Labels).Count(pair => pair.First == pair.Second);
        var labels = test.Labels.Distinct().Count();
        var clustering = KMeans.Fit(test.Z, zDim, labels, clusters, cancellationToken);
        return new CodeScores(
            knn, knnOfMeans, (double)right / test.Labels.Length, probe.GradientNorm,
            NormalisedMutualInformation.Max<long, int>(test.Labels, clustering.Assigned), labels, train.Labels.Length);
    }
}
