using System.CommandLine;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary><c>mim run</c>: bring a pipeline up to date, judge its gates, print the comparison.</summary>
public static class RunCommand
{
    public static Command Create(Project project)
    {
        var stage = new Option<string?>("--stage") { Description = "Only this stage and the stages it needs. Default: all." };
        var from = new Option<string?>("--from") { Description = "Only this stage and the stages that follow from it. Default: all." };
        var force = new Option<bool>("--force") { Description = "Run the stages that are up to date, too. Default: false." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print what would run, and why; run nothing. Default: false." };
        var locked = new Option<bool>("--locked")
        {
            Description = "Reproduce the lock: commands, params and deps must be its own, metrics within the file's tolerance; hardware may differ. Writes no lock; exit 3 on a difference. Default: false.",
        };
        var jobs = new Option<int>("-j", "--jobs") { Description = "Independent stages to run side by side.", DefaultValueFactory = _ => 1 };
        jobs.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 1)
            {
                result.AddError($"-j: expected at least 1, found {result.GetValueOrDefault<int>()}.");
            }
        });
        var command = new Command("run", "Run the stages that are not up to date, judge the gates, print the comparison.") { stage, from, force, dryRun, locked, jobs };
        var options = PipelineOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) => options.UseAsync(parsed, project, (file, run) => RunAsync(project, file, run, new RunRequest
        {
            Stage = parsed.GetValue(stage),
            From = parsed.GetValue(from),
            Force = parsed.GetValue(force),
            DryRun = parsed.GetValue(dryRun),
            Locked = parsed.GetValue(locked),
            Jobs = parsed.GetValue(jobs),
        }, cancellationToken)));
        return command;
    }

    static async Task<int> RunAsync(Project project, PipelineFile file, PipelineRun run, RunRequest request, CancellationToken cancellationToken)
    {
        if (request.Locked && Report("the lock is not this pipeline's", run.DefinitionDeviations()))
        {
            return ExitCode.Gate;
        }
        var (results, exitCode) = await run.RunAsync(request, cancellationToken);
        if (request.DryRun)
        {
            return ExitCode.Done;
        }
        if (exitCode != ExitCode.Done)
        {
            return exitCode;
        }
        Compare(project, file, results);
        var gates = run.Judge(results, write: !request.Locked);
        foreach (var gate in gates)
        {
            Console.WriteLine(gate);
        }
        foreach (var gate in file.Gates.Except(gates.Select(g => g.Gate)))
        {
            Console.WriteLine($"gate '{gate.Name}' not judged: not all of its stages were asked for");
        }
        var deviates = Report("this run is not the lock's", run.MetricDeviations);
        return deviates || gates.Any(g => !g.Held) ? ExitCode.Gate : ExitCode.Done;
    }

    static bool Report(string title, IReadOnlyList<string> deviations)
    {
        foreach (var deviation in deviations)
        {
            Console.Error.WriteLine($"{title}: {deviation}");
        }
        return deviations.Count > 0;
    }

    static void Compare(Project project, PipelineFile file, IReadOnlyList<StageResult> results)
    {
        var comparison = new Comparison();
        if (file.Comparison is { } table)
        {
            comparison.AddMetrics(table, alias => Path.Combine(project.Root, file.Metrics[alias]) is var path && File.Exists(path) ? MetricFile.Read(path) : null);
        }
        comparison.AddStages(results);
        comparison.AddNote(EnginesLine(project));
        comparison.Print();
        if (file.Comparison is not null && results.All(r => r.Outcome != StageOutcome.NotRun))
        {
            comparison.Write(Path.Combine(project.Root, "runs", file.Name, "comparison.md"));
        }
    }

    static string EnginesLine(Project project)
    {
        var hardware = Hardware.Detect();
        string?[] native = [.. new[] { NativeLibraries.Libtorch(project), NativeLibraries.Blas(project), NativeLibraries.OnnxRuntime(project) }.OfType<NativeLibrary>().Select(l => $"{l.Name} {l.Version}")];
        return $"engines: {EngineChoice.Read(project.Root)?.Engines ?? "unset"} ({string.Join(", ", native)}); {hardware.Cpu}, {hardware.Threads} threads, GPU: {hardware.Gpu ?? "none"}";
    }
}
