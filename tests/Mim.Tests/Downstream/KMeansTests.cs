using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Mim.Tests.Evaluation;

namespace Mim.Tests.Downstream;

public sealed class KMeansTests
{
    // Oracle: every one of the k^8 assignments, centroids as means. A single training may end in a poorer optimum.
    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 3)]
    [InlineData(3, 3)]
    [InlineData(4, 2)]
    public void Twenty_trainings_find_the_best_of_all_assignments(int seed, int clusters)
    {
        var rows = Draw(seed, 8, 2);
        var found = Enumerable.Range(0, 20).Select(s => Fit(rows, clusters, s).Scored.Sum(row => row.Score.Min())).Min();
        Assert.Equal(BestOfAll(rows, clusters), found, 1e-4); // float32, 16 terms of order 1
    }

    [Fact]
    public void Every_centroid_is_the_mean_of_the_rows_that_are_nearest_to_it()
    {
        var rows = Draw(7, 500, 3);
        var (model, scored) = Fit(rows, 6, 1);
        VBuffer<float>[] centroids = [];
        model.GetClusterCentroids(ref centroids!, out var k);
        Assert.Equal(6, k);
        for (var c = 0; c < k; c++)
        {
            var members = Enumerable.Range(0, rows.Length).Where(r => scored[r].PredictedLabel == c + 1).ToArray();
            for (var d = 0; d < 3; d++)
            {
                Assert.Equal(members.Average(r => (double)rows[r].Features[d]), centroids[c].GetValues()[d], 1e-5); // float32 centroid of order 1
            }
        }
    }

    [Fact]
    public void Scores_are_squared_distances_and_the_prediction_is_the_nearest_counted_from_one()
    {
        var rows = Draw(5, 40, 19); // no multiple of any vector width
        var (model, scored) = Fit(rows, 4, 1);
        VBuffer<float>[] centroids = [];
        model.GetClusterCentroids(ref centroids!, out _);
        for (var r = 0; r < rows.Length; r++)
        {
            var expected = centroids.Select(c => c.DenseValues().Zip(rows[r].Features, (a, b) => ((double)a - b) * ((double)a - b)).Sum()).ToArray();
            for (var c = 0; c < 4; c++)
            {
                Assert.Equal(expected[c], scored[r].Score[c], 1e-4); // float32, 19 terms of order 1
            }
            Assert.Equal((uint)(Array.IndexOf(expected, expected.Min()) + 1), scored[r].PredictedLabel);
        }
    }

    [Fact]
    public void As_many_clusters_as_distinct_rows_leave_no_distance()
    {
        Row[] rows = [.. new float[] { 0, 0, 5, 5, 9, 9, 9 }.Select(x => new Row { Features = [x, -x] })];
        Assert.All(Fit(rows, 3, 1).Scored, s => Assert.Equal(0, s.Score.Min(), 1e-5f)); // ML.NET expands the square: a rounding error of 81 · 2⁻²³
    }

    [Fact]
    public void Narrow_clusters_far_apart_are_all_found()
    {
        // Rows already near a centroid have no weight in the draw of the next one. Drawn uniformly, 12 of 12 would be found once in 18,000 times.
        Row[] rows = [.. Enumerable.Range(0, 60).Select(i => new Row { Features = [10 * (i % 12), 0.01f * (i / 12)] })];
        Assert.All(Fit(rows, 12, 1).Scored, s => Assert.True(s.Score.Min() < 1)); // two clusters on one centroid are at a distance of 25
    }

    [Fact]
    public void More_clusters_than_distinct_rows_are_refused()
    {
        Row[] rows = [.. new float[] { 1, 1, 1, 2, 2 }.Select(x => new Row { Features = [x] })];
        var refusal = Assert.Throws<InvalidOperationException>(() => Fit(rows, 3, 1));
        Assert.Contains("Not enough distinct instances to populate 3 clusters", refusal.Message, StringComparison.Ordinal);
    }

    [StandInFact]
    public void The_same_seed_gives_the_same_bits()
    {
        var rows = Draw(9, 300, 4);
        var (first, second) = (Fit(rows, 5, 3).Scored, Fit(rows, 5, 3).Scored);
        Assert.Equal(first.SelectMany(s => s.Score), second.SelectMany(s => s.Score));
    }

    [Fact]
    public void A_vector_of_unknown_size_is_refused()
    {
        var ml = new MLContext(1);
        var data = ml.Data.LoadFromEnumerable(Draw(1, 10, 2));
        var refusal = Assert.Throws<ArgumentOutOfRangeException>(() => Trainer(ml, 2).Fit(data));
        Assert.Contains("Schema mismatch for feature column 'Features'", refusal.Message, StringComparison.Ordinal);
    }

    static (KMeansModelParameters Model, Scored[] Scored) Fit(Row[] rows, int clusters, int seed)
    {
        var ml = new MLContext(seed);
        var data = Rows.Load(ml, rows, ("Features", rows[0].Features.Length));
        var transformer = Trainer(ml, clusters).Fit(data);
        return (transformer.Model, Rows.Of(ml, transformer.Transform(data)));
    }

    static KMeansTrainer Trainer(MLContext ml, int clusters) => ml.Clustering.Trainers.KMeans(new KMeansTrainer.Options
    {
        NumberOfClusters = clusters,
        InitializationAlgorithm = KMeansTrainer.InitializationAlgorithm.KMeansPlusPlus,
        NumberOfThreads = 1,
    });

    static Row[] Draw(int seed, int rows, int dims)
    {
        var gauss = new Gauss(seed);
        return [.. Enumerable.Range(0, rows).Select(_ => new Row { Features = gauss.Fill(dims) })];
    }

    static double BestOfAll(Row[] rows, int clusters)
    {
        var best = double.PositiveInfinity;
        for (var code = 0; code < Math.Pow(clusters, rows.Length); code++)
        {
            var rest = code;
            var groups = rows.GroupBy(_ =>
            {
                (rest, var cluster) = Math.DivRem(rest, clusters);
                return cluster;
            });
            best = Math.Min(best, groups.Sum(SquaredDeviations));
        }
        return best;
    }

    static double SquaredDeviations(IEnumerable<Row> group) => Enumerable.Range(0, group.First().Features.Length).Sum(d =>
    {
        var mean = group.Average(r => (double)r.Features[d]);
        return group.Sum(r => (r.Features[d] - mean) * (r.Features[d] - mean));
    });
}
