using System.CommandLine;
using System.Diagnostics;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary><c>mim setup</c>: choose the engines, fetch what they need, write the choice down. Run again, it keeps the choice and fetches what is missing.</summary>
public static class SetupCommand
{
    static readonly string[] s_cuda = ["TorchSharp-cuda-linux", "Microsoft.ML.OnnxRuntime.Gpu", "Microsoft.ML"];
    static readonly string[] s_cpu = ["TorchSharp-cpu", "Microsoft.ML.OnnxRuntime", "Microsoft.ML"];

    public static Command Create(Project project)
    {
        var engines = new Option<string?>("--engines")
        {
            Description = "Where TorchSharp, ONNX Runtime and ML.NET come from: cuda (packages, NVIDIA), cpu (packages) or system (Debian's libtorch, ONNX Runtime from npm, "
                + "stand-ins for the rest). Without it: what the package feed has and the machine can run. MIM_ENGINES says the same.",
        };
        engines.AcceptOnlyFromAmong(EngineChoice.Known);
        var probe = new Option<bool>("--probe") { Description = "Choose again, even if mim.engines.props holds a choice. Default: false." };
        var command = new Command("setup", "Choose the engines (cuda, cpu, system), fetch what they need and write the choice to mim.engines.props.") { engines, probe };
        command.SetAction((parsed, cancellationToken) => RunAsync(project, parsed.GetValue(engines), parsed.GetValue(probe), Console.Out, cancellationToken));
        return command;
    }

    static async Task<int> RunAsync(Project project, string? flag, bool probe, TextWriter output, CancellationToken cancellationToken)
    {
        var choice = Explicit(flag, project.Engines) ?? (probe ? null : EngineChoice.Read(project.Root)) ?? Choose(Hardware.Detect().Gpu, packages =>
        {
            output.WriteLine($"asking the package feed for {string.Join(", ", packages)}");
            return PackageFeed.Ask(project.Root, project.Dotnet, packages);
        });
        await output.WriteLineAsync($"engines: {choice.Engines}, because {choice.Why}");
        if (choice.Engines == "system" && await PrepareSystemAsync(project, output, cancellationToken) is not ExitCode.Done and var failed)
        {
            return failed;
        }
        // Last: an interrupted set-up must not look done. Unchanged, it stays as it is, and so does everything that was built with it.
        if (EngineChoice.Read(project.Root) != choice)
        {
            choice.Write(project.Root);
        }
        await output.WriteLineAsync($"{EngineChoice.FileName} says so; './mim doctor' shows what is where");
        return ExitCode.Done;
    }

    static EngineChoice? Explicit(string? flag, string? variable)
    {
        if (flag is not null)
        {
            return new EngineChoice(flag, $"--engines {flag} asked for it");
        }
        if (string.IsNullOrEmpty(variable))
        {
            return null;
        }
        return EngineChoice.Known.Contains(variable)
            ? new EngineChoice(variable, $"MIM_ENGINES={variable} asked for it")
            : throw new UsageException($"MIM_ENGINES: expected one of {string.Join(", ", EngineChoice.Known)}, found '{variable}'.");
    }

    /// <summary>The best engines that the feed has and the hardware runs. Only a feed that answered "I do not have it" leads to <c>system</c>.</summary>
    public static EngineChoice Choose(string? gpu, Func<IReadOnlyList<string>, PackageFeed> ask)
    {
        var hardware = gpu is null ? "there is no NVIDIA device" : $"there is a {gpu}";
        var without = "";
        if (gpu is not null)
        {
            var cuda = Answer(ask(s_cuda));
            if (cuda.HasAll)
            {
                return new EngineChoice("cuda", $"the package feed has {string.Join(", ", s_cuda)} and {hardware}");
            }
            without = $"; the feed lacks {string.Join(", ", cuda.Lacks)}, so the device stays unused";
        }
        var cpu = Answer(ask(s_cpu));
        return cpu.HasAll
            ? new EngineChoice("cpu", $"the package feed has {string.Join(", ", s_cpu)} and {hardware}{without}")
            : new EngineChoice("system", $"the package feed lacks {string.Join(", ", cpu.Lacks)} and {hardware}{without}");
    }

    static PackageFeed Answer(PackageFeed feed) => feed.Silence is null
        ? feed
        : throw new IOException($"the package feed did not answer, so nothing is chosen: {feed.Silence} "
            + "Mend the connection or NuGet.config and run './mim setup' again, or choose yourself with './mim setup --engines system'.");

    static async Task<int> PrepareSystemAsync(Project project, TextWriter output, CancellationToken cancellationToken)
    {
        var missing = SystemPackages.Missing(SystemPackages.IsInstalled, SystemPackages.IsOnPath,
            needsLibtorch: string.IsNullOrEmpty(project.Libtorch), needsOnnxRuntime: NativeLibraries.OnnxRuntimePackage(project) is null);
        if (missing.Count > 0)
        {
            if (!SystemPackages.IsOnPath("apt-get"))
            {
                throw new UsageException($"system engines: expected Debian 12's packages {string.Join(", ", missing)}, found no apt-get. "
                    + "Install their like, and set MIM_LIBTORCH to a libtorch folder (a PyTorch wheel's 'torch' works).");
            }
            if (!Environment.IsPrivilegedProcess)
            {
                await Console.Error.WriteLineAsync($"error: {string.Join(", ", missing)} missing and this is not root. Run, or have somebody run:\n"
                    + $"  sudo sh -c 'apt-get update && {SystemPackages.InstallLine(missing)}'\nand then './mim setup' again.");
                return ExitCode.Failed;
            }
            await SystemPackages.InstallAsync(missing, Path.Combine(project.Root, "artifacts", "apt-get.log"), output, cancellationToken);
        }
        using var get = Process.Start("bash", [Path.Combine(project.Root, "engines", "OnnxRuntime", "get.sh")]);
        try
        {
            await get.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            get.Kill(entireProcessTree: true);
            throw;
        }
        return get.ExitCode;
    }
}
