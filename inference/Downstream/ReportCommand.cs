using System.CommandLine;
using Mim.Models;

namespace Mim.Downstream;

static class ReportCommand
{
    static readonly Option<string> s_model = new("--model") { Description = "Folder that 'mim downstream fit' wrote.", Required = true };

    static readonly Option<string?> s_out = new("--out") { Description = "Markdown file to write [default: report.md in the model's folder]." };

    static readonly Option<bool> s_json = new("--json") { Description = "Print the metrics as JSON." };

    public static Command Create()
    {
        var command = new Command("report", "Describe fitted models: data, engine, metrics with definitions, confusion matrix.") { s_model, s_out, s_json };
        command.SetAction((parsed, _) => Task.FromResult(Run(parsed)));
        return command;
    }

    static int Run(ParseResult parsed)
    {
        var folder = parsed.GetRequiredValue(s_model);
        var manifest = DownstreamModel.ReadManifest(folder);
        AtomicFile.WriteText(parsed.GetValue(s_out) ?? Path.Combine(folder, "report.md"), Report.Markdown(manifest));
        Console.Out.Write(parsed.GetValue(s_json) ? MetricsFile.ToJson(manifest) + "\n" : Report.Plain(manifest));
        return ExitCode.Done;
    }
}
