using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The cluster of each row, and the sum of squared distances to the clusters' centroids.</summary>
public sealed record Clustering(int[] Assigned, double Inertia);

/// <summary>
/// k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's iteration until no row changes its cluster; the best of <see cref="Restarts"/> starts, as
/// scikit-learn's KMeans. The result does not depend on the number of threads.
/// </summary>
public static class KMeans
{
    public const int Restarts = 10;

    const int MaxIterations = 300;

    /// <param name="points">(N, dim), row-major.</param>
    /// <param name="dim">Dimensions.</param>
    /// <param name="clusters">k; fewer come out where fewer points are distinct.</param>
    /// <param name="noise">Source of the starts.</param>
    /// <param name="cancellationToken">Looked at between iterations.</param>
    public static Clustering Fit(float[] points, int dim, int clusters, Generator noise, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(clusters, 1);
        var set = new PairDistances(points, points.Length / dim, nameof(points));
        using var uniforms = rand(Restarts * clusters, dtype: ScalarType.Float64, generator: noise);
        var starts = uniforms.data<double>().ToArray();
        var found = new Clustering[Restarts];
        Parallel.For(0, Restarts, new ParallelOptions { CancellationToken = cancellationToken }, start => found[start] =
            new Start(set, points, clusters).Run(starts.AsSpan(start * clusters, clusters), cancellationToken));
        return found.MinBy(clustering => clustering.Inertia) ?? found[0];
    }

    /// <summary>One start: its centroids, and the distances of a block of rows to them.</summary>
    sealed class Start(PairDistances set, float[] points, int clusters)
    {
        const int BlockElements = 1 << 16;

        readonly double[] _centroids = new double[clusters * set.Dim];
        readonly double[] _nearest = new double[set.Rows];
        readonly int[] _assigned = new int[set.Rows];
        readonly int _block = Math.Max(1, BlockElements / clusters / PairDistances.TileRows) * PairDistances.TileRows;
        int _count;

        public Clustering Run(ReadOnlySpan<double> uniforms, CancellationToken cancellationToken)
        {
            var distances = new double[_block * clusters];
            PlusPlus(uniforms, distances);
            Array.Fill(_assigned, -1);
            for (var iteration = 0; iteration < MaxIterations && Assign(distances); iteration++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Update();
            }
            Assign(distances);
            return new Clustering(_assigned, _nearest.Sum());
        }

        /// <summary>The first centroid is any row, each further one a row with a probability in proportion to its squared distance to the nearest.</summary>
        void PlusPlus(ReadOnlySpan<double> uniforms, double[] distances)
        {
            Array.Fill(_nearest, 1);
            foreach (var uniform in uniforms)
            {
                var threshold = uniform * _nearest.Sum();
                var chosen = Array.FindLastIndex(_nearest, weight => weight > 0);
                if (chosen < 0)
                {
                    return;
                }
                for (var row = 0; row < chosen; row++)
                {
                    threshold -= _nearest[row];
                    if (threshold < 0)
                    {
                        chosen = row;
                    }
                }
                var centroid = _centroids.AsSpan(_count * set.Dim, set.Dim);
                set.CopyRows(chosen, 1, centroid);
                for (var from = 0; from < set.PaddedRows; from += _block)
                {
                    var width = Math.Min(_block, set.PaddedRows - from);
                    set.Compute<SquaredEuclideanNorm>(centroid, 1, from, width, distances);
                    for (var row = from; row < Math.Min(from + width, set.Rows); row++)
                    {
                        _nearest[row] = _count == 0 ? distances[row - from] : Math.Min(_nearest[row], distances[row - from]);
                    }
                }
                _count++;
            }
        }

        /// <returns>Whether any row changed its cluster. A tie goes to the lowest.</returns>
        bool Assign(double[] distances)
        {
            var changed = false;
            for (var from = 0; from < set.PaddedRows; from += _block)
            {
                var width = Math.Min(_block, set.PaddedRows - from);
                set.Compute<SquaredEuclideanNorm>(_centroids, _count, from, width, distances);
                for (var row = from; row < Math.Min(from + width, set.Rows); row++)
                {
                    var best = 0;
                    for (var c = 1; c < _count; c++)
                    {
                        best = distances[c * width + row - from] < distances[best * width + row - from] ? c : best;
                    }
                    changed |= best != _assigned[row];
                    (_assigned[row], _nearest[row]) = (best, distances[best * width + row - from]);
                }
            }
            return changed;
        }

        void Update()
        {
            var sizes = new int[_count];
            _centroids.AsSpan().Clear();
            for (var row = 0; row < set.Rows; row++)
            {
                var sum = _centroids.AsSpan(_assigned[row] * set.Dim, set.Dim);
                sizes[_assigned[row]]++;
                for (var d = 0; d < set.Dim; d++)
                {
                    sum[d] += points[row * set.Dim + d];
                }
            }
            for (var c = 0; c < _count; c++)
            {
                var centroid = _centroids.AsSpan(c * set.Dim, set.Dim);
                if (sizes[c] == 0)
                {
                    // An empty cluster restarts at the row that is served worst.
                    var farthest = Array.IndexOf(_nearest, _nearest.Max());
                    set.CopyRows(farthest, 1, centroid);
                    _nearest[farthest] = 0;
                    continue;
                }
                foreach (ref var value in centroid)
                {
                    value /= sizes[c];
                }
            }
        }
    }
}
