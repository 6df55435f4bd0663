using System.Numerics;

namespace Mim.Training;

/// <summary>
/// An estimate of I(x;z) in nats. The estimator cannot exceed <see cref="Ceiling"/>, so values at different <see cref="Rows"/> do not
/// compare.
/// </summary>
/// <remarks><c>Coincident</c> rows have k or more exact duplicates in (x, z); there the estimator falls back to counting duplicates.</remarks>
public readonly record struct KsgEstimate(double MutualInformation, int Neighbours, int Rows, double Ceiling, int Coincident);

/// <summary>
/// Mutual information by nearest neighbours: estimator 1 of Kraskov, Stögbauer and Grassberger (2004), eq. 8, in the form of the MIM
/// reference. Chebyshev norm in the joint space, no rescaling of either variable:
/// I = ψ(N) + ψ(k) − mean(ψ(n_x) + ψ(n_z)), n_x = 1 + #{j ≠ i : ‖x_j − x_i‖ &lt; ε_i}, ε_i the distance to the k-th neighbour in (x, z).
/// It may come out slightly negative for independent variables; it is biased low as it nears its ceiling ψ(N) − ψ(k).
/// </summary>
public static class Ksg
{
    /// <summary>Rows whose distances one task holds at a time: two buffers of this many × N doubles.</summary>
    const int QueriesPerTask = 16;

    /// <summary>Exact, O(N²), on every core; the result does not depend on the number of threads.</summary>
    /// <param name="x">(N, X), row-major.</param>
    /// <param name="z">(N, Z), row-major, the code of the same rows.</param>
    /// <param name="rows">N, more than <paramref name="neighbours"/>.</param>
    /// <param name="neighbours">k.</param>
    public static KsgEstimate Estimate(ReadOnlySpan<float> x, ReadOnlySpan<float> z, int rows, int neighbours = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(neighbours, 1);
        if (rows <= neighbours)
        {
            throw new ArgumentException(
                $"{neighbours} neighbours need at least {neighbours + 1} rows, found {rows}. Evaluate on more rows.", nameof(rows));
        }

        var pointsX = new PairDistances(x, rows, nameof(x));
        var pointsZ = new PairDistances(z, rows, nameof(z));
        var psi = Digamma(rows);
        var terms = new double[rows];
        var coincident = new bool[rows];
        var tasks = (rows + QueriesPerTask - 1) / QueriesPerTask;
        Parallel.For(0, tasks, () => new Buffers(pointsX, pointsZ, neighbours), (task, _, buffers) =>
        {
            var first = task * QueriesPerTask;
            var count = Math.Min(QueriesPerTask, rows - first);
            buffers.Fill(first, count);
            for (var i = 0; i < count; i++)
            {
                var self = first + i;
                var dx = Buffers.Row(buffers.X, i);
                var dz = Buffers.Row(buffers.Z, i);
                var epsilon = JointDistance(dx[..rows], dz[..rows], self, buffers.Nearest);
                coincident[self] = epsilon == 0;
                // No open ball has radius zero: k becomes the number of duplicates and the balls close (Gao et al. 2017, eq. 5).
                var (nx, nz) = epsilon == 0 ? (CountZeros(dx), CountZeros(dz)) : (CountBelow(dx, epsilon), CountBelow(dz, epsilon));
                var k = epsilon == 0 ? CountDuplicates(dx, dz) : neighbours;
                terms[self] = psi[k] - psi[nx] - psi[nz];
            }
            return buffers;
        }, _ => { });

        var sum = 0.0;
        foreach (var term in terms)
        {
            sum += term;
        }
        return new KsgEstimate(psi[rows] + sum / rows, neighbours, rows, Ceiling(rows, neighbours), coincident.Count(c => c));
    }

    /// <summary>ψ(N) − ψ(k) nats: what the estimator gives for z = x.</summary>
    public static double Ceiling(int rows, int neighbours)
    {
        var sum = 0.0;
        for (var i = rows - 1; i >= neighbours; i--)
        {
            sum += 1.0 / i;
        }
        return sum;
    }

    /// <summary>ψ(1) … ψ(n), exact for integers: ψ(n + 1) = ψ(n) + 1/n, ψ(1) = −γ.</summary>
    static double[] Digamma(int n)
    {
        const double eulerGamma = 0.57721566490153286061;
        var psi = new double[n + 1];
        psi[0] = double.NaN;
        psi[1] = -eulerGamma;
        for (var i = 1; i < n; i++)
        {
            psi[i + 1] = psi[i] + 1.0 / i;
        }
        return psi;
    }

    /// <summary>
    /// Distance to the k-th neighbour of row <paramref name="self"/> in the joint space, k the length of <paramref name="nearest"/>.
    /// </summary>
    static double JointDistance(ReadOnlySpan<double> dx, ReadOnlySpan<double> dz, int self, Span<double> nearest)
    {
        nearest.Fill(double.PositiveInfinity);
        var farthest = double.PositiveInfinity;
        for (var j = 0; j < dx.Length; j++)
        {
            var distance = Math.Max(dx[j], dz[j]);
            if (distance < farthest && j != self)
            {
                var slot = nearest.Length - 1;
                for (; slot > 0 && nearest[slot - 1] > distance; slot--)
                {
                    nearest[slot] = nearest[slot - 1];
                }
                nearest[slot] = distance;
                farthest = nearest[^1];
            }
        }
        return farthest;
    }

    /// <summary>Distances strictly below <paramref name="epsilon"/>, the row itself (distance 0) among them.</summary>
    static int CountBelow(ReadOnlySpan<double> distances, double epsilon)
    {
        var bound = new Vector<double>(epsilon);
        var counts = Vector<long>.Zero;
        for (var j = 0; j < distances.Length; j += Vector<double>.Count)
        {
            counts -= Vector.LessThan(new Vector<double>(distances[j..]), bound);
        }
        return (int)Vector.Sum(counts);
    }

    static int CountZeros(ReadOnlySpan<double> distances) => distances.Count(0.0);

    static int CountDuplicates(ReadOnlySpan<double> dx, ReadOnlySpan<double> dz)
    {
        var count = 0;
        for (var j = 0; j < dx.Length; j++)
        {
            count += dx[j] == 0 && dz[j] == 0 ? 1 : 0;
        }
        return count;
    }

    /// <summary>One task's queries and their distances to every row.</summary>
    sealed class Buffers(PairDistances x, PairDistances z, int neighbours)
    {
        readonly double[] _queries = new double[QueriesPerTask * Math.Max(x.Dim, z.Dim)];

        public double[] X { get; } = new double[QueriesPerTask * x.PaddedRows];
        public double[] Z { get; } = new double[QueriesPerTask * z.PaddedRows];
        public double[] Nearest { get; } = new double[neighbours];

        public void Fill(int first, int count)
        {
            x.CopyRows(first, count, _queries);
            x.Compute<ChebyshevNorm>(_queries, count, 0, x.PaddedRows, X);
            z.CopyRows(first, count, _queries);
            z.Compute<ChebyshevNorm>(_queries, count, 0, z.PaddedRows, Z);
        }

        public static ReadOnlySpan<double> Row(double[] distances, int query)
        {
            var width = distances.Length / QueriesPerTask;
            return distances.AsSpan(query * width, width);
        }
    }
}
