using System.Globalization;

namespace Mim.Training;

/// <summary>An evaluation as people read it: one line a number, with its unit and what it depends on.</summary>
public static class EvaluationTable
{
    public sealed record Row(string Label, string Value, string Unit, string Note);

    public static IReadOnlyList<Row> Rows(EvaluationReport e)
    {
        const string nats = "nats";
        var knn = e.Knn5Accuracy is { } accuracy
            ? new Row("5-NN accuracy", Text(accuracy), "", $"fit on {e.Knn5TrainRows} codes of the training split, one z a row")
            : new Row("5-NN accuracy", "–", "", "the data have no labels");
        var ksg = e.MutualInformationKsg is { } information
            ? new Row("mutual information, KSG", Text(information), nats,
                string.Create(CultureInfo.InvariantCulture, $"k = {e.KsgK}, N = {e.KsgRows}, ceiling {e.KsgCeiling:F3}")
                + (e.KsgCoincidentRows > 0 ? $", {e.KsgCoincidentRows} rows with duplicates" : ""))
            : new Row("mutual information, KSG", "–", "", "x is binary: its distances are 0 or 1 and say nothing");
        var sampled = e.Likelihood is "bernoulli" or "logistic" ? "x̂ = E[x|z]" : "x̂ ~ p(x|z)";
        return
        [
            new("NLL, importance-weighted", Text(e.NllImportanceWeighted), nats, $"S = {e.ImportanceSamples}; an upper bound in expectation"),
            new("−ELBO", Text(e.NegativeElbo), nats, $"distortion + rate"),
            new("−ELBO, single sample", Text(e.NegativeElboSingleSample), nats, "the MIM reference's \"NLL\""),
            new("rate", Text(e.Rate), nats, "closed form where KL(q(z|x) ‖ p(z)) has one, else over the draws"),
            new("distortion", Text(e.Distortion), nats, $"{e.ImportanceSamples} draws a row"),
            ksg,
            knn,
            new("reconstruction RMSE", Text(e.ReconstructionRmse), "of x", "per dimension, mean of p(x|z) at the posterior's mean"),
            new("reconstruction L2, sampled", Text(e.ReconstructionL2Sampled), "of x",
                $"{sampled}, z ~ q(z|x): the MIM reference's \"RMSE\""),
            new("active units", Text(e.ActiveUnits), $"of {e.Z}", "variance of the posterior's mean above 0.01"),
        ];
    }

    public static void Print(TextWriter output, EvaluationReport evaluation)
    {
        var rows = Rows(evaluation);
        var label = rows.Max(row => row.Label.Length);
        var value = rows.Max(row => row.Value.Length);
        var unit = rows.Max(row => row.Unit.Length);
        foreach (var row in rows)
        {
            output.WriteLine($"{row.Label.PadRight(label)}  {row.Value.PadLeft(value)} {row.Unit.PadRight(unit)}  {row.Note}".TrimEnd());
        }
    }

    static string Text(double value) => value.ToString("F4", CultureInfo.InvariantCulture);

    static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
