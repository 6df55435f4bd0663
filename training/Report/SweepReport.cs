using System.Globalization;
using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.Training;

/// <summary>A sweep over settings as 'mim run' writes it, <c>comparison.json</c>.</summary>
/// <param name="Over">The setting that the figures are drawn over; null: no figures.</param>
/// <param name="Reading">What its numbers say, a paragraph each.</param>
/// <param name="Source">Where the published values come from.</param>
/// <param name="Environment">Engines and hardware, in words.</param>
public sealed partial record SweepReport(
    string Pipeline, string Title, string? Over, IReadOnlyList<string> Reading, IReadOnlyList<SweepReport.Column> Columns, IReadOnlyList<SweepReport.Row> Rows,
    string? Source, IReadOnlyList<SweepReport.Claim> Gates, string Environment)
{
    public sealed record Column(string Title, string Key);

    /// <param name="Values">One for each column.</param>
    /// <param name="Published">The same of others, as texts; null: nothing.</param>
    public sealed record Row(
        string Label, IReadOnlyDictionary<string, string> Setting, IReadOnlyList<Statistic> Values, IReadOnlyList<string>? Published);

    /// <param name="Mean">Null: not measured.</param>
    /// <param name="Sd">Over the seeds; null for one, and where others gave none.</param>
    public sealed record Statistic(double? Mean, double? Sd, int Seeds)
    {
        /// <summary>"4.168 ± 2.2": the deviation to two digits, the mean to four.</summary>
        public override string ToString() => Mean is null ? "–"
            : FormattableString.Invariant($"{Mean:G4}") + (Sd is { } deviation ? FormattableString.Invariant($" ± {deviation:G2}") : "");
    }

    public sealed record Claim(string Name, string Metric, string Expect, double? Found, bool Held);

    public static SweepReport Read(string path)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"--comparison: expected a file that 'mim run' wrote, found no '{path}'.");
        }
        var report = StrictJson.Read<SweepReport>(File.ReadAllBytes(path), path);
        foreach (var row in report.Rows)
        {
            if (row.Values.Count != report.Columns.Count || (row.Published is { } published && published.Count != report.Columns.Count))
            {
                throw new InvalidDataException(
                    $"{path}: row '{row.Label}': expected a value for each of the {report.Columns.Count} columns. Run the pipeline again.");
            }
            if (report.Over is { } over
                && !(row.Setting.TryGetValue(over, out var text) && double.TryParse(text, CultureInfo.InvariantCulture, out _)))
            {
                throw new InvalidDataException(
                    $"{path}: row '{row.Label}': expected a number for '{over}' in its setting. Run the pipeline again.");
            }
        }
        return report;
    }

    /// <summary>"4.88 ± 1.88" or "0.95"; null for what is no number, such as "about 3".</summary>
    public static Statistic? Parse(string published) => PublishedForm().Match(published) is { Success: true } match
        ? new Statistic(Number(match.Groups["mean"]), match.Groups["sd"].Success ? Number(match.Groups["sd"]) : null, 0)
        : null;

    static double Number(Group group) => double.Parse(group.ValueSpan, NumberStyles.Float, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\s*(?<mean>-?\d*\.?\d+)\s*(±\s*(?<sd>\d*\.?\d+)\s*)?\z")]
    private static partial Regex PublishedForm();
}
