using System.Numerics;

namespace Mim.Training;

/// <summary>
/// A norm as the per-coordinate step that builds it up; the type parameter lets the compiler specialise the distance kernel.
/// </summary>
interface INorm
{
    static abstract Vector<double> Add(Vector<double> sum, Vector<double> difference);
}

/// <summary>max |a − b|.</summary>
readonly struct ChebyshevNorm : INorm
{
    public static Vector<double> Add(Vector<double> sum, Vector<double> difference) => Vector.Max(sum, Vector.Abs(difference));
}

/// <summary>Σ (a − b)²: orders points as the Euclidean norm does.</summary>
readonly struct SquaredEuclideanNorm : INorm
{
    public static Vector<double> Add(Vector<double> sum, Vector<double> difference) => sum + difference * difference;
}

/// <summary>
/// A set of points kept for exact all-pairs distances in double. The points lie in tiles of a few, coordinate-major inside a tile, so that
/// the kernel streams memory in order and holds every partial distance in a register. Distances beyond <see cref="Rows"/> are +∞.
/// </summary>
sealed class PairDistances
{
    /// <summary>Queries that share one pass over a tile; four keep eight accumulators in registers.</summary>
    const int QueriesPerPass = 4;

    static readonly int s_lanes = Vector<double>.Count;
    static readonly int s_tile = 2 * Vector<double>.Count;

    readonly double[] _tiles;

    /// <summary>Takes (rows, Dim) values, row-major; <paramref name="name"/> says what they are should one not be finite.</summary>
    public PairDistances(ReadOnlySpan<float> points, int rows, string name)
    {
        if (rows > 0 && (points.IsEmpty || points.Length % rows != 0))
        {
            throw new ArgumentException($"{name}: expected a multiple of {rows} values, found {points.Length}.", nameof(points));
        }
        Rows = rows;
        Dim = rows == 0 ? 0 : points.Length / rows;
        PaddedRows = (rows + s_tile - 1) / s_tile * s_tile;
        _tiles = new double[PaddedRows * Dim];
        Array.Fill(_tiles, double.PositiveInfinity);
        for (var row = 0; row < rows; row++)
        {
            var at = row / s_tile * s_tile * Dim + row % s_tile;
            for (var d = 0; d < Dim; d++, at += s_tile)
            {
                var value = points[row * Dim + d];
                if (!float.IsFinite(value))
                {
                    throw new InvalidDataException($"{name}[{row}, {d}] is {value}: distances between points need finite values.");
                }
                _tiles[at] = value;
            }
        }
    }

    public int Rows { get; }
    public int Dim { get; }

    /// <summary>Length of one query's row of distances: <see cref="Rows"/> rounded up to whole tiles.</summary>
    public int PaddedRows { get; }

    /// <summary>Tiles start at multiples of this many points.</summary>
    public static int TileRows => s_tile;

    /// <summary>
    /// Distances from <paramref name="queries"/> (row-major, <see cref="Dim"/> wide) to points [from, from + width), a row of <paramref
    /// name="width"/> each.
    /// </summary>
    public void Compute<TNorm>(ReadOnlySpan<double> queries, int count, int from, int width, Span<double> distances)
        where TNorm : INorm
    {
        for (var tile = 0; tile < width; tile += s_tile)
        {
            var points = _tiles.AsSpan((from + tile) * Dim, s_tile * Dim);
            for (var first = 0; first < count; first += QueriesPerPass)
            {
                // Past the last query the last one is computed again, so that the kernel has no tail.
                var q0 = queries.Slice(first * Dim, Dim);
                var q1 = queries.Slice(Math.Min(first + 1, count - 1) * Dim, Dim);
                var q2 = queries.Slice(Math.Min(first + 2, count - 1) * Dim, Dim);
                var q3 = queries.Slice(Math.Min(first + 3, count - 1) * Dim, Dim);
                Vector<double> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
                for (var d = 0; d < q0.Length; d++)
                {
                    var a = new Vector<double>(points[(d * s_tile)..]);
                    var b = new Vector<double>(points[(d * s_tile + s_lanes)..]);
                    var q = new Vector<double>(q0[d]);
                    a0 = TNorm.Add(a0, a - q);
                    b0 = TNorm.Add(b0, b - q);
                    q = new Vector<double>(q1[d]);
                    a1 = TNorm.Add(a1, a - q);
                    b1 = TNorm.Add(b1, b - q);
                    q = new Vector<double>(q2[d]);
                    a2 = TNorm.Add(a2, a - q);
                    b2 = TNorm.Add(b2, b - q);
                    q = new Vector<double>(q3[d]);
                    a3 = TNorm.Add(a3, a - q);
                    b3 = TNorm.Add(b3, b - q);
                }
                Store(distances, first, a0, b0);
                Store(distances, Math.Min(first + 1, count - 1), a1, b1);
                Store(distances, Math.Min(first + 2, count - 1), a2, b2);
                Store(distances, Math.Min(first + 3, count - 1), a3, b3);
            }

            void Store(Span<double> target, int query, Vector<double> low, Vector<double> high)
            {
                low.CopyTo(target[(query * width + tile)..]);
                high.CopyTo(target[(query * width + tile + s_lanes)..]);
            }
        }
    }

    /// <summary>Rows [first, first + count) of the set itself, row-major, for use as queries.</summary>
    public void CopyRows(int first, int count, Span<double> queries)
    {
        for (var i = 0; i < count; i++)
        {
            var at = (first + i) / s_tile * s_tile * Dim + (first + i) % s_tile;
            for (var d = 0; d < Dim; d++)
            {
                queries[i * Dim + d] = _tiles[at + d * s_tile];
            }
        }
    }
}
