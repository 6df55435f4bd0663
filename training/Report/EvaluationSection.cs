using System.Globalization;

namespace Mim.Training;

/// <summary>What <c>mim evaluate</c> measured: the headlines, and every statistic side by side.</summary>
static class EvaluationSection
{
    /// <summary>Standard errors of a difference below which nothing is said of it.</summary>
    const double Significant = 2;

    /// <summary>Nats below which two values of information print alike.</summary>
    const double ShownInformation = 0.01;

    /// <summary>As experiments/README.md has it, where the numbers behind it are.</summary>
    const string WhenToTakeWhich =
        "When to take which: MIM where embeddings must tell things apart, by neighbours or clusters, above all where draws are stored; the VAE where the "
        + "density itself is wanted, or a code of few used dimensions; sentence-MIM and cMIM where a classifier reads the codes and nobody samples. "
        + "No form of A-MIM has a brake but its floor: without one it is an autoencoder.";

    public static void Headlines(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        if (runs.All(run => run.Evaluation is null))
        {
            return;
        }
        var html = page.Html;
        html.Begin("dl", ("class", "tiles"));
        Tile("Mutual information I(x;z)", "nats, KSG", e => e.MutualInformationKsg, "F2");
        Tile("−log p(x)", "nats, importance-weighted", e => e.NllImportanceWeighted, "F1");
        Tile("5-NN accuracy", "of codes", e => e.Knn5Accuracy, "P1");
        Tile("Reconstruction RMSE", "per dimension", e => e.ReconstructionRmse, "G3");
        Tile("Active units", "dimensions of z", e => e.ActiveUnits, "F0");
        html.End();

        void Tile(string title, string unit, Func<EvaluationReport, double?> value, string format)
        {
            if (runs.All(run => run.Evaluation is null || value(run.Evaluation) is null))
            {
                return;
            }
            html.Begin("div").Begin("dt").Text(title).Element("span", unit, ("class", "unit")).End();
            for (var i = 0; i < runs.Count; i++)
            {
                html.Begin("dd");
                var text = runs[i].Evaluation is { } evaluation && value(evaluation) is { } number
                    ? number.ToString(format, CultureInfo.InvariantCulture)
                    : "–";
                html.Element("span", text, ("class", "value"));
                if (runs.Count > 1)
                {
                    page.Key(i, KeyStyle.Dot);
                    html.Element("span", runs[i].Name, ("class", "of"));
                }
                html.End();
            }
            html.End();
        }
    }

    public static void Write(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        var missing = string.Join(", ", runs.Where(run => run.Evaluation is null).Select(run => run.Name));
        if (missing.Length > 0)
        {
            page.Note($"Not evaluated: {missing}. 'mim evaluate --run FOLDER' does that.");
        }
        var evaluated = runs.Where(run => run.Evaluation is not null).ToArray();
        if (evaluated.Length == 0)
        {
            return;
        }
        page.Note(string.Join(" ", Basis(evaluated)));
        var differences = Differences(evaluated);
        if (differences.Count > 0)
        {
            page.Note($"These runs were not measured alike ({string.Join("; ", differences)}), so no value is marked as the best.");
        }
        else if (Disagreement(evaluated) is { } sentence)
        {
            page.Note(sentence);
        }
        if (runs.Select(run => run.Options.Objective.Name is ObjectiveName.Vae or ObjectiveName.Ae).Distinct().Count() > 1)
        {
            page.Note(WhenToTakeWhich);
        }
        Table(page, runs, markBest: runs.Count > 1 && differences.Count == 0);
    }

    static IEnumerable<string> Basis(RunReport[] runs) => runs
        .Select(run => (run.Name, Text: run.Evaluation is { } e
            ? $"{e.Rows.ToString("N0", CultureInfo.InvariantCulture)} rows of the {e.Split} split, epoch {e.Epoch}"
            : ""))
        .Select(basis => runs.Length == 1 ? $"On {basis.Text}." : $"{basis.Name}: {basis.Text}.")
        .Append("Densities and distances are those of x after preprocessing.");

    /// <summary>Why statistics of the runs are not to be compared.</summary>
    static List<string> Differences(RunReport[] runs)
    {
        var differences = new List<string>();
        Compare("data set", run => $"{run.Dataset} {run.DatasetSha256}", run => run.Dataset);
        Compare("preprocessing", Steps, run => $"[{Steps(run)}]");
        Compare("likelihood", run => run.Evaluation?.Likelihood ?? "", run => run.Evaluation?.Likelihood ?? "");
        Compare("split", run => run.Evaluation?.Split ?? "", run => run.Evaluation?.Split ?? "");
        Compare("rows", run => $"{run.Evaluation?.Rows}", run => $"{run.Evaluation?.Rows}");
        Compare("importance samples", run => $"{run.Evaluation?.ImportanceSamples}", run => $"{run.Evaluation?.ImportanceSamples}");
        return differences;

        // With their arguments, which the evaluation leaves out.
        static string Steps(RunReport run) => string.Join(", ", run.Options.Dataset.Preprocessing);

        void Compare(string what, Func<RunReport, string> identity, Func<RunReport, string> shown)
        {
            if (runs.Select(identity).Distinct().Count() > 1)
            {
                differences.Add($"{what}: {string.Join(" / ", runs.Select(shown))}");
            }
        }
    }

