using System.Diagnostics;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>What a user asked of one run.</summary>
public sealed record RunRequest
{
    /// <summary>Only this stage and those it needs.</summary>
    public string? Stage { get; init; }

    /// <summary>Only this stage and those that follow from it.</summary>
    public string? From { get; init; }

    /// <summary>Also run what is up to date.</summary>
    public bool Force { get; init; }

    public bool DryRun { get; init; }

    /// <summary>The lock is the law: write nothing to it, end with exit 3 where the run differs.</summary>
    public bool Locked { get; init; }

    public int Jobs { get; init; } = 1;
}

/// <summary>How a stage came out of a run.</summary>
public enum StageOutcome
{
    UpToDate,
    Ran,
    Failed,

    /// <summary>Not asked for, or behind a stage that failed.</summary>
    NotRun,
}

/// <param name="Seconds">Of this run, or of the run in the lock when it is up to date.</param>
public sealed record StageResult(Stage Stage, StageOutcome Outcome, double? Seconds, IReadOnlyList<Reason> Reasons);

/// <summary>
/// Brings the outs of a pipeline up to date: stages in the order of their edges, independent ones side by side. The lock is written after every stage,
/// so whatever ends the run, finished work is not done again.
/// </summary>
public sealed class PipelineRun
{
    readonly PipelineFile _file;
    readonly Project _project;
    readonly FileHashes _hashes;
    readonly Func<Stage, SortedDictionary<string, string>> _toolchainOf;
    readonly TextWriter _log;
    readonly StageGraph _graph;
    readonly Lock _writing = new();
    readonly List<string> _deviations = [];

    PipelineLock _lock;

    /// <param name="file">The pipeline.</param>
    /// <param name="project">Where its paths start.</param>
    /// <param name="hashes">Caller saves them.</param>
    /// <param name="toolchainOf">What a stage runs with.</param>
    /// <param name="log">Takes the stages' output and one line per event.</param>
    public PipelineRun(PipelineFile file, Project project, FileHashes hashes, Func<Stage, SortedDictionary<string, string>> toolchainOf, TextWriter log)
    {
        _file = file;
        _project = project;
        _hashes = hashes;
        _toolchainOf = toolchainOf;
        _log = TextWriter.Synchronized(log);
        _graph = new StageGraph(file.Stages);
        _lock = PipelineLock.Read(file.LockPath);
    }

    public StageGraph Graph => _graph;

    /// <summary>Metrics that a run under <see cref="RunRequest.Locked"/> found outside the tolerance.</summary>
    public IReadOnlyList<string> MetricDeviations => _deviations;

    /// <summary>The lock's entries, by stage.</summary>
    public IReadOnlyDictionary<string, LockedStage> Locked => _lock.Stages;

    /// <summary>Every stage with the reasons for which it would run; a stage behind such a one is judged by what lies on the disk now.</summary>
    public IReadOnlyList<StageResult> Examine() => [.. _graph.Ordered.Select(stage =>
    {
        var locked = _lock.Stages.GetValueOrDefault(stage.Name);
        var reasons = StateOf(stage).Against(locked, _project, _hashes);
        return new StageResult(stage, reasons.Count == 0 ? StageOutcome.UpToDate : StageOutcome.NotRun, locked?.Seconds, reasons);
    })];

    public StageState StateOf(Stage stage) => StageState.Of(stage, _project, _toolchainOf(stage), _hashes);

    /// <summary>
    /// What <c>--locked</c> refuses before anything runs: other stages, another command, other params, and other deps than the lock's,
    /// those aside that a stage writes.
    /// </summary>
    public IReadOnlyList<string> DefinitionDeviations() =>
    [
        .. _graph.Ordered.SelectMany(DefinitionDeviations),
        .. _lock.Stages.Keys.Where(name => _file.Stages.All(s => s.Name != name))
            .Select(name => $"stage {name}: in {_file.LockPath}, but no longer in {_file.Path}"),
    ];

