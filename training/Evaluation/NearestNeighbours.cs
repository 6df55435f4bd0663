namespace Mim.Training;

/// <summary>
/// Majority vote of the k nearest training points in Euclidean distance, as scikit-learn's KNeighborsClassifier(k) decides it: of two
/// neighbours at one distance the earlier row counts, of two labels with as many votes the smaller one wins. Exact, brute force, in double.
/// </summary>
public static class NearestNeighbours
{
    /// <summary>Queries a task answers together, so that a block of training points is read from cache that many times.</summary>
    const int QueriesPerTask = 64;

    /// <summary>Bytes of training points in one block: about half a second-level cache.</summary>
    const int BlockBytes = 512 << 10;

    /// <summary>
    /// Labels of <paramref name="queries"/> (M, Z) from <paramref name="points"/> (N, Z) labelled <paramref name="labels"/> (N).
    /// </summary>
    public static long[] Classify(ReadOnlySpan<float> points, ReadOnlySpan<long> labels, ReadOnlySpan<float> queries, int dim, int neighbours = 5) =>
        Classify(points, labels, queries, dim, [neighbours])[0];

    /// <summary>As above for several numbers of neighbours in ascending order, by one search: [i] has the labels by the i-th number.</summary>
    public static long[][] Classify(
        ReadOnlySpan<float> points, ReadOnlySpan<long> labels, ReadOnlySpan<float> queries, int dim, ReadOnlySpan<int> numbers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(numbers[0], 1);
        var votes = numbers.ToArray();
        var neighbours = votes[^1];
        ArgumentOutOfRangeException.ThrowIfLessThan(dim, 1);
        var rows = labels.Length;
        if (rows < neighbours)
        {
            throw new ArgumentException($"{neighbours} neighbours need at least {neighbours} labelled rows, found {rows}.", nameof(labels));
        }
        if (points.Length != rows * dim || queries.Length % dim != 0)
        {
            throw new ArgumentException(
                $"Expected {rows} points and some queries of {dim} values, found {points.Length} and {queries.Length} values.");
        }

        var set = new PairDistances(points, rows, nameof(points));
        var asked = new PairDistances(queries, queries.Length / dim, nameof(queries));
        var labelled = labels.ToArray();
        var answers = votes.Select(_ => new long[asked.Rows]).ToArray();
        var block = Math.Max(1, BlockBytes / sizeof(double) / dim / PairDistances.TileRows) * PairDistances.TileRows;
        var tasks = (asked.Rows + QueriesPerTask - 1) / QueriesPerTask;
        Parallel.For(0, tasks, () => new Buffers(dim, block, neighbours), (task, _, buffers) =>
        {
            var first = task * QueriesPerTask;
            var count = Math.Min(QueriesPerTask, asked.Rows - first);
            buffers.Reset();
            asked.CopyRows(first, count, buffers.Queries);
            for (var from = 0; from < set.PaddedRows; from += block)
            {
                var width = Math.Min(block, set.PaddedRows - from);
                set.Compute<SquaredEuclideanNorm>(buffers.Queries, count, from, width, buffers.Distances);
                for (var i = 0; i < count; i++)
                {
                    buffers.Keep(i, from, buffers.Distances.AsSpan(i * width, width));
                }
            }
            for (var i = 0; i < count; i++)
            {
                for (var n = 0; n < votes.Length; n++)
                {
                    answers[n][first + i] = buffers.Vote(i, votes[n], labelled);
                }
            }
            return buffers;
        }, _ => { });
        return answers;
    }

    /// <summary>The share of queries whose label each of the numbers of neighbours gets right, in [0, 1].</summary>
    public static double[] Accuracies(
        ReadOnlySpan<float> points, ReadOnlySpan<long> labels, ReadOnlySpan<float> queries, ReadOnlySpan<long> expected, int dim, ReadOnlySpan<int> numbers)
    {
        var answers = Classify(points, labels, queries, dim, numbers);
        var accuracies = new double[answers.Length];
        for (var n = 0; n < answers.Length; n++)
        {
            var right = 0;
            for (var i = 0; i < expected.Length; i++)
            {
                right += answers[n][i] == expected[i] ? 1 : 0;
            }
            accuracies[n] = (double)right / expected.Length;
        }
        return accuracies;
    }

    /// <summary>One task's queries, their distances to a block of points and their best neighbours so far.</summary>
    sealed class Buffers(int dim, int block, int neighbours)
    {
        readonly double[] _nearest = new double[QueriesPerTask * neighbours];
        readonly int[] _rows = new int[QueriesPerTask * neighbours];
        readonly long[] _votes = new long[neighbours];

        public double[] Queries { get; } = new double[QueriesPerTask * dim];
        public double[] Distances { get; } = new double[QueriesPerTask * block];

        public void Reset() => Array.Fill(_nearest, double.PositiveInfinity);

        public void Keep(int query, int from, ReadOnlySpan<double> distances)
        {
            var nearest = _nearest.AsSpan(query * neighbours, neighbours);
            var rows = _rows.AsSpan(query * neighbours, neighbours);
            var farthest = nearest[^1];
            for (var j = 0; j < distances.Length; j++)
            {
                // Rows arrive in order and only a smaller distance displaces one: the earlier row wins a tie.
                if (distances[j] < farthest)
                {
                    var slot = neighbours - 1;
                    for (; slot > 0 && nearest[slot - 1] > distances[j]; slot--)
                    {
                        nearest[slot] = nearest[slot - 1];
                        rows[slot] = rows[slot - 1];
                    }
                    nearest[slot] = distances[j];
                    rows[slot] = from + j;
                    farthest = nearest[^1];
                }
            }
        }

        /// <summary>The label of the nearest <paramref name="count"/>.</summary>
        public long Vote(int query, int count, long[] labels)
        {
            for (var i = 0; i < count; i++)
            {
                _votes[i] = labels[_rows[query * neighbours + i]];
            }
            Array.Sort(_votes, 0, count);
            var (winner, most, run) = (_votes[0], 0, 0);
            for (var i = 0; i < count; i++)
            {
                run = i > 0 && _votes[i] == _votes[i - 1] ? run + 1 : 1;
                if (run > most)
                {
                    (winner, most) = (_votes[i], run);
                }
            }
            return winner;
        }
    }
}
