namespace Mim.Training;

/// <summary>The curves of metrics.jsonl.</summary>
static class TrainingSection
{
    const string Loss = "loss", Nats = "nats";

    /// <summary>How a key of metrics.jsonl is called on a page; one that is not here keeps its name.</summary>
    static readonly Dictionary<string, string> s_terms = new()
    {
        ["log_pxz"] = "log p(x|z)",
        ["log_pz"] = "log p(z)",
        ["log_qzx"] = "log q(z|x)",
        ["log_qx"] = "log q(x)",
    };

    static readonly Dictionary<string, (string Title, string Unit)> s_course = new()
    {
        ["learning_rate"] = ("Learning rate", "per step"),
        ["beta"] = ("β", "weight"),
        ["train.gradient_norm"] = ("Gradient norm", "before clipping"),
        ["rows_per_second"] = ("Speed", "rows/s"),
    };

    public static void Write(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        foreach (var run in runs.Where(run => run.Log is null))
        {
            page.Note($"{run.Name} has no metrics.jsonl, so it has no curves.");
        }
        if (runs.All(run => run.Log is null))
        {
            return;
        }
        page.Figure(LossChart(runs));
        page.Html.Element("h3", "Terms of the objective");
        page.Note("Means over the validation rows. The encoding half draws (x, z) from the data and q(z|x), the decoding half from p(z) and p(x|z)."
            + (runs.Count > 1 ? " Unlike the loss, a term means the same in every objective." : ""));
        page.Grid("small", () => Each(Terms(runs)));
        page.Html.Element("h3", "Course of training");
        page.Grid("small", () => Each(Course(runs)));

        void Each(IEnumerable<Chart> charts)
        {
            foreach (var chart in charts)
            {
                page.Figure(chart);
            }
        }
    }

    static CurveChart LossChart(IReadOnlyList<RunReport> runs)
    {
        var curves = runs.SelectMany((run, i) => new[]
        {
            new Curve(Name(runs, run, "validation"), i, false, run.Log?.Series($"validation.{Loss}") ?? []),
            new Curve(Name(runs, run, "training"), i, true, run.Log?.Series($"train.{Loss}") ?? []),
        }).ToArray();
        LegendKey[] legend = runs.Count == 1
            ? [new("validation", 0, KeyStyle.Solid), new("training", 0, KeyStyle.Dashed)]
            : [.. runs.Select((run, i) => new LegendKey(run.Name, i, KeyStyle.Solid)), new("training", Chart.Muted, KeyStyle.Dashed)];
        var chart = new CurveChart
        {
            Id = "loss",
            Title = "Loss",
            Unit = Nats,
            Curves = curves,
            Marks = [.. runs.Select((run, i) => (run.BestEpoch, i))],
            Legend = legend,
        };
        return chart with { Note = string.Join(" ", LossNotes(runs, chart)) };
    }

    static IEnumerable<string> LossNotes(IReadOnlyList<RunReport> runs, CurveChart chart)
    {
        yield return runs.Count == 1 ? "The vertical line marks the epoch whose weights were kept." : "Vertical lines mark the epochs whose weights were kept.";
        if (runs.Select(run => run.Options.Objective.Name).Distinct().Count() > 1)
        {
            yield return "Losses of different objectives are different quantities: compare their shapes, not their heights.";
        }
        if (chart.Cut > 0)
        {
            yield return $"The first epochs leave the frame; they start at {string.Join(", ", chart.Curves.Where(c => !c.Dashed && c.Points.Count > 0).Select(c => Chart.Text(c.Points[0].Value)))}.";
        }
    }

    static IEnumerable<CurveChart> Terms(IReadOnlyList<RunReport> runs)
    {
        var keys = runs.SelectMany(run => run.Log?.Columns.Keys ?? []).Where(key => key.StartsWith("validation.", StringComparison.Ordinal))
            .Select(key => key.Split('.')).Where(key => key.Length == 3 && key[2] != Loss).Select(key => (Half: key[1], Term: key[2])).Distinct();
        var number = 0;
        foreach (var term in keys.GroupBy(key => key.Term))
        {
            var curves = term.SelectMany(key => runs.Select((run, i) => new Curve(
                Name(runs, run, key.Half), runs.Count == 1 && key.Half == "decoding" ? 1 : i, key.Half == "decoding",
                run.Log?.Series($"validation.{key.Half}.{key.Term}") ?? []))).Where(curve => curve.Points.Count > 0).ToArray();
            LegendKey[] legend = runs.Count == 1
                ? [.. curves.Select(curve => new LegendKey(curve.Name, curve.Colour, curve.Dashed ? KeyStyle.Dashed : KeyStyle.Solid))]
                : [.. curves.Where(curve => !curve.Dashed).Select(curve => new LegendKey(runs[curve.Colour].Name, curve.Colour, KeyStyle.Solid)),
                    .. curves.Any(curve => curve.Dashed) ? [new LegendKey("decoding", Chart.Muted, KeyStyle.Dashed)] : Array.Empty<LegendKey>()];
            yield return new CurveChart
            {
                Id = $"term-{number++}",
                Title = s_terms.GetValueOrDefault(term.Key, term.Key),
                Unit = Nats,
                Small = true,
                Curves = curves,
                Legend = legend,
            };
        }
    }

    static IEnumerable<CurveChart> Course(IReadOnlyList<RunReport> runs)
    {
        var number = 0;
        foreach (var key in runs.SelectMany(run => run.Log?.Columns.Keys ?? []).Distinct().Where(Shown))
        {
            Curve[] curves = [.. runs.Select((run, i) => new Curve(run.Name, i, false, run.Log?.Series(key) ?? [])).Where(curve => curve.Points.Count > 0)];
            if (curves.All(curve => curve.Points.All(point => point.Value == curve.Points[0].Value)))
            {
                continue;
            }
            var (title, unit) = s_course.GetValueOrDefault(key, (key, ""));
            yield return new CurveChart
            {
                Id = $"course-{number++}",
                Title = title,
                Unit = unit,
                Small = true,
                Whole = true,
                Curves = curves,
                Legend = runs.Count == 1 ? [] : [.. curves.Select(curve => new LegendKey(curve.Name, curve.Colour, KeyStyle.Solid))],
            };
        }

        // Counters say nothing over epochs.
        static bool Shown(string key) =>
            s_course.ContainsKey(key) || (!key.Contains('.', StringComparison.Ordinal) && key is not ("step" or "best_epoch" or "seconds"));
    }

    static string Name(IReadOnlyList<RunReport> runs, RunReport run, string what) => runs.Count == 1 ? what : $"{run.Name}, {what}";
}
