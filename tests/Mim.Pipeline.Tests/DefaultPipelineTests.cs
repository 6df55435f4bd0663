using Mim.Models;

namespace Mim.Pipeline.Tests;

/// <summary>The repository's own pipeline.yml in a folder of its own, with the executables that these tests were built with.</summary>
public sealed class DefaultPipelineTests
{
    public static string Root
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mim.Pipeline.sln")))
            {
                folder = folder.Parent;
            }
            return folder?.FullName ?? throw new DirectoryNotFoundException("Mim.Pipeline.sln stands in no folder above.");
        }
    }

    /// <summary>The estimate that the reference's HEAD uses costs MIM its information on this data (specified band: 0.85 to 1.3 nats, VAE: 1.1 to 1.45).</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task With_fresh_z_the_information_gate_fails_and_the_run_exits_3()
    {
        using var folder = new PipelineFolder(File.ReadAllText(Path.Combine(Root, "pipeline.yml")));
        folder.WriteScript("mim", $"""
            #!/bin/bash
            case $1 in
                encode|verify) dll=Mim.Inference ;;
                downstream) dll=Mim.Downstream ;;
                models) dll=Mim.Pipeline ;;
                *) dll=Mim.Training ;;
            esac
            exec dotnet "{AppContext.BaseDirectory}/$dll.dll" "$@"
            """);
        var run = await folder.MimAsync(TimeSpan.FromMinutes(10), "run", "-p", "decoder_log_qx=fresh_z");
        Assert.True(run.ExitCode == ExitCode.Gate, run.Error + run.Output);
        Assert.Contains("gate 'MIM carries more information than the VAE' FAILED: mim.mutual_information_ksg - vae.mutual_information_ksg: found ", run.Output, StringComparison.Ordinal);
        Assert.Contains("gate 'MIM parity' holds", run.Output, StringComparison.Ordinal);
    }
}
