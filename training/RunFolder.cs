using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// The files of one training run: <c>config.json</c>, <c>metrics.jsonl</c> and <c>checkpoints/{last,best}.{npz,json}</c>; and what is made of
/// its best model: <c>evaluation.json</c> and <c>package/</c>.
/// </summary>
public sealed class RunFolder
{
    /// <summary>What '--resume --force' may change: how training goes on, never what the weights so far were made of.</summary>
    public static IReadOnlyList<string> Changeable { get; } =
    [
        "trainer.epochs", "trainer.early_stopping", "trainer.patience", "trainer.learning_rate", "trainer.clip_norm", "trainer.precision",
        "trainer.deterministic", "trainer.threads", "trainer.device", "trainer.prefetch",
    ];

    static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };

    readonly JsonObject _engines;
    readonly bool _resume;

    RunFolder(string path, TrainingOptions options, JsonObject engines, bool resume) =>
        (FullPath, Options, _engines, _resume) = (path, options, engines, resume);

    public string FullPath { get; }

    public TrainingOptions Options { get; }

    public string LastCheckpoint => Path.Combine(FullPath, "checkpoints", "last.npz");

    public string BestCheckpoint => Path.Combine(FullPath, "checkpoints", "best.npz");

    public string Metrics => Path.Combine(FullPath, "metrics.jsonl");

    public string Evaluation => Path.Combine(FullPath, EvaluationReport.FileName);

    /// <summary>Where 'mim export' writes unless it is told otherwise.</summary>
    public string Package => Path.Combine(FullPath, "package");

    /// <summary>What the run was trained with.</summary>
    public IReadOnlyDictionary<string, string> Engines
    {
        get
        {
            var config = ConfigPath(FullPath);
            return JsonNode.Parse(File.ReadAllBytes(config))?["engines"] is JsonObject engines
                ? engines.ToDictionary(engine => engine.Key, engine => $"{engine.Value}")
                : throw new InvalidDataException($"{config}: expected the key 'engines', as 'mim train' writes it. Train again.");
        }
    }

    public static bool Exists(string path) => File.Exists(ConfigPath(path));

    /// <summary>Whether there is something to resume from: a run that was ended within its first second has a configuration alone.</summary>
    public static bool HasCheckpoint(string path) => File.Exists(Path.Combine(path, "checkpoints", "last.npz"));

    /// <summary>An existing run, as 'evaluate' and 'export' want it.</summary>
    public static RunFolder Open(string path)
    {
        var config = ConfigPath(path);
        return Exists(path)
            ? new RunFolder(path, ReadOptions(config), [], resume: true)
            : throw new UsageException(
                $"{path}: expected a training run with its config.json, found {(Directory.Exists(path) ? "none" : "no folder")}. "
                + "Train one: 'mim train --out FOLDER'.");
    }

    /// <summary>
    /// A folder to train into; nothing is written yet. A run of another configuration, or an unfinished one of the same, is accepted only with
    /// <paramref name="force"/>, and with <paramref name="resume"/> there must be one to resume; both together change only how it goes on.
    /// </summary>
    public static RunFolder Prepare(string path, TrainingOptions options, JsonObject engines, bool resume, bool force)
    {
        if (File.Exists(path))
        {
            throw new UsageException($"{path}: expected a folder to train into, found a file. Choose another --out.");
        }
        AtomicFile.RequireNoFileAbove(path);
        var folder = new RunFolder(path, options, engines, resume);
        var config = ConfigPath(path);
        if (File.Exists(config) && (resume || !force))
        {
            var differences = Differences(ReadOptions(config), options).ToArray();
            var refused = force ? [.. differences.Where(difference => !Changeable.Contains(difference.Path))] : differences;
            if (refused.Length > 0)
            {
                var remedy = resume
                    ? $"Give the old one: --resume --force changes only {string.Join(", ", Changeable)}."
                    : "Choose another --out, or replace it with --force.";
                throw new UsageException(
                    $"{path}: holds a run of another configuration.\n{string.Join('\n', refused.Select(d => d.Text))}\n{remedy}");
            }
            if (!resume && File.Exists(folder.LastCheckpoint) && Checkpoint.Read(folder.LastCheckpoint) is { State.Finished: false } unfinished)
            {
                throw new UsageException(
                    $"{path}: holds an unfinished run of this configuration (step {unfinished.State.Step}). "
                    + "--resume continues it, --force starts over.");
            }
        }
        if (resume && !File.Exists(folder.LastCheckpoint))
        {
            throw new UsageException($"{folder.LastCheckpoint}: expected the checkpoint to resume from, found none. Train without --resume.");
        }
        return folder;
    }

    /// <summary>Writes the configuration; what an earlier run left goes first, unless it is resumed.</summary>
    public void Begin()
    {
        Directory.CreateDirectory(Path.Combine(FullPath, "checkpoints"));
        if (!_resume)
        {
            foreach (var stale in new[] { LastCheckpoint, BestCheckpoint })
            {
                File.Delete(stale);
                File.Delete(Path.ChangeExtension(stale, ".json"));
            }
            File.Delete(Metrics);
            File.Delete(Evaluation);
            if (File.Exists(Path.Combine(Package, ModelManifest.FileName)))
            {
                Directory.Delete(Package, recursive: true);
            }
        }
        var config = new JsonObject { ["options"] = Options.ToJson(), ["engines"] = _engines.DeepClone() };
        AtomicFile.WriteText(ConfigPath(FullPath), config.ToJsonString(s_indented) + "\n");
    }

    /// <summary>Appends one line and flushes it.</summary>
    public void AppendMetrics(JsonObject line) => File.AppendAllText(Metrics, line.ToJsonString() + "\n");

    /// <summary>Drops what was measured after <paramref name="epoch"/>, and a line cut short.</summary>
    public void TruncateMetrics(int epoch)
    {
        if (!File.Exists(Metrics))
        {
            return;
        }
        var kept = new StringBuilder();
        foreach (var line in File.ReadLines(Metrics))
        {
            if (EpochOf(line) is not { } found || found > epoch)
            {
                break;
            }
            kept.Append(line).Append('\n');
        }
        AtomicFile.WriteText(Metrics, kept.ToString());
    }

    static int? EpochOf(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            return document.RootElement.TryGetProperty("epoch", out var epoch) ? epoch.GetInt32() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    static string ConfigPath(string path) => Path.Combine(path, "config.json");

    static TrainingOptions ReadOptions(string config)
    {
        var utf8 = File.ReadAllBytes(config);
        var reader = new Utf8JsonReader(utf8);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1 && reader.ValueTextEquals("options"))
                {
                    reader.Read();
                    var start = (int)reader.TokenStartIndex;
                    reader.Skip();
                    // JSON is YAML. As many lines before it as in the file keep the faults' line numbers right.
                    var before = new string('\n', utf8.AsSpan(0, start).Count((byte)'\n'));
                    return TrainingOptions.Parse(before + Encoding.UTF8.GetString(utf8.AsSpan(start, (int)reader.BytesConsumed - start)), config);
                }
            }
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{config}:{e.LineNumber + 1}: not JSON. {StrictJson.Reason(e)} Train again.", e);
        }
        throw new InvalidDataException($"{config}: expected an object with 'options', as 'mim train' writes it. Train again.");
    }

    /// <summary>Dotted keys, each with a line that says both values.</summary>
    internal static IEnumerable<(string Path, string Text)> Differences(TrainingOptions before, TrainingOptions now) =>
        Differences(before.ToJson(), now.ToJson(), "");

    static IEnumerable<(string Path, string Text)> Differences(JsonNode? before, JsonNode? now, string path)
    {
        if (before is JsonObject a && now is JsonObject b)
        {
            return a.Select(e => e.Key).Union(b.Select(e => e.Key))
                .SelectMany(key => Differences(a[key], b[key], path.Length == 0 ? key : $"{path}.{key}"));
        }
        return JsonNode.DeepEquals(before, now) ? [] : [(path, $"  {path}: {Text(before)} there, {Text(now)} now")];
    }

    static string Text(JsonNode? value) => value?.ToJsonString() ?? "none";
}
