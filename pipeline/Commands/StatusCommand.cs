using System.CommandLine;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary><c>mim status</c> and <c>mim explain</c>: what would run, and why. Neither runs nor writes anything.</summary>
public static class StatusCommand
{
    public static Command Create(Project project)
    {
        var json = new Option<bool>("--json") { Description = "Write the states and reasons as JSON. Default: false." };
        var command = new Command("status", "Say which stages are up to date. Exit 0 when all are, 1 otherwise.") { json };
        var options = PipelineOptions.AddTo(command);
        command.SetAction((parsed, _) => options.UseAsync(parsed, project, (_, run) =>
        {
            var results = run.Examine();
            var stale = results.Where(r => r.Reasons.Count > 0).Select(r => r.Stage.Name).ToHashSet();
            string StateOf(StageResult result) => result.Reasons.Count > 0 ? "stale"
                : run.Graph.UpTo(result.Stage.Name).Overlaps(stale) ? "waits" : "up to date";
            if (parsed.GetValue(json))
            {
                Json.Print(results.Select(r => new { stage = r.Stage.Name, state = StateOf(r), reasons = r.Reasons, seconds = r.Seconds }));
            }
            else
            {
                var width = results.Max(r => r.Stage.Name.Length);
                foreach (var result in results)
                {
                    var upstream = run.Graph.UpTo(result.Stage.Name).Where(n => n != result.Stage.Name && stale.Contains(n));
                    var text = StateOf(result) switch
                    {
                        "stale" => string.Join("; ", result.Reasons.Take(3)) + (result.Reasons.Count > 3 ? $"; and {result.Reasons.Count - 3} more" : ""),
                        "waits" => $"up to date unless {string.Join(", ", upstream)} changes its outs",
                        var state => state,
                    };
                    Console.WriteLine($"{result.Stage.Name.PadRight(width)}  {text}");
                }
            }
            return Task.FromResult(stale.Count == 0 ? ExitCode.Done : ExitCode.Failed);
        }));
        return command;
    }

    public static Command CreateExplain(Project project)
    {
        var stage = new Argument<string>("STAGE") { Description = "The stage in question." };
        var json = new Option<bool>("--json") { Description = "Write the reasons and what the stage runs with as JSON. Default: false." };
        var command = new Command("explain", "Say why a stage would run: each dependency, parameter, tool or out that is not the lock's, old -> new.") { stage, json };
        var options = PipelineOptions.AddTo(command, asOption: true);
        command.SetAction((parsed, _) => options.UseAsync(parsed, project, (file, run) =>
        {
            var results = run.Examine();
            var name = run.Graph.Require(parsed.GetRequiredValue(stage), "explain").Name;
            var result = results.First(r => r.Stage.Name == name);
            var stale = run.Graph.UpTo(name).Where(n => n != name && results.Any(r => r.Stage.Name == n && r.Reasons.Count > 0));
            if (parsed.GetValue(json))
            {
                var now = run.StateOf(result.Stage);
                Json.Print(new { stage = name, reasons = result.Reasons, upstream = stale, stage_key = now.Key, toolchain = now.Toolchain });
                return Task.FromResult(ExitCode.Done);
            }
            foreach (var reason in result.Reasons)
            {
                Console.WriteLine(reason);
            }
            foreach (var upstream in stale)
            {
                Console.WriteLine($"stage {upstream}: would run first, and may change what {name} depends on");
            }
            if (result.Reasons.Count == 0)
            {
                var state = run.StateOf(result.Stage);
                Console.WriteLine($"{name} is up to date: its command, {state.Deps.Count} deps, {state.Params.Count} params, {state.Toolchain.Count} toolchain items and {result.Stage.Outs.Count} outs "
                    + $"are those of {file.LockPath} (stage key {state.Key[..12]})");
                foreach (var (item, value) in state.Toolchain)
                {
                    Console.WriteLine($"  {item}: {value}");
                }
            }
            return Task.FromResult(ExitCode.Done);
        }));
        return command;
    }
}
