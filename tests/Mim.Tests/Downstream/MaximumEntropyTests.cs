using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Mim.Tests.Evaluation;

namespace Mim.Tests.Downstream;

/// <summary>The objective is written here once more, in loops: J = 1/N · (Σ −ln p(yᵢ|xᵢ) + L2/2·‖W‖² + L1·‖W‖₁), biases outside both penalties.</summary>
public sealed class MaximumEntropyTests
{
    const float L1 = 1, L2 = 1;

    [StandInFact]
    public void The_least_subgradient_vanishes_at_the_optimum()
    {
        var rows = Draw(1, 400, 6, 4);
        var fitted = Fit(rows, L1, L2);
        var gradient = new double[4, 7];
        foreach (var row in rows)
        {
            var p = Probabilities(fitted, row.Features);
            for (var c = 0; c < 4; c++)
            {
                var residual = p[c] - (row.Label == $"{c}" ? 1 : 0);
                gradient[c, 6] += residual / rows.Length;
                for (var d = 0; d < 6; d++)
                {
                    gradient[c, d] += residual * row.Features[d] / rows.Length;
                }
            }
        }
        var norm = 0.0;
        for (var c = 0; c < 4; c++)
        {
            norm += gradient[c, 6] * gradient[c, 6];
            for (var d = 0; d < 6; d++)
            {
                var w = fitted.Weights[c][d];
                var (slope, l1) = (gradient[c, d] + (L2 * w / rows.Length), L1 / (double)rows.Length);
                var least = w != 0 ? slope + (Math.Sign(w) * l1) : Math.Max(0, Math.Abs(slope) - l1);
                norm += least * least;
            }
        }
        Assert.InRange(Math.Sqrt(norm), 0, 1e-5); // the bound of the design; the optimiser stops at 1e-6, then weights are rounded to float32
    }

    // Convex, and the kinks lie along the axes: a point that no coordinate step improves is the minimum. 1e-6: the real trainer evaluates it in float32.
    [Fact]
    public void No_step_along_any_coordinate_lowers_the_objective()
    {
        var rows = Draw(2, 200, 4, 3);
        var fitted = Fit(rows, L1, L2);
        var least = Objective(rows, fitted, L1, L2);
        foreach (var step in new[] { 1e-2, -1e-2 })
        {
            for (var c = 0; c < 3; c++)
            {
                for (var d = 0; d <= 4; d++)
                {
                    var moved = fitted.Moved(c, d, step);
                    Assert.True(Objective(rows, moved, L1, L2) >= least - 1e-6, $"class {c}, coordinate {d}, step {step}");
                }
            }
        }
    }

    // Oracle: without features the maximum-likelihood probabilities are the frequencies, however heavy the penalties: biases are outside them.
    [Fact]
    public void Biases_alone_give_the_frequencies_whatever_the_penalties()
    {
        Row[] rows = [.. Enumerable.Range(0, 100).Select(r => new Row { Features = [0, 0], Label = r < 60 ? "a" : r < 90 ? "b" : "c" })];
        var p = Probabilities(Fit(rows, 50, 50), [0, 0]);
        Assert.Equal([0.6, 0.3, 0.1], p.Select(v => Math.Round(v, 3))); // the real trainer evaluates the objective in float32
    }

    // Oracle: a model with a parameter for every cell fits the conditional frequencies exactly.
    [Fact]
    public void Without_penalties_a_saturated_model_gives_the_conditional_frequencies()
    {
        List<Row> rows = [];
        foreach (var (x, label, count) in new[] { (0, "a", 30), (0, "b", 10), (1, "a", 5), (1, "b", 45) })
        {
            rows.AddRange(Enumerable.Range(0, count).Select(_ => new Row { Features = [x], Label = label }));
        }
        var fitted = Fit([.. rows], 0, 0);
        Assert.Equal(0.75, Probabilities(fitted, [0])[0], 2e-3); // as above
        Assert.Equal(0.10, Probabilities(fitted, [1])[0], 2e-3);
    }

    [Fact]
    public void The_first_penalty_sets_weights_to_zero_and_the_second_only_shrinks_them()
    {
        var rows = Draw(3, 60, 5, 2);
        Assert.All(Fit(rows, 1000, 0).Weights, w => Assert.All(w, v => Assert.Equal(0, v)));
        var shrunk = Fit(rows, 0, 1000).Weights;
        Assert.All(shrunk, w => Assert.All(w, v => Assert.NotEqual(0, v)));
        Assert.True(shrunk.Sum(w => w.Sum(v => v * v)) < Fit(rows, 0, 1).Weights.Sum(w => w.Sum(v => v * v)));
    }

