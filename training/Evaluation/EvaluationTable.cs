using System.Globalization;

namespace Mim.Training;

/// <summary>Which way a statistic is good, where it is.</summary>
public enum Better
{
    Neither,
    Lower,
    Higher,
}

/// <summary>An evaluation as people read it: one line a number, with its unit and what it depends on.</summary>
public static class EvaluationTable
{
    const string Nats = "nats";

    public sealed record Row(string Label, string Value, string Unit, string Note, Better Better = Better.Neither);

    public sealed record Group(string Title, IReadOnlyList<Row> Rows);

    /// <summary>The rows of all groups. No two have one label.</summary>
    public static IReadOnlyList<Row> Rows(EvaluationReport e) => [.. Groups(e).SelectMany(group => group.Rows)];

    public static IReadOnlyList<Group> Groups(EvaluationReport e) =>
    [
        new("likelihood", Likelihood(e)),
        new("information", Information(e)),
        new("joints", Joints(e)),
        new("reference, single sample", SingleSample(e.SingleSample)),
        new("labels", Labels(e)),
        new("reconstruction", Reconstruction(e)),
        new("collapse", Collapse(e)),
        new("training", Training(e.Training)),
    ];

    public static void Print(TextWriter output, EvaluationReport evaluation)
    {
        var groups = Groups(evaluation);
        var rows = groups.SelectMany(group => group.Rows).ToArray();
        var label = rows.Max(row => row.Label.Length);
        var value = rows.Max(row => row.Value.Length);
        var unit = rows.Max(row => row.Unit.Length);
        foreach (var (index, group) in groups.Index())
        {
            output.WriteLine($"{(index > 0 ? Environment.NewLine : "")}{group.Title}");
            foreach (var row in group.Rows)
            {
                output.WriteLine($"  {row.Label.PadRight(label)}  {row.Value.PadLeft(value)} {row.Unit.PadRight(unit)}  {row.Note}".TrimEnd());
            }
        }
    }

    static Row[] Likelihood(EvaluationReport e) =>
    [
        new("NLL, importance-weighted", Text(e.NllImportanceWeighted), Nats,
            $"± {Text(e.NllStandardError)} over rows; S = {e.ImportanceSamples}; an upper bound in expectation{Halved(e.NllBySamples)}", Better.Lower),
        new("−ELBO", Text(e.NegativeElbo), Nats, "distortion + rate", Better.Lower),
        new("−ELBO, single sample", Text(e.NegativeElboSingleSample), Nats, "the MIM reference's \"NLL\"", Better.Lower),
        new("distortion", Text(e.Distortion), Nats, $"{e.ImportanceSamples} draws a row", Better.Lower),
    ];

    static Row[] Information(EvaluationReport e)
    {
        var q = e.AggregatePosterior;
        return
        [
            e.MutualInformationKsg is { } information
                ? new("mutual information, KSG", Text(information), Nats,
                    Invariant($"k = {e.KsgK}, N = {e.KsgRows}, ceiling {e.KsgCeiling:F3}")
                    + (e.KsgCoincidentRows > 0 ? $", {e.KsgCoincidentRows} rows with duplicates" : ""), Better.Higher)
                : new("mutual information, KSG", "–", "", "x is binary: its distances are 0 or 1 and say nothing"),
            new("mutual information, at least", Text(q.MutualInformationLower), Nats,
                Invariant($"rate less KL(q(z) ‖ p(z)), posteriors of {q.Rows} rows; ceiling {q.MutualInformationCeiling:F3}"), Better.Higher),
            new("mutual information, at most", Text(q.MutualInformationUpper), Nats, "a row's own posterior left out"),
            new("rate", Text(e.Rate), Nats, "mean KL(q(z|x) ‖ p(z)): bounds the information, does not estimate it"),
            new("KL(q(z) ‖ p(z))", Text(q.KlPrior), Nats, Invariant($"aggregate posterior of {q.Rows} rows, one draw each")),
        ];
    }

    static Row[] Joints(EvaluationReport e) => e.Joints is not { } j
        ? [new("divergences of the joints", "–", "", "the decoder draws x element by element: too slow")]
        :
        [
            new("KL(encoding ‖ decoding)", Text(j.KlEncodingDecoding), Nats, "E_P(x) KL(q(z|x) ‖ p(z|x)): −ELBO less NLL", Better.Lower),
            new("KL(decoding ‖ encoding)", Text(j.KlDecodingEncodingLower), Nats,
                Invariant($"at least, ceiling {Math.Log(e.ImportanceSamples + 1.0):F3}; at most {j.KlDecodingEncodingUpper:G4}; {j.DecodingRows} x of the model"), Better.Lower),
            new("Jensen-Shannon divergence", Text(j.Jsd), Nats, $"bound {Text(j.JsdBound)}; never above ln 2 = 0.6931", Better.Lower),
            new("CE(encoding, encoding)", Text(j.CrossEntropyEncodingEncoding), Nats, "entropy of the encoding joint, at most; q(x) = p(x)"),
            new("CE(encoding, decoding)", Text(j.CrossEntropyEncodingDecoding), Nats, "−E log p(x|z) p(z), x of the data"),
            new("CE(decoding, encoding)", Text(j.CrossEntropyDecodingEncoding), Nats, "−E log q(z|x) q(x), x of the model; at least"),
            new("H(decoding)", Text(j.EntropyDecodingJoint), Nats, "entropy of the decoding joint"),
            new("MIM's bound", Text(j.MimBound), Nats, "mean of these four, above H(M_S)", Better.Lower),
            new("CE(M_S, mixture)", Text(j.CrossEntropyModelMixture), Nats, "−E log ½(q + p), closer to H(M_S)"),
        ];