    IEnumerable<string> DefinitionDeviations(Stage stage)
    {
        if (!_lock.Stages.TryGetValue(stage.Name, out var locked))
        {
            return [$"stage {stage.Name}: not in {_file.LockPath}"];
        }
        var state = StateOf(stage);
        var sources = StageState.Changes("dep",
            locked.Deps.Where(d => !_graph.IsProduced(d.Path)).ToDictionary(d => d.Path, d => d.Sha256),
            state.Deps.Where(d => !_graph.IsProduced(d.Path)).ToDictionary(d => d.Path, d => d.Sha256));
        return state.Definition(locked).Concat(sources).Select(r => $"stage {stage.Name}: {r}");
    }

    /// <summary>Runs what is stale.</summary>
    /// <returns>A result for every stage, in order; and the exit code of the first that failed.</returns>
    public async Task<(IReadOnlyList<StageResult> Results, int ExitCode)> RunAsync(RunRequest request, CancellationToken cancellationToken)
    {
        var selected = Select(request);
        var results = new Dictionary<string, StageResult>();
        var running = new Dictionary<Task<(StageResult Result, int ExitCode)>, Stage>();
        var exitCode = ExitCode.Done;
        // One stage's cancellation must not orphan another's process: all running ones are awaited, whatever happens.
        while (true)
        {
            if (exitCode == ExitCode.Done && !cancellationToken.IsCancellationRequested)
            {
                foreach (var stage in _graph.Ordered.Where(s => selected.Contains(s.Name) && !results.ContainsKey(s.Name) && !running.ContainsValue(s)).ToArray())
                {
                    if (running.Count < request.Jobs && _graph.Before(stage.Name).All(b => !selected.Contains(b) || results.ContainsKey(b)))
                    {
                        running.Add(RunStageAsync(stage, request, results, cancellationToken), stage);
                    }
                }
            }
            if (running.Count == 0)
            {
                break;
            }
            var finished = await Task.WhenAny(running.Keys);
            running.Remove(finished, out _);
            if (finished.IsCanceled)
            {
                continue;
            }
            var (result, code) = await Settle(finished, running.Keys);
            results[result.Stage.Name] = result;
            exitCode = exitCode == ExitCode.Done ? code : exitCode;
        }
        cancellationToken.ThrowIfCancellationRequested();
        return ([.. _graph.Ordered.Select(s => results.GetValueOrDefault(s.Name) ?? new StageResult(s, StageOutcome.NotRun, null, []))], exitCode);
    }

    /// <summary>Judges the gates whose stages are up to date and, when all gates are judged and hold, remembers what later runs may not fall behind.</summary>
    public IReadOnlyList<GateResult> Judge(IReadOnlyList<StageResult> results, bool write)
    {
        var current = results.Where(r => r.Outcome is StageOutcome.Ran or StageOutcome.UpToDate).SelectMany(r => r.Stage.Outs).ToArray();
        bool IsCurrent(string alias) => current.Any(o => _file.Metrics[alias] == o || _file.Metrics[alias].StartsWith($"{o}/", StringComparison.Ordinal));
        var files = new Dictionary<string, IReadOnlyDictionary<string, double>>();
        var judged = new List<GateResult>();
        foreach (var gate in _file.Gates.Where(g => g.Aliases.All(IsCurrent)))
        {
            var found = gate.Evaluate(
                alias => files.TryGetValue(alias, out var known) ? known : files[alias] = MetricFile.Read(Path.Combine(_project.Root, _file.Metrics[alias])),
                alias => _file.Metrics[alias]);
            judged.Add(gate.Judge(found, _lock.Gates.TryGetValue(gate.Name, out var locked) ? locked : null));
        }
        var baselines = judged.Where(j => j.Gate.IsRegression).ToDictionary(j => j.Gate.Name, j => j.Found);
        if (write && judged.Count == _file.Gates.Count && judged.All(j => j.Held) && !baselines.OrderBy(b => b.Key, StringComparer.Ordinal).SequenceEqual(_lock.Gates))
        {
            _lock = _lock with { Gates = new SortedDictionary<string, double>(baselines, StringComparer.Ordinal) };
            _lock.Write(_file.LockPath);
        }
        return judged;
    }