    /// <summary>The trade of this family of models, said where it shows: the codes that tell most about x, and not the best density of x.</summary>
    static string? Disagreement(RunReport[] runs)
    {
        // The lower bound, which binary x has too.
        double? Information(RunReport run) => run.Evaluation?.AggregatePosterior.MutualInformationLower;
        if (runs.Length < 2)
        {
            return null;
        }
        var likely = runs.MinBy(run => run.Evaluation?.NllImportanceWeighted);
        // At their ceiling the bounds are equal; then what there is to say is how far the likelihoods are apart.
        var alike = runs.Max(Information) - runs.Min(Information) < ShownInformation;
        var informed = alike ? runs.MaxBy(run => run.Evaluation?.NllImportanceWeighted) : runs.MaxBy(Information);
        if (informed?.Evaluation is not { } high || likely?.Evaluation is not { } low || informed == likely)
        {
            return null;
        }
        var gap = high.NllImportanceWeighted - low.NllImportanceWeighted;
        if (gap <= Significant * Math.Sqrt((high.NllStandardError * high.NllStandardError) + (low.NllStandardError * low.NllStandardError)))
        {
            return null;
        }
        return (alike
            ? string.Create(CultureInfo.InvariantCulture,
                $"Information does not tell the runs apart (I(x;z) by its lower bound: {Information(informed):F2} nats), but as a density of x {informed.Name}")
            : string.Create(CultureInfo.InvariantCulture,
                $"Information and likelihood disagree: the codes of {informed.Name} tell most about x (I(x;z) by its lower bound: {Information(informed):F2} nats, ")
                + string.Create(CultureInfo.InvariantCulture, $"{likely.Name} {Information(likely):F2}), but as a density of x it"))
            + string.Create(CultureInfo.InvariantCulture, $" is {gap:F1} nats a row behind {likely.Name}.");
    }

    static void Table(PageWriter page, IReadOnlyList<RunReport> runs, bool markBest)
    {
        var html = page.Html;
        var groups = runs.SelectMany((run, i) => run.Evaluation is null ? [] : EvaluationTable.Groups(run.Evaluation).Select(group => (group, i)))
            .GroupBy(pair => pair.group.Title, pair => (pair.group.Rows, pair.i));
        page.BeginTable("Statistics of the evaluation", captionShown: false);
        html.Begin("thead").Begin("tr").Element("th", "statistic", ("scope", "col"));
        for (var i = 0; i < runs.Count; i++)
        {
            html.Begin("th", ("scope", "col"), ("class", "number"));
            if (runs.Count > 1)
            {
                page.Key(i, KeyStyle.Dot);
            }
            html.Text(runs.Count > 1 ? runs[i].Name : "value").End();
        }
        html.Element("th", "unit", ("scope", "col")).Element("th", "better", ("scope", "col")).Element("th", "how", ("scope", "col")).End().End();
        foreach (var group in groups)
        {
            html.Begin("tbody").Begin("tr", ("class", "group"));
            html.Element("th", group.Key, ("scope", "rowgroup"), ("colspan", Chart.Text(runs.Count + 4))).End();
            foreach (var statistic in group.SelectMany(table => table.Rows.Select(row => (row, table.i))).GroupBy(pair => pair.row.Label))
            {
                var rows = new EvaluationTable.Row?[runs.Count];
                foreach (var (row, i) in statistic)
                {
                    rows[i] = row;
                }
                Row(html, statistic.Key, runs, rows, markBest);
            }
            html.End();
        }
        page.EndTable();
    }

    static void Row(HtmlWriter html, string label, IReadOnlyList<RunReport> runs, EvaluationTable.Row?[] rows, bool markBest)
    {
        var first = rows.OfType<EvaluationTable.Row>().First();
        var best = markBest ? Best(rows, first.Better) : null;
        html.Begin("tr").Element("th", label, ("scope", "row"));
        foreach (var row in rows)
        {
            html.Begin("td", ("class", "number"));
            if (row is not null && row.Value == best)
            {
                html.Element("strong", row.Value).Element("span", " (best)", ("class", "unseen"));
            }
            else
            {
                html.Text(row?.Value ?? "–");
            }
            html.End();
        }
        html.Element("td", first.Unit).Element("td", first.Better == Better.Neither ? "" : first.Better.ToString().ToLowerInvariant());
        html.Begin("td", ("class", "how"));
        if (rows.OfType<EvaluationTable.Row>().Select(row => row.Note).Distinct().Count() == 1)
        {
            html.Text(first.Note);
        }
        else
        {
            foreach (var (run, row) in runs.Zip(rows).Where(pair => pair.Second is not null))
            {
                html.Element("span", $"{run.Name}: {row?.Note}", ("class", "line"));
            }
        }
        html.End().End();
    }

    /// <summary>The best value as it is printed, so that what looks equal is; null where none stands out.</summary>
    static string? Best(EvaluationTable.Row?[] rows, Better better)
    {
        var values = rows.OfType<EvaluationTable.Row>().Select(row => row.Value)
            .Where(value => double.TryParse(value, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)).ToArray();
        if (better == Better.Neither || values.Distinct().Count() < 2)
        {
            return null;
        }
        double Number(string value) => double.Parse(value, CultureInfo.InvariantCulture);
        return better == Better.Lower ? values.MinBy(Number) : values.MaxBy(Number);
    }
}