    [Fact]
    public void Scores_are_the_probabilities_and_the_prediction_the_most_probable_counted_from_one()
    {
        var rows = Draw(4, 50, 3, 3);
        rows[0].Features = [4000, -4000, 4000]; // logits far beyond what exp can hold
        var ml = new MLContext(1);
        var data = Rows.Keyed(ml, Rows.Load(ml, rows, ("Features", 3)));
        var transformer = Trainer(ml, L1, L2).Fit(data);
        var fitted = Fitted.Of(transformer.Model);
        var scored = Rows.Of(ml, transformer.Transform(data));
        for (var r = 0; r < rows.Length; r++)
        {
            var p = Probabilities(fitted, rows[r].Features);
            for (var c = 0; c < 3; c++)
            {
                Assert.Equal(p[c], scored[r].Score[c], 1e-5); // float32 softmax of logits of order 10
            }
            Assert.Equal((uint)(Array.IndexOf(p, p.Max()) + 1), scored[r].PredictedLabel);
        }
    }

    [Fact]
    public void A_label_that_is_no_key_is_refused()
    {
        var ml = new MLContext(1);
        var data = Rows.Load(ml, Draw(1, 10, 2, 2), ("Features", 2));
        var refusal = Assert.Throws<ArgumentOutOfRangeException>(() => Trainer(ml, L1, L2).Fit(data));
        Assert.Contains("Schema mismatch for label column 'Label'", refusal.Message, StringComparison.Ordinal);
    }

    static LbfgsMaximumEntropyMulticlassTrainer Trainer(MLContext ml, float l1, float l2) =>
        ml.MulticlassClassification.Trainers.LbfgsMaximumEntropy(new LbfgsMaximumEntropyMulticlassTrainer.Options
        {
            L1Regularization = l1,
            L2Regularization = l2,
            NumberOfThreads = 1,
            OptimizationTolerance = 1e-12f,
        });

    static Fitted Fit(Row[] rows, float l1, float l2)
    {
        var ml = new MLContext(1);
        return Fitted.Of(Trainer(ml, l1, l2).Fit(Rows.Keyed(ml, Rows.Load(ml, rows, ("Features", rows[0].Features.Length)))).Model);
    }

    static double Objective(Row[] rows, Fitted at, double l1, double l2)
    {
        var sum = 0.0;
        foreach (var row in rows)
        {
            sum -= Math.Log(Probabilities(at, row.Features)[int.Parse(row.Label, System.Globalization.CultureInfo.InvariantCulture)]);
        }
        sum += at.Weights.Sum(w => w.Sum(v => (l1 * Math.Abs(v)) + (l2 / 2 * v * v)));
        return sum / rows.Length;
    }

    static double[] Probabilities(Fitted at, float[] x)
    {
        var logits = at.Biases.Select((b, c) => b + at.Weights[c].Zip(x, (w, v) => w * v).Sum()).ToArray();
        var max = logits.Max();
        var exp = logits.Select(l => Math.Exp(l - max)).ToArray();
        return [.. exp.Select(e => e / exp.Sum())];
    }

    static Row[] Draw(int seed, int rows, int dims, int classes)
    {
        var gauss = new Gauss(seed);
        return
        [
            .. Enumerable.Range(0, rows).Select(r =>
            {
                var features = gauss.Fill(dims);
                features[r % classes % dims] += 1.5f;
                return new Row { Features = features, Label = $"{r % classes}" };
            }),
        ];
    }

    sealed record Fitted(double[] Biases, double[][] Weights)
    {
        public static Fitted Of(MaximumEntropyModelParameters model)
        {
            VBuffer<float>[] weights = [];
            model.GetWeights(ref weights!, out _);
            return new([.. model.GetBiases().Select(b => (double)b)], [.. weights.Select(w => (double[])[.. w.DenseValues().Select(v => (double)v)])]);
        }

        /// <param name="c">The class.</param>
        /// <param name="d">The weight; one past the last is the bias.</param>
        /// <param name="step">What to add.</param>
        public Fitted Moved(int c, int d, double step)
        {
            var (biases, weights) = ((double[])[.. Biases], Weights.Select(w => (double[])[.. w]).ToArray());
            if (d == weights[c].Length)
            {
                biases[c] += step;
            }
            else
            {
                weights[c][d] += step;
            }
            return new(biases, weights);
        }
    }
}
