using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>verify PACKAGE</c>: golden replay; exit 3 when a bound is broken.</summary>
public static class VerifyCommand
{
    static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static Command Create()
    {
        var package = new Argument<string>("package") { Description = "A package folder, or NAME, NAME/current or NAME/VERSION in the store." };
        var report = new Option<FileInfo?>("--report") { Description = "Also write the result as JSON to this file (default: none).", HelpName = "FILE.json" };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON instead of a table." };
        var flags = new EngineFlags();
        var command = new Command("verify", "Replay a package's goldens through ONNX Runtime: |a - b| <= t * unit + t * |b| with t = 1e-5 against the training engine and 2e-6 for batch "
            + "against single. The unit is 1, but for x_mean one unit of the preprocessed feature in raw units, no more than the goldens' x spans.")
        {
            package, report, json,
        };
        flags.AddTo(command, withModel: false);
        command.SetAction(parsed =>
        {
            var result = Verification.Run(flags.Open(parsed, parsed.GetRequiredValue(package)), flags.Engine(parsed));
            var output = parsed.InvocationConfiguration.Output;
            var text = JsonSerializer.Serialize(result, s_json);
            if (parsed.GetValue(report) is { } file)
            {
                AtomicFile.WriteText(file.FullName, text + "\n");
            }
            if (parsed.GetValue(json))
            {
                output.WriteLine(text);
            }
            else
            {
                Print(result, output);
            }
            foreach (var failure in result.Failures())
            {
                parsed.InvocationConfiguration.Error.WriteLine($"error: {failure}");
            }
            return result.Passed ? ExitCode.Done : ExitCode.Gate;
        });
        return command;
    }

    static void Print(VerificationReport report, TextWriter output)
    {
        output.WriteLine(
            $"{report.Model} {report.Version ?? "(not published)"}  space {report.SpaceId}  {report.Engine}, {Name(report.Device)}, {report.Threads} threads");
        output.WriteLine($"{"check",-15} {"tensor",-10} {"n",4} {"max abs",10} {"unit",8} {"max ulp",9} {"1 - cosine",10} {"bound",8}");
        foreach (var check in report.Checks)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{check.Check,-15} {check.Tensor,-10} {check.Rows,4} "
                + $"{check.MaxAbs,10:0.0e-0} {check.Unit,8:G4} {check.MaxUlp,9} {1 - check.Cosine,10:0.0e-0} {check.Tolerance,8:0e-0} {(check.Passed ? "ok" : "FAILED")}"));
        }
    }

    static string Name(Device device) => device == Device.Cuda ? "CUDA" : "CPU";
}
