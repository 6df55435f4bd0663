using Microsoft.ML;
using Microsoft.ML.Data;
using Mim.Tests.Evaluation;

namespace Mim.Tests.Downstream;

public sealed class EvaluatorTests
{
    // Oracle: I(label; cluster) / H(label) in closed form. Merging two of four equal labels halves it; splitting a label costs nothing.
    [Theory]
    [InlineData("aabb", "1122", 1)]
    [InlineData("aabb", "2211", 1)]
    [InlineData("aabb", "1212", 0)]
    [InlineData("abcd", "1122", 0.5)]
    [InlineData("aabb", "1234", 1)]
    [InlineData("aaab", "1112", 1)]
    [InlineData("aaab", "1122", 0.3836885465963443)] // I = H(label) − ½·ln 2, H(¾, ¼) = 0.5623351446188083
    public void Mutual_information_of_known_labelings(string labels, string clusters, double expected) =>
        Assert.Equal(expected, Cluster(labels, clusters).NormalizedMutualInformation, 1e-12); // double

    [Fact]
    public void Mutual_information_with_one_label_is_undefined() =>
        Assert.Equal(double.NaN, Cluster("aaaa", "1122").NormalizedMutualInformation);

    [Fact]
    public void Average_distance_is_the_mean_least_score()
    {
        ScoredRow[] rows = [new() { Score = [1, 4] }, new() { Score = [9, 2] }, new() { Score = [6, 6] }];
        var ml = new MLContext(1);
        Assert.Equal(3, ml.Clustering.Evaluate(Rows.Load(ml, rows, ("Score", 2))).AverageDistance, 1e-12); // (1 + 2 + 6) / 3
    }

    // Oracle: the definition in other words; cluster 4 is empty and counts in the denominator, as ML.NET has it.
    [Fact]
    public void Davies_Bouldin_agrees_with_the_definition()
    {
        var gauss = new Gauss(11);
        ScoredRow[] rows =
        [
            .. Enumerable.Range(0, 90).Select(r => new ScoredRow { Features = [.. gauss.Fill(3).Select(v => v + (4 * (r % 3)))], Score = Assigned(r % 3, 4) }),
        ];
        var groups = rows.GroupBy(r => Array.IndexOf(r.Score, 0)).Select(g =>
        {
            var mean = Enumerable.Range(0, 3).Select(d => g.Average(r => (double)r.Features[d])).ToArray();
            return (Mean: mean, Scatter: g.Average(r => Distance([.. r.Features.Select(f => (double)f)], mean)));
        }).ToArray();
        var expected = groups.Sum(a => groups.Where(b => b != a).Max(b => (a.Scatter + b.Scatter) / Distance(a.Mean, b.Mean))) / 4;
        var ml = new MLContext(1);
        var found = ml.Clustering.Evaluate(Rows.Load(ml, rows, ("Features", 3), ("Score", 4)), featureColumnName: "Features").DaviesBouldinIndex;
        Assert.Equal(expected, found, 1e-5); // ML.NET sums in float32
    }

    [Fact]
    public void Classification_metrics_by_hand()
    {
        // Actual a a a b c, predicted a a b b b.
        var metrics = Classify(
            ("a", [0.5f, 0.25f, 0.25f]), ("a", [0.5f, 0.25f, 0.25f]), ("a", [0.25f, 0.5f, 0.25f]), ("b", [0.25f, 0.5f, 0.25f]), ("c", [0.25f, 0.75f, 0]));
        Assert.Equal(3 / 5.0, metrics.MicroAccuracy, 1e-12);
        Assert.Equal((2 / 3.0 + 1 + 0) / 3, metrics.MacroAccuracy, 1e-12);
        // p = ½ ½ ¼ ½ and 0, which counts as 1e-15 in float32
        var logLoss = ((3 * Math.Log(2)) + Math.Log(4) - Math.Log(1e-15f)) / 5;
        Assert.Equal(logLoss, metrics.LogLoss, 1e-12);
        var entropy = -((3 / 5.0 * Math.Log(3 / 5.0)) + (2 / 5.0 * Math.Log(1 / 5.0)));
        Assert.Equal(1 - (logLoss / entropy), metrics.LogLossReduction, 1e-12);
        Assert.Equal([[2, 1, 0], [0, 1, 0], [0, 1, 0]], metrics.ConfusionMatrix.Counts);
        Assert.Equal([1, 1 / 3.0, 0], metrics.ConfusionMatrix.PerClassPrecision);
        Assert.Equal([2 / 3.0, 1, 0], metrics.ConfusionMatrix.PerClassRecall);
        Assert.Equal(3, metrics.ConfusionMatrix.NumberOfClasses);
    }

    [Fact]
    public void Rows_without_a_label_do_not_count()
    {
        var metrics = Classify(("a", [0.75f, 0.25f]), ("b", [0.25f, 0.75f]), ("", [0.75f, 0.25f]));
        Assert.Equal(1, metrics.MicroAccuracy);
        Assert.Equal(-Math.Log(0.75), metrics.LogLoss, 1e-12);
    }

    static ClusteringMetrics Cluster(string labels, string clusters)
    {
        var ml = new MLContext(1);
        var data = Rows.Load(ml, labels.Zip(clusters, (l, c) => new ScoredRow { Label = $"{l}", Score = Assigned(c - '1', 4) }), ("Score", 4));
        return ml.Clustering.Evaluate(Rows.Keyed(ml, data), "Label");
    }

    static MulticlassClassificationMetrics Classify(params (string Label, float[] Score)[] rows)
    {
        var ml = new MLContext(1);
        var data = Rows.Load(ml, rows.Select(r => new ScoredRow { Label = r.Label, Score = r.Score }), ("Score", rows[0].Score.Length));
        return ml.MulticlassClassification.Evaluate(Rows.Keyed(ml, data));
    }

    static float[] Assigned(int cluster, int clusters) => [.. Enumerable.Range(0, clusters).Select(c => c == cluster ? 0f : 1f)];

    static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum());
}
