using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Mim.Models;

namespace Mim.Training;

/// <summary><c>mim report</c>: one HTML page about a run, or about several side by side.</summary>
static class ReportCommand
{
    public static Command Create()
    {
        var run = new Option<string[]>("--run") { Description = "folder of a training run; again for each run to compare it with", Required = true };
        var output = new Option<string>("--out") { Description = "HTML file to write", HelpName = "FILE", Required = true };
        var json = new Option<bool>("--json") { Description = "print what was written as JSON (default: false)" };
        var command = new Command(
            "report", "Write one self-contained page about a run or a comparison: curves, statistics, codes, reconstructions, samples.")
        {
            run, output, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            var (folders, file, asJson) = (parsed.GetRequiredValue(run), parsed.GetRequiredValue(output), parsed.GetValue(json));
            // The token is cancelled only once this delegate has returned, and the engine's scopes belong to one thread.
            return Task.Run(() => Report(folders, file, asJson, cancellationToken), CancellationToken.None);
        });
        return command;
    }

    static int Report(string[] folders, string file, bool json, CancellationToken cancellationToken)
    {
        if (folders.Length > ReportPage.MaxRuns)
        {
            throw new UsageException($"--run: expected at most {ReportPage.MaxRuns} runs on a page, found {folders.Length}. Write several pages.");
        }
        var names = RunReport.Names(folders);
        RunReport[] runs = [.. folders.Zip(names, (folder, name) => RunReport.Read(folder, name, cancellationToken))];
        var page = Encoding.UTF8.GetBytes(ReportPage.Write(runs));
        AtomicFile.Write(file, stream => stream.Write(page));
        Console.Out.WriteLine(json
            ? new JsonObject { ["report"] = file, ["runs"] = new JsonArray([.. names.Select(name => JsonValue.Create(name))]), ["bytes"] = page.Length }.ToJsonString()
            : string.Create(CultureInfo.InvariantCulture, $"{file}: {string.Join(", ", names)}, {page.Length / 1024.0:F0} KiB"));
        return ExitCode.Done;
    }
}
