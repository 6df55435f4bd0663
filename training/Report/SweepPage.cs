using System.Globalization;

namespace Mim.Training;

/// <summary>One HTML file about a sweep: each column as a figure over a setting, all values beside the published ones, and the claims that were tested.</summary>
public static class SweepPage
{
    public static string Write(SweepReport sweep)
    {
        var page = new PageWriter();
        List<PageSection> sections = [new("values", "Values", () => Values(page, sweep)), new("claims", "Claims", () => Claims(page, sweep)), new("environment", "Environment", () => page.Note(sweep.Environment))];
        if (sweep.Over is { } over)
        {
            sections.Insert(0, new("figures", "Figures", () => Figures(page, sweep, over)));
        }
        return PageShell.Write(page, $"Sweep {sweep.Pipeline}", sweep.Title, sections);
    }

    static void Figures(PageWriter page, SweepReport sweep, string over)
    {
        var published = sweep.Rows.Any(row => row.Published is not null);
        page.Note("Mean over seeds; a bar is one standard deviation to either side." + (published ? " Dashed: published, where it is a number." : ""));
        var groups = sweep.Rows.GroupBy(row => string.Join(' ', row.Setting.Where(item => item.Key != over).Select(item => item.Value))).ToArray();
        page.Grid("wide", () =>
        {
            for (var column = 0; column < sweep.Columns.Count; column++)
            {
                var series = groups.SelectMany((group, colour) => Series(group, colour % Chart.Colours, column, over)).Where(s => s.Points.Count > 0).ToArray();
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

    static IEnumerable<SweepSeries> Series(IGrouping<string, SweepReport.Row> group, int colour, int column, string over)
    {
        var rows = group.Select(row => (X: double.Parse(row.Setting[over], CultureInfo.InvariantCulture), Row: row)).OrderBy(row => row.X).ToArray();
        yield return Points(group.Key, dashed: false, row => row.Values[column]);
        yield return Points($"{group.Key}, published", dashed: true, row => row.Published is { } texts ? SweepReport.Parse(texts[column]) : null);

        SweepSeries Points(string name, bool dashed, Func<SweepReport.Row, SweepReport.Statistic?> value) => new(
            name, colour, dashed, [.. from row in rows let statistic = value(row.Row) where statistic?.Mean is not null select (row.X, statistic.Mean ?? double.NaN, statistic.Sd)]);
    }

    static void Values(PageWriter page, SweepReport sweep)
    {
        var published = sweep.Rows.Any(row => row.Published is not null);
        page.Table(new DataTable(
            "Every value of the sweep", ["setting", .. sweep.Columns.SelectMany(column => published ? (string[])[column.Title, "published"] : [column.Title]), "seeds"],
            [.. sweep.Rows.Select(row => (string[])
                [row.Label, .. row.Values.SelectMany((value, i) => published ? (string[])[$"{value}", row.Published?[i] ?? "–"] : [$"{value}"]), Seeds(row)])]));
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
            "The claims, as inequalities between means over the seeds", ["claim", "holds", "found", "bound", "metric"],
            [.. sweep.Gates.OrderBy(gate => gate.Held).Select(gate => (string[])
                [gate.Name, gate.Held ? "yes" : "no", gate.Found is { } found ? Chart.Text(found) : "–", gate.Expect, gate.Metric])]));
    }

    static string Seeds(SweepReport.Row row) => string.Join(", ", row.Values.Where(value => value.Mean is not null).Select(value => value.Seeds).Distinct().Order().Select(n => Chart.Text(n)));
}
