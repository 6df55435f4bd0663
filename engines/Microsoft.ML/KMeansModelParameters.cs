using System.Numerics.Tensors;
using Microsoft.ML.Data;

namespace Microsoft.ML.Trainers;

public sealed class KMeansModelParameters : ModelParametersBase<VBuffer<float>>
{
    internal KMeansModelParameters(float[][] centroids, int dims)
    {
        Centroids = centroids;
        Dims = dims;
    }

    internal float[][] Centroids { get; }

    internal int Dims { get; }

    public void GetClusterCentroids(ref VBuffer<float>[]? centroids, out int k)
    {
        k = Centroids.Length;
        centroids = Array.ConvertAll(Centroids, c => new VBuffer<float>([.. c]));
    }

    internal void SquaredDistances(float[] x, float[] score)
    {
        for (var c = 0; c < score.Length; c++)
        {
            score[c] = KMeans.SquaredDistance(x, Centroids[c]);
        }
    }

    internal static int Nearest(float[] score) => TensorPrimitives.IndexOfMin<float>(score);
}
