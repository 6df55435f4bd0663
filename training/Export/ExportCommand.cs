using System.CommandLine;
using System.Globalization;
using Mim.Models;

namespace Mim.Training;

/// <summary><c>mim export</c>: writes the best model of a run as a package, and opens it again.</summary>
static class ExportCommand
{
    const string StageKeyVariable = "MIM_STAGE_KEY";

    public static Command Create()
    {
        var run = new Option<string>("--run") { Description = "folder of the training run, evaluated", Required = true };
        var name = new Option<string>("--name") { Description = "the model's name: [a-z0-9][a-z0-9-]*", Required = true };
        var output = new Option<string?>("--out") { Description = "folder of the package, replaced if it holds one (default: RUN/package)" };
        var json = new Option<bool>("--json") { Description = "print the manifest instead of a summary (default: false)" };
        var command = new Command(
            "export", "Write the best model of a run as a package: ONNX graphs with preprocessing inside, goldens, manifest, card.")
        {
            run, name, output, json,
        };
        command.SetAction((parsed, cancellationToken) =>
        {
            var (folder, modelName) = (parsed.GetRequiredValue(run), parsed.GetRequiredValue(name));
            var (package, asJson) = (parsed.GetValue(output), parsed.GetValue(json));
            // The token is cancelled only once this delegate has returned, and the engine's scopes belong to one thread.
            return Task.Run(() => Export(folder, modelName, package, asJson, cancellationToken), CancellationToken.None);
        });
        return command;
    }

    static int Export(string run, string name, string? output, bool json, CancellationToken cancellationToken)
    {
        using var model = TrainedModel.Load(run);
        cancellationToken.ThrowIfCancellationRequested();
        var folder = output ?? model.Run.Package;
        PackageExport.Write(
            model, name, folder, TrainingCommit.Find(Environment.CurrentDirectory), Environment.GetEnvironmentVariable(StageKeyVariable));
        // The package is judged as a stranger would judge it: from its files.
        var package = ModelPackage.Open(folder);
        if (json)
        {
            Console.Out.Write(File.ReadAllText(Path.Combine(folder, ModelManifest.FileName)));
        }
        else
        {
            Print(Console.Out, package);
        }
        return ExitCode.Done;
    }

    static void Print(TextWriter output, ModelPackage package)
    {
        var manifest = package.Manifest;
        var shape = string.Join(", ", manifest.XShape);
        output.WriteLine($"{package.Folder}: {manifest.Name}, x [{shape}] → z [{manifest.ZSize}], space {manifest.SpaceId}");
        var width = manifest.Files.Max(file => file.Path.Length);
        foreach (var file in manifest.Files.Where(file => !file.Path.StartsWith("golden/", StringComparison.Ordinal)))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {file.Path.PadRight(width)} {file.Size,12:N0} bytes"));
        }
        output.WriteLine($"  {"golden/".PadRight(width)} {string.Join(", ", package.Goldens.Select(golden => golden.Rows))} rows");
    }
}