    HashSet<string> Select(RunRequest request)
    {
        var selected = _file.Stages.Select(s => s.Name).ToHashSet();
        if (request.Stage is { } until)
        {
            selected.IntersectWith(_graph.RequireAll(until, "--stage").SelectMany(s => _graph.UpTo(s.Name)));
        }
        if (request.From is { } from)
        {
            selected.IntersectWith(_graph.RequireAll(from, "--from").SelectMany(s => _graph.From(s.Name)));
        }
        return selected;
    }

    /// <summary>A failure other than an exit code (a missing dep, a full disk) waits until the stages beside it are done: their lock entries matter.</summary>
    static async Task<(StageResult Result, int ExitCode)> Settle(Task<(StageResult Result, int ExitCode)> finished, IEnumerable<Task> others)
    {
        if (finished.IsFaulted)
        {
            await Task.WhenAll(others).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
        return await finished;
    }

    async Task<(StageResult Result, int ExitCode)> RunStageAsync(Stage stage, RunRequest request, Dictionary<string, StageResult> results, CancellationToken cancellationToken)
    {
        var follows = !request.DryRun && !request.Locked ? [] : _graph.Before(stage.Name)
            .Where(b => results.TryGetValue(b, out var before) && before.Outcome == StageOutcome.Ran).ToArray();
        // Hashing is work: off the scheduling loop, so that other stages start meanwhile.
        await Task.Yield();
        var locked = _lock.Stages.GetValueOrDefault(stage.Name);
        var state = StateOf(stage);
        // --locked is no laxer: only the lock's own code, machine and bits need no proof. All others run, and their metrics are compared.
        var reasons = state.Against(locked, _project, _hashes);
        if (reasons.Count == 0 && follows.Length == 0 && !request.Force)
        {
            return (new StageResult(stage, StageOutcome.UpToDate, locked?.Seconds, []), ExitCode.Done);
        }
        if (request.DryRun)
        {
            var why = reasons.Count > 0 ? string.Join("; ", reasons.Select(r => r.ToString())) : follows.Length > 0 ? $"if {string.Join(", ", follows)} changes its outs" : "--force";
            await _log.WriteLineAsync($"{stage.Name}: would run ({why})\n  {stage.Command.ReplaceLineEndings("\n  ")}");
            return (new StageResult(stage, StageOutcome.Ran, null, reasons), ExitCode.Done);
        }
        if (state.Missing.Count > 0)
        {
            throw new UsageException($"stage '{stage.Name}': expected the dep{(state.Missing.Count > 1 ? "s" : "")} {string.Join(", ", state.Missing.Select(m => $"'{m}'"))}, found none."
                + (state.Missing.Any(_graph.IsProduced) ? " Run the stages that write it: leave out --from." : " Check the path."));
        }
        return await ExecuteAsync(state, locked, reasons, request, cancellationToken);
    }

    async Task<(StageResult Result, int ExitCode)> ExecuteAsync(
        StageState state, LockedStage? locked, IReadOnlyList<Reason> reasons, RunRequest request, CancellationToken cancellationToken)
    {
        var stage = state.Stage;
        var why = reasons.Count > 3 ? $"{string.Join("; ", reasons.Take(3))}; and {reasons.Count - 3} more" : string.Join("; ", reasons);
        await _log.WriteLineAsync($"{stage.Name}: {(reasons.Count > 0 ? why : request.Force ? "forced" : "after a stage that ran")}");
        PrepareOuts(stage);
        var environment = new Dictionary<string, string> { ["MIM_STAGE_KEY"] = state.Key, ["MIM_STAGE"] = stage.Name, ["MIM_BUILT"] = "1", ["MIM_ROOT"] = _project.Root };
        var watch = Stopwatch.StartNew();
        foreach (var command in stage.Commands)
        {
            var code = await StageProcess.RunAsync(command, _project.Root, environment, line => _log.WriteLine($"{stage.Name} | {line}"), cancellationToken);
            if (code != ExitCode.Done)
            {
                await _log.WriteLineAsync($"{stage.Name}: failed with exit code {code} after {watch.Elapsed.TotalSeconds:F1} s: {command}");
                // A stage's own gate (parity) is a gate of the pipeline; what it says about usage holds here too.
                return (new StageResult(stage, StageOutcome.Failed, watch.Elapsed.TotalSeconds, reasons), code is ExitCode.Usage or ExitCode.Gate ? code : ExitCode.Failed);
            }
        }
        var seconds = Math.Round(watch.Elapsed.TotalSeconds, 3);
        var outs = stage.Outs.Order(StringComparer.Ordinal).Select(o => (Path: o, State: _hashes.Of(Path.Combine(_project.Root, o)))).ToArray();
        if (outs.Where(o => o.State is null).Select(o => o.Path).ToArray() is { Length: > 0 } missing)
        {
            throw new InvalidDataException($"stage '{stage.Name}': expected it to write {string.Join(", ", missing.Select(m => $"'{m}'"))}, found nothing there. Correct its command or its outs.");
        }
        var entry = new LockedStage
        {
            Cmd = stage.Command,
            Deps = state.Deps,
            Params = state.Params,
            Toolchain = state.Toolchain,
            Outs = [.. outs.Select(o => new LockedPath(o.Path, o.State.GetValueOrDefault().Hash, o.State.GetValueOrDefault().Size))],
            Metrics = new SortedDictionary<string, SortedDictionary<string, double>>(
                stage.Metrics.ToDictionary(m => m, m => MetricFile.Read(Path.Combine(_project.Root, m))), StringComparer.Ordinal),
            Seconds = seconds,
            StageKey = state.Key,
        };
        Record(stage, entry, locked, request.Locked);
        await _log.WriteLineAsync($"{stage.Name}: done in {seconds:F1} s");
        return (new StageResult(stage, StageOutcome.Ran, seconds, reasons), ExitCode.Done);
    }

    void PrepareOuts(Stage stage)
    {
        foreach (var path in stage.Outs.Select(o => Path.Combine(_project.Root, o)))
        {
            // A link goes itself, dangling or not: what it leads to is not this stage's.
            if (File.Exists(path) || new FileInfo(path).LinkTarget is not null)
            {
                File.Delete(path);
            }
            else if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
            Directory.CreateDirectory(Path.GetDirectoryName(path) ?? _project.Root);
        }
    }

    void Record(Stage stage, LockedStage entry, LockedStage? locked, bool compareOnly)
    {
        lock (_writing)
        {
            if (compareOnly)
            {
                _deviations.AddRange(locked is null ? [] : Deviations(stage.Name, locked, entry));
                return;
            }
            // Stages that the file no longer has leave the lock with the next write.
            var stages = new SortedDictionary<string, LockedStage>(_lock.Stages.Where(s => _file.Stages.Any(f => f.Name == s.Key)).ToDictionary(), StringComparer.Ordinal) { [stage.Name] = entry };
            _lock = _lock with { Stages = stages };
            _lock.Write(_file.LockPath);
        }
    }

    IEnumerable<string> Deviations(string stage, LockedStage locked, LockedStage now)
    {
        foreach (var (file, values) in locked.Metrics)
        {
            var found = now.Metrics.GetValueOrDefault(file);
            foreach (var (key, expected) in values.Where(v => !MetricFile.IsTiming(v.Key)))
            {
                double? value = found is not null && found.TryGetValue(key, out var number) ? number : null;
                if (value is null || !(Math.Abs(value.Value - expected) <= _file.Tolerance * Math.Max(1, Math.Abs(expected))))
                {
                    yield return FormattableString.Invariant($"stage {stage}: {file}: {key}: found {(value is { } v ? $"{v:G6}" : "nothing")}, locked {expected:G6}, tolerance {_file.Tolerance:P0}");
                }
            }
        }
    }
}
