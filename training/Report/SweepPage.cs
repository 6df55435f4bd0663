using System.Globalization;

namespace Mim.Training;

/// <summary>
/// A page (<see cref="PageShell"/>) about a sweep: each column as a figure over a setting, all values beside the published ones, and the claims that
/// were tested.
/// </summary>
public static class SweepPage
{
    public static string Write(SweepReport sweep)
    {
        var page = new PageWriter();
        return PageShell.Write(page, $"Sweep {sweep.Pipeline}", sweep.Title,
        [
            .. sweep.Reading.Count > 0 ? (PageSection[])[new("reading", "Reading", () => Reading(page, sweep))] : [],
            .. sweep.Over is { } over ? (PageSection[])[new("figures", "Figures", () => Figures(page, sweep, over))] : [],
            new("values", "Values", () => Values(page, sweep)),
            new("claims", "Claims", () => Claims(page, sweep)),
            new("environment", "Environment", () => page.Note(sweep.Environment)),
        ]);
    }

    static void Reading(PageWriter page, SweepReport sweep)
    {
        foreach (var paragraph in sweep.Reading)
        {
            page.Html.Element("p", paragraph, ("class", "reading"));
        }
    }

    static void Figures(PageWriter page, SweepReport sweep, string over)
    {
        page.Note("Mean over seeds; a bar is one standard deviation to either side."
            + (HasPublished(sweep) ? " Dashed: published, where it is a number." : ""));
        var models = sweep.Rows.GroupBy(row => string.Join(' ', row.Setting.Where(item => item.Key != over).Select(item => item.Value))).ToArray();
        page.Grid("wide", () =>
        {
            for (var column = 0; column < sweep.Columns.Count; column++)
            {
                SweepSeries[] series =
                [
                    .. models.SelectMany((rows, model) => Series(rows, model % Chart.Colours, column, over)).Where(s => s.Points.Count > 0),
                ];
                page.Figure(new SweepChart
                {
                    Id = $"sweep-{column}",
                    Title = sweep.Columns[column].Title,
                    Over = over,
                    Series = series,
                    Legend = [.. series.Select(s => new LegendKey(s.Name, s.Colour, s.Dashed ? KeyStyle.Dashed : KeyStyle.Solid))],
                });
            }
        });
    }

    /// <summary>Of one model: what was measured here, and what was published.</summary>
    static IEnumerable<SweepSeries> Series(IGrouping<string, SweepReport.Row> model, int colour, int column, string over)
    {
        var rows = model.Select(row => (X: double.Parse(row.Setting[over], CultureInfo.InvariantCulture), Row: row)).OrderBy(row => row.X).ToArray();
        // A matrix of one list has nothing else to be named by.
        var (ours, theirs) = model.Key.Length > 0 ? (model.Key, $"{model.Key}, published") : ("measured", "published");
        yield return new(ours, colour, Dashed: false, Points(row => row.Values[column]));
        yield return new(theirs, colour, Dashed: true, Points(row => row.Published is { } texts ? SweepReport.Parse(texts[column]) : null));

        (double, double, double?)[] Points(Func<SweepReport.Row, SweepReport.Statistic?> value) =>
        [
            .. from row in rows
               let statistic = value(row.Row)
               where statistic?.Mean is not null
               select (row.X, statistic.Mean ?? double.NaN, statistic.Sd),
        ];
    }

    static void Values(PageWriter page, SweepReport sweep)
    {
        var published = HasPublished(sweep);
        IEnumerable<string> Columns(SweepReport.Column column) => published ? [column.Title, $"{column.Title}, published"] : [column.Title];
        IEnumerable<string> Cells(SweepReport.Row row, int i) => published ? [$"{row.Values[i]}", row.Published?[i] ?? "–"] : [$"{row.Values[i]}"];
        page.Table(new DataTable(
            "Every value of the sweep", ["setting", .. sweep.Columns.SelectMany(Columns), "seeds"],
            [.. sweep.Rows.Select(row => (string[])[row.Label, .. row.Values.SelectMany((_, i) => Cells(row, i)), Seeds(row)])]));
        if (sweep.Source is { } source)
        {
            page.Note($"Published: {source}.");
        }
    }

    static void Claims(PageWriter page, SweepReport sweep)
    {
        if (sweep.Gates.Count == 0)
        {
            page.Note("None was stated.");
            return;
        }
        var failed = sweep.Gates.Count(gate => !gate.Held);
        page.Note(failed == 0 ? $"All {sweep.Gates.Count} hold." : $"{failed} of {sweep.Gates.Count} do not hold.");
        page.Table(new DataTable(
            "The claims, as inequalities", ["claim", "holds", "found", "bound", "metric"],
            [.. sweep.Gates.OrderBy(gate => gate.Held).Select(gate => (string[])
                [gate.Name, gate.Held ? "yes" : "no", gate.Found is { } found ? Chart.Text(found) : "–", gate.Expect, gate.Metric])]));
    }

    static bool HasPublished(SweepReport sweep) => sweep.Rows.Any(row => row.Published is not null);

    static string Seeds(SweepReport.Row row) => string.Join(", ",
        row.Values.Where(value => value.Mean is not null).Select(value => value.Seeds).Distinct().Order().Select(n => Chart.Text(n)));
}
