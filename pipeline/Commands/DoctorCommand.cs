using System.CommandLine;
using System.Runtime.InteropServices;
using Mim.Models;
using Spectre.Console;

namespace Mim.Pipeline;

/// <summary><c>mim doctor</c>: what is installed, where it was found, and the command that mends what is missing.</summary>
public static class DoctorCommand
{
    public static Command Create(Project project)
    {
        var json = new Option<bool>("--json") { Description = "Write the findings as JSON." };
        var command = new Command("doctor", "Say which engines, libraries, processors and folders are in use, and how to mend what is missing. Exit 1 when something is.") { json };
        command.SetAction(parsed =>
        {
            var findings = Examine(project);
            if (parsed.GetValue(json))
            {
                Json.Print(findings);
            }
            else
            {
                Print(findings);
            }
            return findings.Any(f => f.Remedy is not null) ? ExitCode.Failed : ExitCode.Done;
        });
        return command;
    }

    /// <param name="Found">What is there, or null.</param>
    /// <param name="Remedy">The command that mends it, or null when nothing is wrong.</param>
    public sealed record Finding(string What, string? Found, string? Path, string? Remedy);

    static List<Finding> Examine(Project project)
    {
        var choice = EngineChoice.InUse(project);
        var hardware = Hardware.Detect();
        var findings = new List<Finding>
        {
            new("engines", choice is null ? null : $"{choice.Engines}, because {choice.Why}", Path.Combine(project.Root, EngineChoice.FileName), choice is null ? "./mim setup" : null),
            new(".NET SDK", $"{Toolchain.Sdk} (runtime {RuntimeInformation.FrameworkDescription})", project.Dotnet, null),
            new("platform", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.RuntimeIdentifier}", null, null),
            new("processor", $"{hardware.Cpu}, {hardware.Threads} threads", null, null),
            new("GPU", hardware.Gpu ?? "none", null, hardware.Gpu is null && choice?.Engines == "cuda" ? "./mim setup --engines cpu" : null),
        };
        foreach (var (name, assembly, verb) in new[] { ("training", "Mim.Training", "train"), ("inference", "Mim.Inference", "encode"), ("downstream", "Mim.Downstream", "downstream") })
        {
            var path = Path.Combine(project.Bin(assembly), $"{assembly}.dll");
            findings.Add(new Finding(name, File.Exists(path) ? Describe(Toolchain.EnginesOf(project, assembly)) : null, path, File.Exists(path) ? null : $"./mim {verb} --help"));
        }
        if (choice?.Engines == "system")
        {
            foreach (var package in SystemPackages.Missing(SystemPackages.IsInstalled, SystemPackages.IsOnPath, project.Libtorch is null, NativeLibraries.OnnxRuntimePackage(project) is null))
            {
                findings.Add(new Finding(package, null, null, $"sudo {SystemPackages.InstallLine([package])}"));
            }
            findings.Add(Of("libtorch bridge", NativeLibraries.Bridge(project), "./mim train --help"));
            findings.Add(Of("BLAS", NativeLibraries.Blas(project), project.Libtorch is null ? "./mim setup" : null));
        }
        findings.Add(Of("libtorch", NativeLibraries.Libtorch(project), "./mim setup"));
        findings.Add(Of("ONNX Runtime", NativeLibraries.OnnxRuntime(project), "./mim encode --help"));
        findings.Add(new Finding("cache", Directory.Exists(project.Cache) ? "downloads and compiled bridges" : "not yet there", project.Cache, null));
        return findings;
    }

    static Finding Of(string what, NativeLibrary? library, string? remedy) => library is null
        ? new Finding(what, null, null, remedy)
        : new Finding(what, library.Version ?? "found", library.Path, null);

    static string Describe(IReadOnlyList<KeyValuePair<string, string>> engines) =>
        engines.Count == 0 ? "built" : string.Join(", ", engines.Select(e => $"{e.Key} {e.Value}"));

    static void Print(List<Finding> findings)
    {
        var table = new Table().Border(TableBorder.None).HideHeaders().AddColumns("", "", "");
        foreach (var finding in findings)
        {
            table.AddRow(
                new Text(finding.What),
                new Text(finding.Found ?? "missing", finding.Remedy is null ? Style.Plain : new Style(Color.Red)),
                new Text(finding.Path ?? "", new Style(decoration: Decoration.Dim)));
        }
        Terminal.Out().Write(table);
        foreach (var finding in findings.Where(f => f.Remedy is not null))
        {
            Console.WriteLine($"{finding.What}: to mend it, run: {finding.Remedy}");
        }
    }
}