    static Row[] SingleSample(SingleSampleStatistics s) =>
    [
        new("\"MI\"", Text(s.Rate), Nats, "log q(z|x) − log p(z): the rate by one draw a row"),
        new("\"H_enc\"", Text(s.EntropyEncodingJoint), Nats, "−log q(x) q(z|x)"),
        new("\"H_dec\"", Text(s.EntropyDecodingJoint), Nats, "−log p(z) p(x|z'), z' another draw"),
        new("\"H_Msamp\"", Text(s.EntropyModelMixture), Nats, "−log of both joints' mean; \"H_mean\" is " + Text(s.EntropyMean)),
        new("\"H_p_z\"", Text(s.CrossEntropyPrior), Nats, "−log p(z), z ~ q(z|x)"),
        new("\"Dkl_q_p\"", Text(s.KlPosteriorPrior), Nats, "KL(q(z|x) ‖ p(z)), another draw"),
        new("\"Dkl_p_q\"", Text(s.KlPriorPosterior), Nats, "KL(p(z) ‖ q(z|x)): huge for narrow posteriors"),
    ];

    static Row[] Labels(EvaluationReport e)
    {
        if (e.Knn5Accuracy is null)
        {
            return [new("5-NN accuracy", "–", "", "the data have no labels")];
        }
        var fit = $"fit on {e.KnnTrainRows} codes of the training split, one z a row";
        return
        [
            new("1-NN accuracy", Text(e.Knn1Accuracy), "", fit, Better.Higher),
            new("3-NN accuracy", Text(e.Knn3Accuracy), "", "as above", Better.Higher),
            new("5-NN accuracy", Text(e.Knn5Accuracy), "", "as above", Better.Higher),
            new("10-NN accuracy", Text(e.Knn10Accuracy), "", "as above", Better.Higher),
            new("5-NN accuracy, means", Text(e.Knn5AccuracyZMean), "", "z_mean in place of the draw", Better.Higher),
            new("linear probe accuracy", Text(e.LinearProbeAccuracy), "", "z_mean, logistic regression", Better.Higher),
            new("k-means NMI", Text(e.KmeansNmi), "", $"{e.KmeansClusters} clusters of the evaluated z against the labels, \"max\"", Better.Higher),
        ];
    }

    static Row[] Reconstruction(EvaluationReport e)
    {
        var sampled = e.Likelihood is "bernoulli" or "logistic" ? "x̂ = E[x|z]" : "x̂ ~ p(x|z)";
        var rows = e.ReconstructionRows < e.Rows ? $", {e.ReconstructionRows} rows" : "";
        return
        [
            new("reconstruction RMSE", Text(e.ReconstructionRmse), "of x", $"per dimension, mean of p(x|z) at the posterior's mean{rows}", Better.Lower),
            new("reconstruction L2, sampled", Text(e.ReconstructionL2Sampled), "of x",
                $"{sampled}, z ~ q(z|x): the MIM reference's \"RMSE\"{rows}", Better.Lower),
        ];
    }

    static Row[] Collapse(EvaluationReport e)
    {
        var (d, sd) = (e.PerDimension, e.PosteriorSd);
        return
        [
            new("active units", Text(e.ActiveUnits), $"of {e.Z}", "variance of the posterior's mean above 0.01"),
            new("posterior s.d., median", Text(sd.Median), "of z", $"min {Short(sd.Min)}, mean {Short(sd.Mean)}, max {Short(sd.Max)}"),
            d.Kl is { } kl
                ? new("KL per dimension, largest", Text(kl.Max()), Nats, $"smallest {Short(kl.Min())}; evaluation.json has all")
                : new("KL per dimension, largest", "–", "", "posterior and prior are no products over dimensions"),
            new("variance of means, largest", Text(d.MeanVariance.Max()), "", $"smallest {Short(d.MeanVariance.Min())}"),
        ];
    }

    static Row[] Training(TrainingCourse? course) => course is not { } t
        ? [new("epochs", "–", "", "the run has no metrics.jsonl")]
        :
        [
            new("epochs", Text(t.Epochs), "", $"{t.Steps} steps"),
            new("epochs with a decoding half", Text(t.DecodingHalfEpochs), "", "x drawn from the model"),
            new("validation improved", t.ValidationFifthsImproved is { } improved ? Text(improved) : "–", "of 5",
                "equally spaced checkpoints, each against the one before"),
        ];

    /// <summary>What half the draws gave, where that is far from what all gave.</summary>
    static string Halved(NllBySamples sequence) => sequence.Samples.Count < 2 ? ""
        : Invariant($"; {sequence.Nll[^2]:F4} at S = {sequence.Samples[^2]}");

    static string Text(double? value) => value is { } number ? number.ToString("F4", CultureInfo.InvariantCulture) : "–";

    static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    static string Short(double value) => value.ToString("G3", CultureInfo.InvariantCulture);

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
