using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>A file or folder as a stage found or left it.</summary>
public sealed record LockedPath(string Path, string Sha256, long Size);

/// <summary>What a finished stage was: enough to know whether it would come out the same again, and why not.</summary>
public sealed record LockedStage
{
    public required string Cmd { get; init; }
    public required IReadOnlyList<LockedPath> Deps { get; init; }
    public required SortedDictionary<string, string> Params { get; init; }
    public required SortedDictionary<string, string> Toolchain { get; init; }
    public required IReadOnlyList<LockedPath> Outs { get; init; }

    /// <summary>Metrics file → its numbers.</summary>
    public required SortedDictionary<string, SortedDictionary<string, double>> Metrics { get; init; }

    public required double Seconds { get; init; }

    /// <summary>SHA-256 over command, deps, params and toolchain: what MIM_STAGE_KEY told the stage.</summary>
    public required string StageKey { get; init; }
}

/// <summary><c>pipeline.lock</c>: JSON with every key in ordinal order, so that two runs of the same thing differ in nothing but seconds.</summary>
public sealed record PipelineLock
{
    const int Version = 1;

    static readonly JsonSerializerOptions s_json = new(JsonSerializerOptions.Default)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    [JsonPropertyName("lock_version")]
    public int LockVersion { get; init; } = Version;

    public SortedDictionary<string, LockedStage> Stages { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Regression gate → its metric in the last run whose gates all held.</summary>
    public SortedDictionary<string, double> Gates { get; init; } = new(StringComparer.Ordinal);

    /// <returns>An empty lock when there is no file.</returns>
    public static PipelineLock Read(string path)
    {
        if (!File.Exists(path))
        {
            return new PipelineLock();
        }
        try
        {
            var read = JsonSerializer.Deserialize<PipelineLock>(File.ReadAllBytes(path), s_json);
            return read is { LockVersion: Version }
                ? read
                : throw new UsageException($"{path}: expected lock_version {Version}, found {read?.LockVersion}. Remove the file to start afresh.");
        }
        catch (JsonException e)
        {
            throw new UsageException(
                $"{path}:{e.LineNumber + 1}: not a pipeline lock. {StrictJson.Reason(e)} Restore it from version control, or remove it to start afresh.", e);
        }
    }

    public void Write(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, s_json) + "\n");
}
