using System.Globalization;
using System.Text.RegularExpressions;
using Mim.Configuration;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>One step: commands that turn <see cref="Deps"/> into <see cref="Outs"/>. Everything is resolved: no <c>${}</c> is left. Paths are relative to the project root.</summary>
public sealed record Stage
{
    public required string Name { get; init; }

    /// <summary>Shell commands, run in order; the first that fails ends the stage.</summary>
    public required IReadOnlyList<string> Commands { get; init; }

    public IReadOnlyList<string> Deps { get; init; } = [];

    /// <summary>Declared by the stage or named in its command.</summary>
    public IReadOnlyDictionary<string, string> Params { get; init; } = new Dictionary<string, string>();

    /// <summary>Files and folders that the stage writes whole, metrics files included. They are removed before it runs.</summary>
    public IReadOnlyList<string> Outs { get; init; } = [];

    /// <summary>Outs, or files in them, that are JSON with numbers in it: their values go into the lock.</summary>
    public IReadOnlyList<string> Metrics { get; init; } = [];

    public string Command => string.Join('\n', Commands);
}

/// <summary>A row of the table that a run ends with.</summary>
/// <param name="Key">Dotted path in a metrics file.</param>
/// <param name="HigherIsBetter">Which value is marked; null marks none.</param>
public sealed record ComparisonRow(string Label, string Key, string? Unit, bool? HigherIsBetter);

/// <param name="Columns">Title and the metrics aliases in which its rows are looked up, in order.</param>
public sealed record ComparisonTable(IReadOnlyList<KeyValuePair<string, IReadOnlyList<string>>> Columns, IReadOnlyList<ComparisonRow> Rows);

/// <summary>A row of a sweep's table: one setting.</summary>
/// <param name="Setting">Name of each of the matrix's lists, and its value here.</param>
/// <param name="Alias">Whose metrics it shows.</param>
/// <param name="Published">What others found, a text for each column; null: nothing.</param>
public sealed record SweepRow(string Label, IReadOnlyDictionary<string, string> Setting, string Alias, IReadOnlyList<string>? Published);

/// <summary>A table with one row for each setting of a matrix, over seeds where a metrics file has several.</summary>
/// <param name="Columns">Title and dotted path in the metrics files.</param>
/// <param name="Source">Where the published numbers come from.</param>
/// <param name="Page">Where a page with the table, and figures over a setting, is written; null: nowhere.</param>
public sealed record SweepTable(
    IReadOnlyList<KeyValuePair<string, string>> Columns, IReadOnlyList<SweepRow> Rows, string? Source, SweepPage? Page);

/// <param name="Path">HTML file.</param>
/// <param name="Over">The matrix's list that is the figures' horizontal axis; null: no figures.</param>
/// <param name="Reading">What its numbers say, a paragraph each.</param>
public sealed record SweepPage(string Path, string Title, string? Over, IReadOnlyList<string> Reading);

/// <summary><c>pipeline.yml</c>, validated: what to run, in which order it may run, and what must hold afterwards.</summary>
public sealed partial record PipelineFile
{
    /// <summary>Relative difference that <c>--locked</c> allows a metric on other hardware, unless the file says otherwise.</summary>
    public const double DefaultTolerance = 0.05;

    static readonly string[] s_pageKeys = ["title", "over", "reading"];
    static readonly string[] s_keys = ["params", "metrics", "stages", "gates", "comparison", "tolerance"];
    static readonly string[] s_stageKeys = [Matrix.Key, "cmd", "deps", "params", "outs", "metrics"];
    static readonly string[] s_gateKeys = ["name", Matrix.Key, "metric", "expect", "better"];
    static readonly string[] s_sweepKeys = [Matrix.Key, "label", "metrics", "columns", "published", "source", "page", .. s_pageKeys];

    public required string Path { get; init; }

    /// <summary>File name without extension: the folder under runs/ and .mim/.</summary>
    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    public string LockPath => System.IO.Path.ChangeExtension(Path, ".lock");

    public required IReadOnlyList<Stage> Stages { get; init; }

    /// <summary>Alias → metrics file. A stage with one such file is an alias of it.</summary>
    public required IReadOnlyDictionary<string, string> Metrics { get; init; }

