using System.Globalization;
using System.Text.Json.Nodes;

namespace Mim.Training;

/// <summary>A page (<see cref="PageShell"/>) about one run, or about several side by side. The same runs give the same bytes.</summary>
public static class ReportPage
{
    /// <summary>As many as the palette tells apart.</summary>
    public const int MaxRuns = 8;

    public static string Write(IReadOnlyList<RunReport> runs)
    {
        var page = new PageWriter();
        return PageShell.Write(page, runs.Count == 1 ? "Run report" : "Comparison of runs", Title(runs),
        [
            new("overview", "Overview", () => Overview(page, runs)),
            new("evaluation", "Evaluation", () => EvaluationSection.Write(page, runs)),
            new("training", "Training", () => TrainingSection.Write(page, runs)),
            new("latent", "Latent space", () => LatentSection.Write(page, runs)),
            new("reconstructions", "Reconstructions", () => PictureSections.Reconstructions(page, runs)),
            new("samples", "Samples", () => PictureSections.Samples(page, runs)),
            new("interpolations", "Interpolations", () => PictureSections.Interpolations(page, runs)),
            new("configuration", "Configuration", () => Configuration(page, runs)),
            new("environment", "Environment", () => Environment(page, runs)),
        ]);
    }

    static string Title(IReadOnlyList<RunReport> runs)
    {
        var datasets = string.Join(", ", runs.Select(run => run.Dataset).Distinct());
        return $"{string.Join(" · ", runs.Select(run => run.Name))} on {datasets}";
    }

    static void Overview(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        EvaluationSection.Headlines(page, runs);
        page.BeginTable("What was trained", captionShown: false);
        page.Header(["run", "objective", "network", "data set", "x → z", "likelihood", "parameters", "best epoch", "seed"]);
        page.Html.Begin("tbody");
        for (var i = 0; i < runs.Count; i++)
        {
            var run = runs[i];
            page.Html.Begin("tr").Begin("th", ("scope", "row"));
            if (runs.Count > 1)
            {
                page.Key(i, KeyStyle.Dot);
            }
            page.Html.Text(run.Name).End();
            string[] facts =
            [
                Json(run.Options.Objective.Name), run.Options.Network.Name, run.Dataset, $"{string.Join(" × ", run.XShape)} → {run.Pictures.Codes[0].Length}", Json(run.Options.Likelihood),
                run.Parameters.ToString("N0", CultureInfo.InvariantCulture),
                run.Log is { Epochs: [.., var last] } ? $"{run.BestEpoch} of {last}" : Chart.Text(run.BestEpoch),
                run.Options.Trainer.Seed.ToString(CultureInfo.InvariantCulture),
            ];
            foreach (var fact in facts)
            {
                page.Html.Element("td", fact);
            }
            page.Html.End();
        }
        page.Html.End();
        page.EndTable();
    }

    static void Configuration(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        SortedDictionary<string, string>[] options = [.. runs.Select(run => Flat(run.Options.ToJson()))];
        // In the order of the one list of keys; what the list does not know follows.
        string[] known = [.. TrainingOptions.Keys.Select(key => key.Path)];
        var keys = options.SelectMany(o => o.Keys).Distinct().OrderBy(key => Array.IndexOf(known, key) is >= 0 and var i ? i : int.MaxValue)
            .ThenBy(key => key, StringComparer.Ordinal).ToArray();
        var differing = keys.Where(key => options.Select(o => o.GetValueOrDefault(key)).Distinct().Count() > 1).ToArray();
        if (runs.Count > 1)
        {
            page.Note(differing.Length == 0 ? "All runs have the same configuration." : $"{differing.Length} of {keys.Length} keys differ.");
            if (differing.Length > 0)
            {
                Options("Keys that differ", differing);
            }
            page.Html.Begin("details").Element("summary", $"The {keys.Length - differing.Length} keys that agree");
            Options("Keys that agree", [.. keys.Except(differing)]);
            page.Html.End();
        }
        else
        {
            Options("Configuration of the run", keys);
        }

        void Options(string caption, string[] shown)
        {
            page.BeginTable(caption, captionShown: runs.Count > 1 && shown == differing);
            RunHeader(page, runs);
            page.Html.Begin("tbody");
            foreach (var key in shown)
            {
                Row(page, key, options.Select(o => o.GetValueOrDefault(key, "–")));
            }
            page.Html.End();
            page.EndTable();
        }
    }

    static void Environment(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        // What all have in common, which is the rule, takes one line.
        var uses = runs.SelectMany(run => (List<(string Name, string Use, IReadOnlyDictionary<string, string> Engines)>)
            [
                (run.Name, "trained", run.TrainedWith),
                .. run.Evaluation is { } evaluation ? [(run.Name, "evaluated", evaluation.Engines)] : Array.Empty<(string, string, IReadOnlyDictionary<string, string>)>(),
                (run.Name, "drawn", run.DrawnWith),
            ])
            .GroupBy(use => string.Join('\n', use.Engines.OrderBy(engine => engine.Key, StringComparer.Ordinal)))
            .Select(group => (group.First().Engines, Use: string.Join("; ", group.GroupBy(use => use.Name, use => use.Use)
                .Select(run => $"{run.Key}: {string.Join(", ", run)}")))).ToArray();
        string[] engines = [.. uses.SelectMany(use => use.Engines.Keys).Distinct()];
        page.Table(new DataTable(
            "Engines", ["used by", .. engines],
            [.. uses.Select(use => (string[])[use.Use, .. engines.Select(engine => use.Engines.GetValueOrDefault(engine) ?? "–")])]));
        page.Table(new DataTable(
            "Hashes", ["run", "best.npz, SHA-256", "data set, SHA-256"],
            [.. runs.Select(run => (string[])[run.Name, run.CheckpointSha256, run.DatasetSha256])]), "hashes");
    }

    /// <summary>A header with a column for each run, in its colour.</summary>
    static void RunHeader(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        page.Html.Begin("thead").Begin("tr").Element("th", "key", ("scope", "col"));
        for (var i = 0; i < runs.Count; i++)
        {
            page.Html.Begin("th", ("scope", "col"));
            if (runs.Count > 1)
            {
                page.Key(i, KeyStyle.Dot);
            }
            page.Html.Text(runs[i].Name).End();
        }
        page.Html.End().End();
    }

    static void Row(PageWriter page, string name, IEnumerable<string> cells)
    {
        page.Html.Begin("tr").Element("th", name, ("scope", "row"));
        foreach (var cell in cells)
        {
            page.Html.Element("td", cell);
        }
        page.Html.End();
    }

    static SortedDictionary<string, string> Flat(JsonObject options)
    {
        var flat = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Add(options, "");
        return flat;

        void Add(JsonObject node, string prefix)
        {
            foreach (var (key, value) in node)
            {
                if (value is JsonObject inner)
                {
                    Add(inner, $"{prefix}{key}.");
                }
                else
                {
                    flat[prefix + key] = value switch
                    {
                        null => "none",
                        JsonArray items => $"[{string.Join(", ", items)}]",
                        _ => $"{value}",
                    };
                }
            }
        }
    }

    static string Json<T>(T name)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(name.ToString());
}
