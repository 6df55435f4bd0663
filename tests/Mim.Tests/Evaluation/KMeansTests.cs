using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Evaluation;

public sealed class KMeansTests
{
    // Oracle: every way to split eleven points in two.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Finds_the_best_of_all_partitions(int dim)
    {
        const int rows = 11;
        var points = new Gauss(dim).Fill(rows * dim);
        using var noise = new Generator(3);
        var least = Enumerable.Range(1, (1 << (rows - 1)) - 1).Min(mask => Inertia(points, dim, i => mask >> i & 1));
        var found = KMeans.Fit(points, dim, 2, noise, CancellationToken.None);
        Assert.Equal(least, found.Inertia, 1e-9); // the same sums in another order
        Assert.Equal(found.Inertia, Inertia(points, dim, i => found.Assigned[i]), 1e-9);
    }

    [Fact]
    public void Finds_groups_that_lie_apart_in_more_rows_than_a_block_holds()
    {
        const int rows = 30_000, groups = 7;
        var gauss = new Gauss(4);
        var points = new float[rows * 2];
        for (var i = 0; i < rows; i++)
        {
            var angle = 2 * Math.PI * (i % groups) / groups;
            points[2 * i] = (float)(10 * Math.Cos(angle) + 0.1 * gauss.Next());
            points[2 * i + 1] = (float)(10 * Math.Sin(angle) + 0.1 * gauss.Next());
        }
        using var noise = new Generator(5);
        var found = KMeans.Fit(points, 2, groups, noise, CancellationToken.None).Assigned;
        Assert.Equal(groups, found.Distinct().Count());
        Assert.All(Enumerable.Range(0, rows), i => Assert.Equal(found[i % groups], found[i]));
    }

    [Fact]
    public void Where_fewer_points_are_distinct_than_clusters_asked_for_each_is_one()
    {
        using var noise = new Generator(6);
        var found = KMeans.Fit([1, 5, 1, 5, 1], 1, 4, noise, CancellationToken.None);
        Assert.Equal(0, found.Inertia);
        Assert.Equal(2, found.Assigned.Distinct().Count());
    }

    static double Inertia(float[] points, int dim, Func<int, int> clusterOf)
    {
        var rows = Enumerable.Range(0, points.Length / dim).GroupBy(clusterOf);
        return rows.Sum(cluster => Enumerable.Range(0, dim).Sum(d =>
        {
            var mean = cluster.Average(i => (double)points[i * dim + d]);
            return cluster.Sum(i => Math.Pow(points[i * dim + d] - mean, 2));
        }));
    }
}
