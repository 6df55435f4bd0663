using System.Text;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>One difference between a stage now and its lock entry.</summary>
/// <param name="Kind">stage, command, dep, param, toolchain or out.</param>
/// <param name="Change">new, modified, deleted or missing.</param>
public sealed record Reason(string Kind, string Item, string Change, string? Old, string? New)
{
    const int ShownDigits = 12;

    public override string ToString() => (Kind, Old, New) switch
    {
        ("stage", _, _) => Change,
        ("command", { } old, { } now) => FirstDifference(old, now),
        (_, null, null) => $"{Kind} {Item}: {Change}",
        (_, null, { } now) => $"{Kind} {Item}: {Change}: {Short(now)}",
        (_, { } old, null) => $"{Kind} {Item}: {Change} (was {Short(old)})",
        (_, { } old, { } now) => $"{Kind} {Item}: {Change}: {Short(old)} -> {Short(now)}",
    };

    static string FirstDifference(string old, string now)
    {
        var (before, after) = old.Split('\n').Zip(now.Split('\n')).FirstOrDefault(p => p.First != p.Second);
        return before is null ? "command: lines added or removed" : $"command: modified: {before} -> {after}";
    }

    static string Short(string value) => Hashes.IsSha256(value) ? value[..ShownDigits] : value;
}

/// <summary>A stage as it would run at this moment.</summary>
/// <param name="Missing">Deps that do not exist.</param>
public sealed record StageState(
    Stage Stage, IReadOnlyList<LockedPath> Deps, IReadOnlyList<string> Missing, SortedDictionary<string, string> Params, SortedDictionary<string, string> Toolchain)
{
    public static StageState Of(Stage stage, Project project, SortedDictionary<string, string> toolchain, FileHashes hashes)
    {
        var found = stage.Deps.Order(StringComparer.Ordinal).Select(d => (Path: d, State: hashes.Of(Path.Combine(project.Root, d)))).ToArray();
        return new StageState(
            stage,
            [.. found.Where(f => f.State is not null).Select(f => new LockedPath(f.Path, f.State.GetValueOrDefault().Hash, f.State.GetValueOrDefault().Size))],
            [.. found.Where(f => f.State is null).Select(f => f.Path)],
            new SortedDictionary<string, string>(stage.Params.ToDictionary(), StringComparer.Ordinal),
            toolchain);
    }

    /// <summary>SHA-256 over command, deps, params and toolchain.</summary>
    public string Key
    {
        get
        {
            var text = new StringBuilder(Stage.Command).Append('\0');
            foreach (var dep in Deps)
            {
                text.Append(dep.Path).Append('\0').Append(dep.Sha256).Append('\0');
            }
            foreach (var (name, value) in Params.Concat(Toolchain))
            {
                text.Append(name).Append('\0').Append(value).Append('\0');
            }
            return Hashes.Sha256(Encoding.UTF8.GetBytes(text.ToString()));
        }
    }

    /// <summary>Why the stage is not up to date; none: it is.</summary>
    public IReadOnlyList<Reason> Against(LockedStage? locked, Project project, FileHashes hashes)
    {
        if (locked is null)
        {
            return [new Reason("stage", Stage.Name, "never finished", null, null)];
        }
        if (Stage.Deps.Count == 0 && Stage.Outs.Count == 0)
        {
            return [new Reason("stage", Stage.Name, "has no deps and no outs, so it always runs", null, null)];
        }
        return [.. Definition(locked), .. Changes("dep", Hashed(locked.Deps), Hashed(Deps)), .. Changes("toolchain", locked.Toolchain, Toolchain), .. Outs(locked, project, hashes)];
    }

    /// <summary>Differences of command and params.</summary>
    public IEnumerable<Reason> Definition(LockedStage locked)
    {
        if (locked.Cmd != Stage.Command)
        {
            yield return new Reason("command", Stage.Name, "modified", locked.Cmd, Stage.Command);
        }
        foreach (var reason in Changes("param", locked.Params, Params))
        {
            yield return reason;
        }
    }

    /// <summary>Differences of the outs on disk from what the stage left, and of what it is to write from what it wrote.</summary>
    public IEnumerable<Reason> Outs(LockedStage locked, Project project, FileHashes hashes)
    {
        var now = Stage.Outs.Select(o => (Path: o, State: hashes.Of(Path.Combine(project.Root, o)))).ToArray();
        return Changes("out", Hashed(locked.Outs), now.ToDictionary(o => o.Path, o => o.State?.Hash ?? ""))
            .Select(r => r.New is "" ? r with { New = null, Change = "missing" } : r);
    }

    public static IEnumerable<Reason> Changes(string kind, IReadOnlyDictionary<string, string> old, IReadOnlyDictionary<string, string> now)
    {
        foreach (var item in old.Keys.Union(now.Keys).Order(StringComparer.Ordinal))
        {
            var before = old.GetValueOrDefault(item);
            var after = now.GetValueOrDefault(item);
            if (before != after)
            {
                yield return new Reason(kind, item, before is null ? "new" : after is null ? "deleted" : "modified", before, after);
            }
        }
    }

    static Dictionary<string, string> Hashed(IReadOnlyList<LockedPath> paths) => paths.ToDictionary(p => p.Path, p => p.Sha256);
}
