using System.CommandLine;
using Mim.Models;
using Spectre.Console;

namespace Mim.Pipeline;

/// <summary><c>mim metrics diff</c>: the metrics files as they are against the values in the lock.</summary>
public static class MetricsCommand
{
    public static Command Create(Project project)
    {
        var all = new Option<bool>("--all") { Description = "List the metrics that did not change, too. Default: false." };
        var json = new Option<bool>("--json") { Description = "Write the differences as JSON. Default: false." };
        var diff = new Command("diff", "Compare the metrics files with the values in the last lock.") { all, json };
        var options = PipelineOptions.AddTo(diff);
        diff.SetAction((parsed, _) => options.UseAsync(parsed, project, (file, run) =>
        {
            var rows = new List<Difference>();
            foreach (var path in file.Stages.SelectMany(s => s.Metrics).Order(StringComparer.Ordinal))
            {
                var full = Path.Combine(project.Root, path);
                var now = File.Exists(full) ? MetricFile.Read(full) : [];
                var locked = run.Locked.Values.Select(s => s.Metrics.GetValueOrDefault(path)).FirstOrDefault(m => m is not null) ?? [];
                foreach (var key in locked.Keys.Union(now.Keys).Order(StringComparer.Ordinal))
                {
                    double? old = locked.TryGetValue(key, out var was) ? was : null;
                    double? found = now.TryGetValue(key, out var value) ? value : null;
                    if (parsed.GetValue(all) || old is null || found is null || !old.Value.Equals(found.Value))
                    {
                        rows.Add(new Difference(path, key, old, found));
                    }
                }
            }
            if (parsed.GetValue(json))
            {
                Json.Print(rows);
            }
            else
            {
                Print(rows, file.LockPath);
            }
            return Task.FromResult(ExitCode.Done);
        }));
        return new Command("metrics", "Look at the metrics of a pipeline.") { diff };
    }

    /// <param name="Lock">In the lock; null: not there.</param>
    sealed record Difference(string File, string Metric, double? Lock, double? Now);

    static void Print(List<Difference> rows, string lockPath)
    {
        if (rows.Count == 0)
        {
            Console.WriteLine($"no metric differs from {lockPath}");
            return;
        }
        var table = new Table().Border(TableBorder.Rounded).AddColumns("file", "metric", "lock", "now", "difference");
        foreach (var row in rows)
        {
            table.AddRow(Markup.Escape(row.File), Markup.Escape(row.Metric), Show(row.Lock), Show(row.Now), Show(row.Now - row.Lock));
        }
        Terminal.Out().Write(table);
    }

    static string Show(double? value) => value is { } number ? Comparison.Format(number) : "-";
}
