using System.Globalization;

namespace Mim.Training;

/// <summary>The codes: where they lie beside the prior, and how much each dimension carries.</summary>
static class LatentSection
{
    /// <summary>Draws of the prior behind the codes: enough to see its shape.</summary>
    const int PriorPoints = 500;

    public static void Write(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        var rows = runs.Max(run => run.Pictures.Codes.Count).ToString("N0", CultureInfo.InvariantCulture);
        page.Note($"One z ~ q(z|x) for each of {rows} test rows, coloured by label where there are at most {Chart.Colours}; grey: draws of the prior p(z).");
        if (runs.Count == 1)
        {
            page.Grid("wide", () =>
            {
                page.Figure(Scatter(runs, 0));
                page.Grid("stack", () => Gauges(page, runs));
            });
            return;
        }
        page.Grid("wide", () =>
        {
            for (var i = 0; i < runs.Count; i++)
            {
                page.Figure(Scatter(runs, i));
            }
        });
        page.Grid("wide", () => Gauges(page, runs));
    }

    static void Gauges(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        var gauges = runs.Select((run, i) => (Run: run, Colour: i, Gauges: run.Evaluation?.PerDimension ?? run.Pictures.Gauges)).ToArray();
        page.Figure(new BarChart
        {
            Id = "explained",
            Title = "Variance of z explained by x",
            Note = "Var E[z|x] / (Var E[z|x] + E Var[z|x]) of each dimension. A collapsed one has 0: its posterior is the same for every x.",
            Unit = "of 1",
            Top = 1,
            Strips = [.. gauges.Select(g => (g.Run.Name, g.Colour, Explained(g.Gauges)))],
            Legend = Legend(runs),
        });
        var rated = gauges.Where(g => g.Gauges.Kl is not null).ToArray();
        if (rated.Length > 0)
        {
            page.Figure(new BarChart
            {
                Id = "rate",
                Title = "Rate of each dimension of z",
                Note = "E KL(q(z|x) ‖ N(0, 1)), an upper bound on what a dimension tells about x; 0 where it is collapsed.",
                Unit = "nats",
                Strips = [.. rated.Select(g => (g.Run.Name, g.Colour, g.Gauges.Kl ?? []))],
                Legend = Legend(runs),
            });
        }
    }

    static IReadOnlyList<double> Explained(PosteriorGauges gauges) =>
        [.. gauges.MeanVariance.Zip(gauges.PosteriorVariance, (mean, posterior) => mean > 0 ? mean / (mean + posterior) : 0)];

    static IReadOnlyList<LegendKey> Legend(IReadOnlyList<RunReport> runs) =>
        runs.Count == 1 ? [] : [.. runs.Select((run, i) => new LegendKey(run.Name, i, KeyStyle.Dot))];

    static ScatterChart Scatter(IReadOnlyList<RunReport> runs, int index)
    {
        var run = runs[index];
        var pictures = run.Pictures;
        var (project, x, y, note) = Plane(pictures);
        PointGroup prior = new("the prior p(z)", Chart.Muted, false, [.. pictures.PriorCodes.Take(PriorPoints).Select(project)]);
        var groups = Labels.Groups(pictures.Labels, pictures.Codes.Count, run.LabelNames, "test codes")
            .Select(group => new PointGroup(group.Name, group.Colour, group.Labelled, [.. group.Rows.Select(row => project(pictures.Codes[row]))])).ToArray();
        return new ScatterChart
        {
            Id = $"codes-{index}",
            Title = runs.Count == 1 ? "Codes" : $"{run.Name}: codes",
            Note = note,
            XLabel = x,
            YLabel = y,
            Groups = [prior, .. groups],
            Legend = [.. groups.Select(group => new LegendKey(group.Name, group.Colour, KeyStyle.Dot)), new(prior.Name, Chart.Muted, KeyStyle.Dot)],
        };
    }

    static (Func<float[], (double X, double Y)> Project, string X, string Y, string? Note) Plane(ModelPictures pictures)
    {
        switch (pictures.Codes[0].Length)
        {
            case 1:
                return (code => (code[0], 0), "z1", "–", "z has one dimension.");
            case 2:
                return (code => (code[0], code[1]), "z1", "z2", null);
            case var width:
                var axes = PrincipalAxes.Fit(pictures.Codes);
                string Label(int i) => string.Create(CultureInfo.InvariantCulture, $"PC {i + 1} ({100 * axes.Share[i]:F0} % of variance)");
                return (axes.Project, Label(0), Label(1), $"The two principal components of the {width}-dimensional codes.");
        }
    }
}

/// <summary>Rows by their labels, for the palette.</summary>
static class Labels
{
    /// <returns>A group a label in the order of labels; one group of all rows where there are none, or more than the palette tells apart.</returns>
    public static IReadOnlyList<(string Name, int Colour, bool Labelled, IReadOnlyList<int> Rows)> Groups(
        IReadOnlyList<long>? labels, int rows, IReadOnlyList<string>? names, string all)
    {
        if (labels is null)
        {
            return [(all, 0, false, [.. Enumerable.Range(0, rows)])];
        }
        var groups = labels.Select((label, row) => (label, row)).GroupBy(pair => pair.label, pair => pair.row).OrderBy(group => group.Key).ToArray();
        return groups.Length > Chart.Colours
            ? [(all, 0, false, [.. Enumerable.Range(0, labels.Count)])]
            : [.. groups.Select((group, i) => (Name(group.Key, names), i, true, (IReadOnlyList<int>)[.. group]))];
    }

    public static string Name(long label, IReadOnlyList<string>? names) =>
        names is not null && label >= 0 && label < names.Count ? names[(int)label] : label.ToString(CultureInfo.InvariantCulture);
}