    public required IReadOnlyList<Gate> Gates { get; init; }

    public required ComparisonTable? Comparison { get; init; }

    /// <summary>The other form of <see cref="Comparison"/>.</summary>
    public required SweepTable? Sweep { get; init; }

    public required double Tolerance { get; init; }

    /// <param name="path">The file.</param>
    /// <param name="overrides"><c>name=value</c>, each naming one of the file's params.</param>
    public static PipelineFile Read(string path, IReadOnlyList<string> overrides)
    {
        var top = StrictYaml.ReadFile(path).Allow(s_keys).Require("stages");
        var values = ReadParams(top, overrides);
        var stages = new List<Stage>();
        foreach (var name in top.Mapping("stages")?.Keys ?? [])
        {
            if (!StageName().IsMatch(name))
            {
                top.Mapping("stages")?.Fault(name, $"stage '{name}': expected letters, digits, '-' and '_'.");
            }
            else if (top.Mapping("stages")?.Mapping(name, s_stageKeys) is { } stage)
            {
                stage.Require("cmd");
                stages.AddRange(Matrix.Read(stage, values).Select(setting => ReadStage(setting.Of(name), stage, values with { Items = setting.Items })));
            }
        }
        if (stages.Count > Matrix.MaxSettings)
        {
            top.Fault("stages", $"expected at most {Matrix.MaxSettings} stages, found {stages.Count}.");
            top.Faults.ThrowIfAny();
        }
        foreach (var twice in stages.GroupBy(s => s.Name).Where(g => g.Count() > 1))
        {
            top.Mapping("stages")?.Mapping(StageGraph.TemplateOf(twice.Key))?.Fault(Matrix.Key, $"two combinations give the stage '{twice.Key}'. Write other values.");
        }
        var metrics = ReadMetrics(top, stages, values);
        var gates = (top.Items("gates") ?? []).SelectMany(node => ReadGates(node, values, metrics.Keys)).ToArray();
        foreach (var twice in gates.GroupBy(g => g.Name).Where(g => g.Count() > 1))
        {
            top.Fault("gates", $"two gates are named '{twice.Key}'. Give each a name of its own; in a '{Matrix.Key}', one with ${{item…}}.");
        }
        var isSweep = (top["comparison"] as YamlMapping)?[Matrix.Key] is not null;
        var comparison = !isSweep && top.Mapping("comparison", "columns", "rows") is { } table ? ReadComparison(table, metrics.Keys) : null;
        var sweep = isSweep && top.Mapping("comparison", s_sweepKeys) is { } swept ? ReadSweep(swept, values, metrics.Keys) : null;
        var tolerance = top.Double("tolerance") ?? DefaultTolerance;
        top.Faults.ThrowIfAny();
        StageGraph.Check(stages, top.Faults, name => top.Mapping("stages")?[StageGraph.TemplateOf(name)]?.Where ?? path);
        top.Faults.ThrowIfAny();
        return new PipelineFile { Path = path, Stages = stages, Metrics = metrics, Gates = gates, Comparison = comparison, Sweep = sweep, Tolerance = tolerance };
    }

