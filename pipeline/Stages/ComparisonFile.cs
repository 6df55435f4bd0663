using Mim.Models;

namespace Mim.Pipeline;

/// <summary>
/// A sweep's table as <c>comparison.json</c>: what 'mim report --comparison' draws. Each row has a value for every column; its mean is null where it
/// was not measured.
/// </summary>
public static class ComparisonFile
{
    /// <param name="read">The numbers of a metrics alias, or null when its file is not there.</param>
    /// <param name="environment">Engines and hardware, in words.</param>
    public static void Write(
        string path, string pipeline, SweepTable table, Func<string, IReadOnlyDictionary<string, double>?> read, IReadOnlyList<GateResult> gates,
        string environment)
    {
        var rows = from row in table.Rows
                   let metrics = read(row.Alias)
                   where metrics is not null
                   select new
                   {
                       label = row.Label,
                       setting = row.Setting,
                       values = table.Columns.Select(column => Statistic(metrics, column.Value)),
                       published = row.Published,
                   };
        AtomicFile.WriteText(path, Json.Text(new
        {
            pipeline,
            title = table.Page?.Title is { Length: > 0 } title ? title : pipeline,
            over = table.Page?.Over,
            reading = table.Page?.Reading ?? [],
            columns = table.Columns.Select(column => new { title = column.Key, key = column.Value }),
            rows,
            source = table.Source,
            gates = gates.Select(result => new
            {
                name = result.Gate.Name,
                metric = result.Gate.Metric,
                expect = result.Gate.Expect,
                found = Finite(result.Found),
                held = result.Held,
            }),
            environment,
        }) + "\n");
    }

    /// <summary>Over seeds where the file has several: evaluation-seeds.json has mean and deviation under <c>metrics</c>.</summary>
    static object Statistic(IReadOnlyDictionary<string, double> metrics, string key)
    {
        double? Value(string name) => metrics.TryGetValue(name, out var value) ? Finite(value) : null;
        return Value($"metrics.{key}.mean") is { } mean
            ? new { mean = (double?)mean, sd = Value($"metrics.{key}.sd"), seeds = (int)(Value($"metrics.{key}.n") ?? 1) }
            : new { mean = Value(key), sd = (double?)null, seeds = Value(key) is null ? 0 : 1 };
    }

    static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
