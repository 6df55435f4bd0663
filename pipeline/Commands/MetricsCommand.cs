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
        var diff = new Command("diff", "Compare the metrics files with the values in the last lock.") { all };
        var options = PipelineOptions.AddTo(diff);
        diff.SetAction((parsed, _) => options.UseAsync(parsed, project, (file, run) =>
        {
            var table = new Table().Border(TableBorder.Rounded).AddColumns("file", "metric", "lock", "now", "difference");
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
                        table.AddRow(Markup.Escape(path), Markup.Escape(key), Show(old), Show(found), old is { } a && found is { } b ? Show(b - a) : "-");
                    }
                }
            }
            if (table.Rows.Count == 0)
            {
                Console.WriteLine($"no metric differs from {file.LockPath}");
            }
            else
            {
                Terminal.Out().Write(table);
            }
            return Task.FromResult(ExitCode.Done);
        }));
        return new Command("metrics", "Look at the metrics of a pipeline.") { diff };
    }

    static string Show(double? value) => value is { } number ? Comparison.Format(number) : "-";
}
