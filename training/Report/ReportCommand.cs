using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Mim.Models;

namespace Mim.Training;

/// <summary><c>mim report</c>: one HTML page about a run, about several side by side, or about a sweep over settings.</summary>
static class ReportCommand
{
    public static Command Create()
    {
        var run = new Option<string[]>("--run")
        {
            Description = "folder of a training run; again for each run to compare it with",
            DefaultValueFactory = _ => [],
        };
        var comparison = new Option<string?>("--comparison")
        {
            Description = "in place of runs: a sweep's comparison.json, as 'mim run' writes it",
            HelpName = "FILE",
        };
        var output = new Option<string>("--out") { Description = "HTML file to write", HelpName = "FILE", Required = true };
        var json = new Option<bool>("--json") { Description = "print what was written as JSON (default: false)" };
        var command = new Command(
            "report", "Write one self-contained page about a run, several, or a sweep: curves, statistics, codes, reconstructions, samples.")
        {
            run, comparison, output, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            var (folders, file, asJson) = (parsed.GetValue(run) ?? [], parsed.GetRequiredValue(output), parsed.GetValue(json));
            var sweep = parsed.GetValue(comparison);
            if (folders.Length > 0 == sweep is not null)
            {
                throw new UsageException($"report: expected either --run or --comparison, found {(sweep is null ? "neither" : "both")}.");
            }
            if (sweep is not null)
            {
                var report = SweepReport.Read(sweep);
                return Task.FromResult(Write(
                    SweepPage.Write(report), KeyValuePair.Create<string, JsonNode?>("pipeline", report.Pipeline), report.Pipeline, file, asJson));
            }
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
        return Write(ReportPage.Write(runs), KeyValuePair.Create<string, JsonNode?>("runs", new JsonArray([.. names])), string.Join(", ", names), file, json);
    }

    /// <param name="subject">What the page is about, for <c>--json</c>.</param>
    /// <param name="words">The same for people.</param>
    static int Write(string html, KeyValuePair<string, JsonNode?> subject, string words, string file, bool json)
    {
        var page = Encoding.UTF8.GetBytes(html);
        AtomicFile.Write(file, stream => stream.Write(page));
        Console.Out.WriteLine(json
            ? new JsonObject([KeyValuePair.Create<string, JsonNode?>("report", file), subject, KeyValuePair.Create<string, JsonNode?>("bytes", page.Length)])
                .ToJsonString()
            : string.Create(CultureInfo.InvariantCulture, $"{file}: {words}, {page.Length / 1024.0:F0} KiB"));
        return ExitCode.Done;
    }
}
