using System.Globalization;
using System.Text;
using Mim.Models;
using Spectre.Console;

namespace Mim.Pipeline;

/// <summary>The tables that a run ends with: metrics side by side, and what each stage took. The same cells go to the terminal and into comparison.md.</summary>
public sealed class Comparison
{
    readonly List<(string Title, string[] Header, List<string[]> Rows)> _tables = [];
    readonly List<string> _notes = [];

    /// <summary>Rows without a value are left out: their stages were not asked for.</summary>
    /// <param name="read">The numbers of a metrics alias, or null when its file is not there.</param>
    public void AddMetrics(ComparisonTable table, Func<string, IReadOnlyDictionary<string, double>?> read)
    {
        var rows = new List<string[]>();
        foreach (var row in table.Rows)
        {
            var values = table.Columns.Select(c => c.Value.Select(alias => read(alias) is { } metrics && metrics.TryGetValue(row.Key, out var value) ? value : (double?)null)
                .FirstOrDefault(v => v is not null)).ToArray();
            var known = values.OfType<double>().ToArray();
            if (known.Length == 0)
            {
                continue;
            }
            double? best = known.Length < 2 || row.HigherIsBetter is null || known.Distinct().Count() == 1 ? null : row.HigherIsBetter.Value ? known.Max() : known.Min();
            rows.Add([row.Unit is null ? row.Label : $"{row.Label} [{row.Unit}]", .. values.Select(v => v is null ? "-" : Format(v.Value) + (v == best ? " *" : ""))]);
        }
        if (rows.Count > 0)
        {
            _tables.Add(("Comparison (* better)", ["", .. table.Columns.Select(c => c.Key)], rows));
        }
    }

    /// <summary>Settings that were not run are left out. A value over seeds reads mean ± s.d., of one seed the value alone.</summary>
    /// <param name="read">The numbers of a metrics alias, or null when its file is not there.</param>
    public void AddSweep(SweepTable table, Func<string, IReadOnlyDictionary<string, double>?> read)
    {
        var withPublished = table.Rows.Any(r => r.Published is not null);
        var rows = new List<string[]>();
        foreach (var row in table.Rows)
        {
            if (read(row.Alias) is { } metrics)
            {
                rows.Add([row.Label, .. table.Columns.SelectMany((column, i) =>
                    withPublished ? new[] { OverSeeds(metrics, column.Value), row.Published?[i] ?? "-" } : [OverSeeds(metrics, column.Value)])]);
            }
        }
        if (rows.Count > 0)
        {
            _tables.Add(("Comparison", ["", .. table.Columns.SelectMany(c => withPublished ? new[] { c.Key, "published" } : [c.Key])], rows));
            if (table.Source is { } source)
            {
                AddNote($"published: {source}");
            }
        }
    }

    public void AddStages(IReadOnlyList<StageResult> results) => _tables.Add(("Stages", ["stage", "seconds", ""], [.. results.Where(r => r.Outcome != StageOutcome.NotRun).Select(r => new[]
    {
        r.Stage.Name,
        r.Seconds is { } seconds ? seconds.ToString("F1", CultureInfo.InvariantCulture) : "-",
        r.Outcome switch { StageOutcome.Ran => "ran", StageOutcome.UpToDate => "up to date", _ => "failed" },
    })]));

    public void AddNote(string note) => _notes.Add(note);

    public void Print()
    {
        var console = Terminal.Out();
        foreach (var (title, header, rows) in _tables)
        {
            var table = new Table().Border(TableBorder.Rounded).Title(Markup.Escape(title));
            for (var i = 0; i < header.Length; i++)
            {
                var column = new TableColumn(Markup.Escape(header[i])).NoWrap();
                table.AddColumn(i == 0 ? column : column.RightAligned());
            }
            foreach (var row in rows)
            {
                table.AddRow([.. row.Select(cell => new Text(cell, cell.EndsWith(" *", StringComparison.Ordinal) ? new Style(decoration: Decoration.Bold) : Style.Plain))]);
            }
            console.Write(table);
        }
        foreach (var note in _notes)
        {
            Console.WriteLine(note);
        }
    }

    public void Write(string path)
    {
        var text = new StringBuilder();
        foreach (var (title, header, rows) in _tables)
        {
            text.Append(CultureInfo.InvariantCulture, $"## {title}\n\n");
            text.Append(Line(header)).Append(Line([.. header.Select((_, i) => i == 0 ? "---" : "--:")])).AppendJoin("", rows.Select(Line)).Append('\n');
        }
        text.AppendJoin("", _notes.Select(n => $"- {n}\n"));
        AtomicFile.WriteText(path, text.ToString());
    }

    public static string Format(double value) => Math.Abs(value) switch
    {
        0 => "0",
        >= 1e6 or < 1e-3 => value.ToString("0.00e+0", CultureInfo.InvariantCulture),
        _ when value == Math.Floor(value) => value.ToString("F0", CultureInfo.InvariantCulture),
        _ => value.ToString("F4", CultureInfo.InvariantCulture),
    };

    /// <summary>evaluation-seeds.json has a metric's mean and deviation under <c>metrics</c>, where evaluation.json has its value.</summary>
    static string OverSeeds(IReadOnlyDictionary<string, double> metrics, string key) =>
        metrics.TryGetValue($"metrics.{key}.mean", out var mean)
            ? string.Create(CultureInfo.InvariantCulture, $"{mean:G4}") + (metrics.TryGetValue($"metrics.{key}.sd", out var deviation)
                ? string.Create(CultureInfo.InvariantCulture, $" ± {deviation:G2}")
                : "")
            : metrics.TryGetValue(key, out var value) ? Format(value) : "-";

    static string Line(string[] cells) => $"| {string.Join(" | ", cells.Select(c => c.Replace("|", "\\|", StringComparison.Ordinal)))} |\n";
}