    static ParamValues ReadParams(YamlMapping top, IReadOnlyList<string> overrides)
    {
        var declared = top.Mapping("params");
        foreach (var item in overrides)
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? item : item[..equals];
            if (equals < 1)
            {
                top.Faults.Add($"-p {item}", "expected name=value.");
            }
            else if (declared?[name] is null)
            {
                top.Faults.Add($"-p {item}", $"unknown param '{name}'.{Nearest.Hint(name, declared?.Keys ?? [])}");
            }
            else
            {
                declared.Set(name, item[(equals + 1)..], $"-p {item}");
            }
        }
        var texts = new Dictionary<string, string>();
        var lists = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var name in declared?.Keys ?? [])
        {
            if (declared?[name] is YamlSequence)
            {
                lists[name] = declared.Texts(name) ?? [];
                continue;
            }
            if (declared?[name] is YamlScalar { IsNull: true } required)
            {
                top.Faults.Add(required.Where, $"param '{name}' has no default. Give it: -p {name}=VALUE");
            }
            texts[name] = declared?[name] is YamlScalar { IsNull: true } ? "" : declared?.Text(name) ?? "";
        }
        return new ParamValues(texts, lists, Setting.None.Items);
    }

    static Dictionary<string, string> ReadMetrics(YamlMapping top, List<Stage> stages, ParamValues values)
    {
        var metrics = new Dictionary<string, string>();
        foreach (var alias in top.Mapping("metrics")?.Keys ?? [])
        {
            var file = values.Substitute(top.Mapping("metrics"), alias, top.Mapping("metrics")?.Text(alias) ?? "", null);
            metrics[alias] = file;
            if (!stages.Any(s => s.Outs.Any(o => file == o || file.StartsWith($"{o}/", StringComparison.Ordinal))))
            {
                top.Mapping("metrics")?.Fault(alias, $"metrics '{alias}': no stage has '{file}' among its outs or metrics.");
            }
        }
        foreach (var stage in stages.Where(s => s.Metrics.Count == 1))
        {
            if (!metrics.TryAdd(stage.Name, stage.Metrics[0]) && metrics[stage.Name] != stage.Metrics[0])
            {
                top.Mapping("metrics")?.Fault(stage.Name, $"metrics '{stage.Name}': the stage of that name writes '{stage.Metrics[0]}'. Choose another name.");
            }
        }
        return metrics;
    }

    static Stage ReadStage(string name, YamlMapping stage, ParamValues values)
    {
        var used = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var param in stage.Texts("params") ?? [])
        {
            if (!values.Texts.ContainsKey(param))
            {
                stage.Fault("params", $"unknown param '{param}' in stage '{name}'.{Nearest.Hint(param, values.Texts.Keys)}");
            }
            else
            {
                used.Add(param);
            }
        }
        var commands = stage["cmd"] is YamlSequence ? stage.Texts("cmd") ?? [] : stage.Text("cmd") is { } one ? [one] : [];
        var outs = Paths(stage, "outs", values, used);
        var metrics = Paths(stage, "metrics", values, used);
        return new Stage
        {
            Name = name,
            Commands = [.. commands.Select(c => values.Substitute(stage, "cmd", c.Trim(), used))],
            Deps = Paths(stage, "deps", values, used),
            // Metrics may lie in a folder that is an out: it is removed and hashed with them.
            Outs = [.. outs.Concat(metrics.Where(m => !outs.Any(o => m.StartsWith($"{o}/", StringComparison.Ordinal)))).Distinct()],
            Metrics = metrics,
            Params = new SortedDictionary<string, string>(used.ToDictionary(p => p, p => values.Texts[p]), StringComparer.Ordinal),
        };
    }

    static string[] Paths(YamlMapping stage, string key, ParamValues values, SortedSet<string> used)
    {
        var paths = (stage.Texts(key) ?? []).Select(p => values.Substitute(stage, key, p, used).TrimEnd('/')).ToArray();
        // Outs are removed before a run: nothing outside the project may be one.
        foreach (var path in paths.Where(_ => key != "deps"))
        {
            RequireInside(stage, key, path, " Outs are removed before a stage runs.");
        }
        return paths;
    }

    static void RequireInside(YamlMapping mapping, string key, string path, string why)
    {
        if (path.Length == 0 || System.IO.Path.IsPathRooted(path) || path.Split('/').Any(part => part is "" or "." or ".."))
        {
            mapping.Fault(key, $"{key}: expected a path inside the project without '.' and '..', found '{path}'.{why}");
        }
    }

    static IEnumerable<Gate> ReadGates(YamlNode node, ParamValues values, IReadOnlyCollection<string> aliases)
    {
        if (node is not YamlMapping gate)
        {
            node.Faults.Add(node.Where, $"expected a gate with {string.Join(", ", s_gateKeys)}, found {node.Describe()}.");
            yield break;
        }
        gate.Allow(s_gateKeys).Require("name", "metric", "expect");
        var better = gate.OneOf("better", "higher", "lower");
        foreach (var setting in Matrix.Read(gate, values))
        {
            var own = values with { Items = setting.Items };
            string? TextOf(string key) => gate.Text(key) is { } text ? own.Substitute(gate, key, text, null) : null;
            if (TextOf("name") is { } name && TextOf("metric") is { } metric && TextOf("expect") is { } expect
                && Gate.Parse(name, metric, expect, better, aliases, message => gate.Fault("metric", message)) is { } parsed)
            {
                yield return parsed;
            }
        }
    }

    static SweepTable ReadSweep(YamlMapping table, ParamValues values, IReadOnlyCollection<string> aliases)
    {
        table.Require("label", "metrics", "columns");
        var columns = table.Mapping("columns");
        var keys = (columns?.Keys ?? []).Select(title => KeyValuePair.Create(title, columns?.Text(title) ?? "")).ToArray();
        var published = table.Mapping("published");
        var rows = new List<SweepRow>();
        foreach (var setting in Matrix.Read(table, values))
        {
            var own = values with { Items = setting.Items };
            var label = own.Substitute(table, "label", table.Text("label") ?? "", null);
            var alias = own.Substitute(table, "metrics", table.Text("metrics") ?? "", null);
            if (!aliases.Contains(alias))
            {
                table.Fault("metrics", $"unknown metrics '{alias}'.{Nearest.Hint(alias, aliases)}");
            }
            var others = published?.Texts(label);
            if (others is not null && others.Count != keys.Length)
            {
                published?.Fault(label, $"'{label}': expected a text for each of the {keys.Length} columns, found {others.Count}.");
            }
            rows.Add(new SweepRow(label, setting.ByAxis, alias, others));
        }
        return new SweepTable(keys, rows, table.Text("source"), ReadPage(table, values, rows));
    }

    static SweepPage? ReadPage(YamlMapping table, ParamValues values, List<SweepRow> rows)
    {
        if (table["page"] is null)
        {
            foreach (var alone in s_pageKeys.Where(key => table[key] is not null))
            {
                table.Fault(alone, $"'{table.Path}.{alone}': expected 'page' beside it, the HTML file to write.");
            }
            return null;
        }
        var path = values.Substitute(table, "page", table.Text("page") ?? "", null);
        RequireInside(table, "page", path, "");
        var over = table.Text("over");
        var axes = rows.SelectMany(row => row.Setting.Keys).Distinct().ToArray();
        if (over is not null && rows.Count > 0 && !axes.Contains(over))
        {
            table.Fault(
                "over", $"'{table.Path}.over': expected one of the lists of '{Matrix.Key}', found '{over}'.{Nearest.Hint(over, axes)}");
        }
        else if (over is not null
            && rows.Select(row => row.Setting[over]).FirstOrDefault(text => !double.TryParse(text, CultureInfo.InvariantCulture, out _)) is { } text)
        {
            table.Fault("over", $"'{table.Path}.over': expected a list of numbers, found '{text}' in '{over}'.");
        }
        return new SweepPage(path, table.Text("title") ?? "", over, table.Texts("reading") ?? []);
    }

    static ComparisonTable ReadComparison(YamlMapping table, IReadOnlyCollection<string> aliases)
    {
        var columns = new List<KeyValuePair<string, IReadOnlyList<string>>>();
        foreach (var title in table.Mapping("columns")?.Keys ?? [])
        {
            var names = table.Mapping("columns")?.Texts(title) ?? [];
            foreach (var unknown in names.Except(aliases))
            {
                table.Mapping("columns")?.Fault(title, $"unknown metrics '{unknown}'.{Nearest.Hint(unknown, aliases)}");
            }
            columns.Add(KeyValuePair.Create(title, names));
        }
        var rows = new List<ComparisonRow>();
        foreach (var node in table.Items("rows") ?? [])
        {
            if (node is YamlMapping row)
            {
                row.Allow("label", "key", "unit", "better").Require("label", "key");
                var better = row.OneOf("better", "higher", "lower");
                rows.Add(new ComparisonRow(row.Text("label") ?? "", row.Text("key") ?? "", row.Text("unit"), better is null ? null : better == "higher"));
            }
            else
            {
                node.Faults.Add(node.Where, $"expected a row with label, key, unit, better, found {node.Describe()}.");
            }
        }
        return new ComparisonTable(columns, rows);
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    private static partial Regex StageName();
}
