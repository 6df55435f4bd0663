using System.Numerics.Tensors;

namespace Microsoft.ML.Data;

/// <summary>Formulas of ClusteringEvaluator.cs at tag v5.0.0 of dotnet/machinelearning.</summary>
public sealed class ClusteringMetrics
{
    ClusteringMetrics(double mutualInformation, double averageDistance, double daviesBouldin)
    {
        NormalizedMutualInformation = mutualInformation;
        AverageDistance = averageDistance;
        DaviesBouldinIndex = daviesBouldin;
    }

    /// <summary>I(label; cluster) / H(label), in [0, 1]; NaN with fewer than two labels. Not symmetric: splitting a pure cluster costs nothing.</summary>
    public double NormalizedMutualInformation { get; }

    /// <summary>Mean over rows of the least score; for k-means that is a squared distance.</summary>
    public double AverageDistance { get; }

    /// <summary>Mean over clusters of the worst (dᵢ + dⱼ) / |mᵢ − mⱼ|, d = mean distance to the mean m of the rows assigned; 0 if not computed.</summary>
    public double DaviesBouldinIndex { get; }

    internal static ClusteringMetrics Of(float[][] scores, int clusters, uint[]? labels, float[][]? features)
    {
        // Rows with a score that is not finite are left out. (A row without a label counts as the first class: so does the real evaluator.)
        var rows = Enumerable.Range(0, scores.Length).Where(row => Array.TrueForAll(scores[row], float.IsFinite)).ToArray();
        var assigned = Array.ConvertAll(rows, row => TensorPrimitives.IndexOfMin<float>(scores[row]));
        var average = rows.Length == 0 ? double.NaN : rows.Average(row => (double)TensorPrimitives.Min<float>(scores[row]));
        var mutualInformation = labels is null
            ? double.NaN
            : Nmi(Array.ConvertAll(rows, row => Math.Max(0, (int)labels[row] - 1)), assigned, clusters);
        return new(mutualInformation, average, features is null ? 0 : DaviesBouldin(Array.ConvertAll(rows, row => features[row]), assigned, clusters));
    }

    static double Nmi(int[] labels, int[] assigned, int clusters)
    {
        var classes = labels.Length == 0 ? 0 : labels.Max() + 1;
        if (classes < 2)
        {
            return double.NaN;
        }
        var (joint, byClass, byCluster) = (new double[classes, clusters], new double[classes], new double[clusters]);
        for (var row = 0; row < labels.Length; row++)
        {
            joint[labels[row], assigned[row]]++;
            byClass[labels[row]]++;
            byCluster[assigned[row]]++;
        }
        var (information, entropy, n) = (0.0, 0.0, (double)labels.Length);
        for (var i = 0; i < classes; i++)
        {
            if (byClass[i] == 0)
            {
                continue;
            }
            for (var j = 0; j < clusters; j++)
            {
                if (joint[i, j] > 0)
                {
                    information += joint[i, j] / n * Math.Log(joint[i, j] * n / (byClass[i] * byCluster[j]));
                }
            }
            entropy -= byClass[i] / n * Math.Log(byClass[i] / n);
        }
        return information / entropy;
    }

    static double DaviesBouldin(float[][] rows, int[] assigned, int clusters)
    {
        var dims = rows.Length == 0 ? 0 : rows[0].Length;
        var means = Enumerable.Range(0, clusters).Select(_ => new double[dims]).ToArray();
        var (sizes, scatter) = (new double[clusters], new double[clusters]);
        for (var row = 0; row < rows.Length; row++)
        {
            sizes[assigned[row]]++;
            var mean = means[assigned[row]];
            for (var d = 0; d < dims; d++)
            {
                mean[d] += rows[row][d];
            }
        }
        for (var c = 0; c < clusters; c++)
        {
            TensorPrimitives.Divide(means[c], Math.Max(1, sizes[c]), means[c]);
        }
        for (var row = 0; row < rows.Length; row++)
        {
            var c = assigned[row];
            scatter[c] += TensorPrimitives.Distance<double>(Array.ConvertAll(rows[row], f => (double)f), means[c]) / sizes[c];
        }
        var total = 0.0;
        for (var i = 0; i < clusters; i++)
        {
            var worst = 0.0;
            for (var j = 0; j < clusters; j++)
            {
                if (i != j && sizes[i] > 0 && sizes[j] > 0)
                {
                    worst = Math.Max(worst, (scatter[i] + scatter[j]) / TensorPrimitives.Distance<double>(means[i], means[j]));
                }
            }
            total += worst;
        }
        return total / clusters; // empty clusters count in the denominator there too
    }
}
