using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class NearestNeighboursTests
{
    [Theory]
    [InlineData(500, 120, 2, 5)]
    [InlineData(37, 3, 3, 1)]
    [InlineData(3000, 70, 64, 5)] // more points than one cache block holds
    public void Agrees_with_sorting_every_distance(int rows, int queries, int dim, int neighbours)
    {
        var gauss = new Gauss(rows + dim);
        var points = gauss.Fill(rows * dim);
        var asked = gauss.Fill(queries * dim);
        var labels = Enumerable.Range(0, rows).Select(i => (long)(i * 7 % 4)).ToArray();
        Assert.Equal(Slow(points, labels, asked, dim, neighbours), NearestNeighbours.Classify(points, labels, asked, dim, neighbours));
    }

    [Fact]
    public void Of_two_labels_with_as_many_votes_the_smaller_wins() =>
        Assert.Equal([3L], NearestNeighbours.Classify([0, 1, 2, 3, 4], [9, 9, 3, 3, 5], [0f], 1));

    [Fact]
    public void Of_two_points_at_one_distance_the_earlier_counts()
    {
        // 1 and −1 are equally far from 0: with k = 1 the first row decides.
        Assert.Equal([8L], NearestNeighbours.Classify([1, -1], [8, 2], [0f], 1, 1));
        Assert.Equal([2L], NearestNeighbours.Classify([-1, 1], [2, 8], [0f], 1, 1));
    }

    [Fact]
    public void Distances_that_differ_beyond_single_precision_are_told_apart()
    {
        // 4096² + 1 and 4096² round to one float; the second point is nearer.
        Assert.Equal([1L], NearestNeighbours.Classify([4096, 1, 4096, 0], [0, 1], [0, 0], 2, 1));
    }

    [Fact]
    public void One_search_answers_for_several_numbers_of_neighbours()
    {
        var gauss = new Gauss(5);
        var points = gauss.Fill(400 * 3);
        var asked = gauss.Fill(90 * 3);
        var labels = Enumerable.Range(0, 400).Select(i => (long)(i * 5 % 3)).ToArray();
        int[] numbers = [1, 3, 5, 10];
        var answers = NearestNeighbours.Classify(points, labels, asked, 3, numbers);
        for (var n = 0; n < numbers.Length; n++)
        {
            Assert.Equal(Slow(points, labels, asked, 3, numbers[n]), answers[n]);
        }
    }

    [Fact]
    public void Accuracy_is_the_share_of_right_answers() =>
        Assert.Equal([0.75], NearestNeighbours.Accuracies([0, 10], [0, 1], [1, 2, 9, 8], [0, 1, 1, 1], 1, [1]));

    [Fact]
    public void Fewer_points_than_neighbours_are_refused() =>
        Assert.Throws<ArgumentException>(() => NearestNeighbours.Classify([1, 2], [0, 1], [0f], 1));

    static long[] Slow(float[] points, long[] labels, float[] queries, int dim, int k) =>
        [.. Enumerable.Range(0, queries.Length / dim).Select(q => Enumerable.Range(0, labels.Length)
            .OrderBy(i => Enumerable.Range(0, dim).Sum(d => Math.Pow((double)points[i * dim + d] - queries[q * dim + d], 2)))
            .ThenBy(i => i)
            .Take(k)
            .GroupBy(i => labels[i])
            .OrderByDescending(votes => votes.Count())
            .ThenBy(votes => votes.Key)
            .First().Key)];
}
