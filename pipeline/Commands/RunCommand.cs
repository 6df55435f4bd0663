using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mim.CommandLine;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary><c>mim run</c>: bring a pipeline up to date, judge its gates, print the comparison.</summary>
public static class RunCommand
{
    public static Command Create(Project project)
    {
        var stage = new Option<string?>("--stage") { Description = "Only this stage and the stages it needs; of a matrix, one (train@5-mim) or all (train). Default: all." };
        var from = new Option<string?>("--from") { Description = "Only this stage and the stages that follow from it; of a matrix, one or all. Default: all." };
        var force = new Option<bool>("--force") { Description = "Run the stages that are up to date, too. Default: false." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what would run, and why; run nothing. Default: false." };
        var locked = new Option<bool>("--locked")
        {
            Description = "Reproduce the lock: commands, params and deps must be its own, metrics within the file's tolerance; hardware may differ. Writes no lock; exit 3 on a difference. Default: false.",
        };
        var jobs = new Option<int>("-j", "--jobs") { Description = "Independent stages to run side by side.", DefaultValueFactory = _ => 1 };
        jobs.Validators.Add(result =>
        {
            // What is no number is the parser's to refuse.
            if (result.Tokens is [{ Value: var text }] && int.TryParse(text, CultureInfo.InvariantCulture, out var value) && value < 1)
            {
                result.AddError($"-j: expected at least 1, found {value}.");
            }
        });
        var json = new Option<bool>("--json") { Description = "Write stages, gates and deviations as JSON instead of tables. Default: false." };
        var command = new Command("run", "Run the stages that are not up to date, judge the gates, print the comparison.") { stage, from, force, dryRun, locked, jobs, json };
        var options = PipelineOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) => options.UseAsync(parsed, project, (file, run) => RunAsync(project, file, run, new RunRequest
        {
            Stage = parsed.GetValue(stage),
            From = parsed.GetValue(from),
            Force = parsed.GetValue(force),
            DryRun = parsed.GetValue(dryRun),
            Locked = parsed.GetValue(locked),
            Jobs = parsed.GetValue(jobs),
        }, parsed.GetValue(json), cancellationToken)));
        return command;
    }

    static async Task<int> RunAsync(Project project, PipelineFile file, PipelineRun run, RunRequest request, bool json, CancellationToken cancellationToken)
    {
        using var alone = request.DryRun ? null : TakeAlone(project, file);
        if (alone is null && !request.DryRun)
        {
            Cli.Error($"{file.Path}: another './mim run' is under way. Wait for its end, or end it.");
            return ExitCode.Failed;
        }
        if (request.Locked && Report("the lock is not this pipeline's", run.DefinitionDeviations()))
        {
            return ExitCode.Gate;
        }
        var (results, exitCode) = await run.RunAsync(request, cancellationToken);
        if (exitCode != ExitCode.Done || request.DryRun)
        {
            if (json)
            {
                PrintJson(results, [], []);
            }
            return exitCode;
        }
        if (!json)
        {
            Compare(project, file, results);
        }
        var gates = run.Judge(results, write: !request.Locked);
        if (file.Sweep is { Page: { } page } sweep && results.All(r => r.Outcome != StageOutcome.NotRun))
        {
            exitCode = await WritePageAsync(project, file, sweep, page, gates, cancellationToken);
        }
        if (json)
        {
            PrintJson(results, gates, run.MetricDeviations);
        }
        else
        {
            Print(file, gates);
        }
        var deviates = Report("this run is not the lock's", run.MetricDeviations);
        return deviates || gates.Any(g => !g.Held) ? ExitCode.Gate : exitCode;
    }

    /// <summary>Two runs of one pipeline would remove each other's outs. The system gives the file back however this process ends.</summary>
    /// <returns>Null when another process holds it.</returns>
    static FileStream? TakeAlone(Project project, PipelineFile file)
    {
        const int WouldBlock = 11;
        var path = Path.Combine(project.Root, ".mim", $"{file.Name}.running");
        Directory.CreateDirectory(Path.GetDirectoryName(path) ?? project.Root);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (e.HResult == WouldBlock)
        {
            return null;
        }
    }

    /// <summary>What failed comes last: that is where people look.</summary>
    static void Print(PipelineFile file, IReadOnlyList<GateResult> gates)
    {
        foreach (var gate in gates.Where(g => g.Held))
        {
            Console.WriteLine(gate);
        }
        foreach (var gate in file.Gates.Except(gates.Select(g => g.Gate)))
        {
            Console.WriteLine($"gate '{gate.Name}' not judged: not all of its stages were asked for");
        }
        foreach (var gate in gates.Where(g => !g.Held))
        {
            Console.WriteLine(gate);
        }
    }

    static void PrintJson(IReadOnlyList<StageResult> results, IReadOnlyList<GateResult> gates, IReadOnlyList<string> deviations) => Json.Print(new
    {
        stages = results.Select(r => new
        {
            stage = r.Stage.Name,
            outcome = JsonNamingPolicy.SnakeCaseLower.ConvertName(r.Outcome.ToString()),
            reasons = r.Reasons,
            seconds = r.Seconds,
        }),
        gates = gates.Select(g => new { gate = g.Gate.Name, metric = g.Gate.Metric, expect = g.Gate.Expect, found = g.Found, locked = g.Locked, held = g.Held }),
        deviations,
    });

    static bool Report(string title, IReadOnlyList<string> deviations)
    {
        foreach (var deviation in deviations)
        {
            Console.Error.WriteLine($"{title}: {deviation}");
        }
        return deviations.Count > 0;
    }

    /// <summary>Drawn by the executable that has the charts; all that it says is on standard error, where progress goes.</summary>
    static async Task<int> WritePageAsync(
        Project project, PipelineFile file, SweepTable sweep, SweepPage page, IReadOnlyList<GateResult> gates,
        CancellationToken cancellationToken)
    {
        var numbers = Path.Combine("runs", file.Name, "comparison.json");
        ComparisonFile.Write(
            Path.Combine(project.Root, numbers), file.Name, sweep, alias => Metrics(project, file, alias), gates, EnginesLine(project));
        var environment = new Dictionary<string, string> { ["MIM_BUILT"] = "1", ["MIM_ROOT"] = project.Root };
        return await StageProcess.RunAsync(
            $"./mim report --comparison {Quoted(numbers)} --out {Quoted(page.Path)}", project.Root, environment, Console.Error.WriteLine,
            cancellationToken);

        static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }

    static SortedDictionary<string, double>? Metrics(Project project, PipelineFile file, string alias) =>
        Path.Combine(project.Root, file.Metrics[alias]) is var path && File.Exists(path) ? MetricFile.Read(path) : null;

    static void Compare(Project project, PipelineFile file, IReadOnlyList<StageResult> results)
    {
        var comparison = new Comparison();
        IReadOnlyDictionary<string, double>? Read(string alias) => Metrics(project, file, alias);
        if (file.Comparison is { } table)
        {
            comparison.AddMetrics(table, Read);
        }
        if (file.Sweep is { } sweep)
        {
            comparison.AddSweep(sweep, Read);
        }
        comparison.AddStages(results);
        comparison.AddNote(EnginesLine(project));
        comparison.Print();
        if ((file.Comparison is not null || file.Sweep is not null) && results.All(r => r.Outcome != StageOutcome.NotRun))
        {
            comparison.Write(Path.Combine(project.Root, "runs", file.Name, "comparison.md"));
        }
    }

    static string EnginesLine(Project project)
    {
        var hardware = Hardware.Detect();
        string?[] native = [.. new[] { NativeLibraries.Libtorch(project), NativeLibraries.Blas(project), NativeLibraries.OnnxRuntime(project) }.OfType<NativeLibrary>().Select(l => $"{l.Name} {l.Version}")];
        return $"engines: {EngineChoice.NameInUse(project)} ({string.Join(", ", native)}); {hardware.Cpu}, {hardware.Threads} threads, GPU: {hardware.Gpu ?? "none"}";
    }
}
