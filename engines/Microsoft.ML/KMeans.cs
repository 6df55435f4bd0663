using System.Numerics;
using System.Numerics.Tensors;

namespace Microsoft.ML.Trainers;

/// <summary>
/// k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's iteration until no row changes its cluster, the best of <see cref="Restarts"/> starts by the sum of
/// squared distances. The real trainer starts once and stops when that sum moves by less than a tolerance.
/// </summary>
static class KMeans
{
    const int Restarts = 3;

    /// <returns>The centroids, (clusters, dims).</returns>
    public static float[][] Fit(float[][] rows, int dims, int clusters, int maximumIterations, Random random)
    {
        var best = (Centroids: (float[][])[], Inertia: double.PositiveInfinity);
        for (var start = 0; start < Restarts; start++)
        {
            var found = Lloyd(rows, PlusPlus(rows, clusters, random), dims, maximumIterations);
            if (found.Inertia < best.Inertia)
            {
                best = found;
            }
        }
        return best.Centroids;
    }

    public static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = Vector<float>.Zero;
        var k = 0;
        for (; k <= a.Length - Vector<float>.Count; k += Vector<float>.Count)
        {
            var difference = new Vector<float>(a[k..]) - new Vector<float>(b[k..]);
            sum += difference * difference;
        }
        var total = Vector.Sum(sum);
        for (; k < a.Length; k++)
        {
            total += (a[k] - b[k]) * (a[k] - b[k]);
        }
        return total;
    }

    static float[][] PlusPlus(float[][] rows, int clusters, Random random)
    {
        var distances = new float[rows.Length];
        Array.Fill(distances, 1); // the first centroid: every row equally likely
        var centroids = new float[clusters][];
        for (var c = 0; c < clusters; c++)
        {
            var total = 0.0;
            foreach (var distance in distances)
            {
                total += distance;
            }
            if (total <= 0)
            {
                throw new InvalidOperationException($"Not enough distinct instances to populate {clusters} clusters (only found {c} distinct instances)");
            }
            var chosen = Choose(distances, random.NextDouble() * total);
            centroids[c] = [.. rows[chosen]];
            for (var row = 0; row < rows.Length; row++)
            {
                var distance = SquaredDistance(rows[row], centroids[c]);
                distances[row] = c == 0 ? distance : Math.Min(distances[row], distance);
            }
        }
        return centroids;
    }

    static int Choose(ReadOnlySpan<float> weights, double threshold)
    {
        var last = -1;
        for (var row = 0; row < weights.Length; row++)
        {
            if (weights[row] > 0)
            {
                last = row;
                threshold -= weights[row];
                if (threshold < 0)
                {
                    break;
                }
            }
        }
        return last;
    }

    static (float[][] Centroids, double Inertia) Lloyd(float[][] rows, float[][] centroids, int dims, int maximumIterations)
    {
        var assigned = new int[rows.Length];
        Array.Fill(assigned, -1);
        var distances = new float[rows.Length];
        for (var iteration = 0; iteration < maximumIterations; iteration++)
        {
            if (!Assign(rows, centroids, assigned, distances))
            {
                break;
            }
            Update(rows, centroids, dims, assigned, distances);
        }
        Assign(rows, centroids, assigned, distances);
        var inertia = 0.0;
        foreach (var distance in distances)
        {
            inertia += distance;
        }
        return (centroids, inertia);
    }

    /// <returns>Whether any row changed its cluster. A tie keeps the row where it is, else takes the lowest cluster.</returns>
    static bool Assign(float[][] rows, float[][] centroids, int[] assigned, float[] distances)
    {
        var changed = false;
        for (var row = 0; row < rows.Length; row++)
        {
            var nearest = assigned[row];
            var least = nearest < 0 ? float.PositiveInfinity : SquaredDistance(rows[row], centroids[nearest]);
            for (var c = 0; c < centroids.Length; c++)
            {
                if (c == assigned[row])
                {
                    continue;
                }
                var distance = SquaredDistance(rows[row], centroids[c]);
                if (distance < least)
                {
                    (nearest, least) = (c, distance);
                }
            }
            changed |= nearest != assigned[row];
            assigned[row] = nearest;
            distances[row] = least;
        }
        return changed;
    }

    static void Update(float[][] rows, float[][] centroids, int dims, int[] assigned, float[] distances)
    {
        var sums = new double[centroids.Length * dims];
        var sizes = new int[centroids.Length];
        for (var row = 0; row < rows.Length; row++)
        {
            var sum = sums.AsSpan(assigned[row] * dims, dims);
            sizes[assigned[row]]++;
            for (var d = 0; d < dims; d++)
            {
                sum[d] += rows[row][d];
            }
        }
        for (var c = 0; c < centroids.Length; c++)
        {
            if (sizes[c] == 0)
            {
                // An empty cluster restarts at the row that is served worst; the real trainer leaves its centroid at the origin.
                var farthest = TensorPrimitives.IndexOfMax<float>(distances);
                rows[farthest].CopyTo(centroids[c], 0);
                distances[farthest] = 0;
                continue;
            }
            for (var d = 0; d < dims; d++)
            {
                centroids[c][d] = (float)(sums[(c * dims) + d] / sizes[c]);
            }
        }
    }
}
