using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mim.Models;
using Mim.Tests.Inference;

namespace Mim.Pipeline.Tests;

/// <summary>The worker as an init system meets it: signals and exit codes.</summary>
public sealed class ServeProcessTests
{
    static readonly string s_one =
        $$"""{"inputs": [{"name": "x", "shape": [1, {{AffineModel.X}}], "datatype": "FP32", "data": [{{string.Join(',', Enumerable.Repeat("1", AffineModel.X))}}]}]}""";

    [Fact]
    public async Task Sigterm_makes_it_unready_while_it_still_answers_and_ends_it_with_code_0()
    {
        using ServingProcess worker = new("--pre-stop", "3");
        var url = await worker.ReadyAsync();
        Assert.Equal(200, await worker.StatusAsync($"{url}/v2/models/affine/infer", s_one));
        worker.Signal(ServingProcess.Terminate);
        while (await worker.StatusAsync($"{url}/v2/health/ready") == 200)
        {
            await Task.Yield();
        }
        Assert.Equal(200, await worker.StatusAsync($"{url}/v2/models/affine/infer", s_one));
        Assert.Equal(ExitCode.Done, await worker.ExitCodeAsync());
    }

    /// <summary>
    /// The pool reads how many threads it is to have once: whatever queues to it before the command sets that, undoes it. Of the second the kernel is the witness,
    /// for the threads that the runtime names so.
    /// </summary>
    [Fact]
    public async Task Requests_leave_a_processor_to_the_inference_thread_and_the_thread_of_sockets_preempts_nobody()
    {
        using ServingProcess worker = new();
        await worker.ReadyAsync();
        Assert.Contains($"Requests have {Math.Max(1, Environment.ProcessorCount - 1)} threads,", worker.Log, StringComparison.Ordinal);
        const int policy = 38;
        var sockets = Directory.GetDirectories($"/proc/{worker.Process.Id}/task").Where(task => File.ReadAllText(Path.Combine(task, "comm")) == ".NET Sockets\n").ToList();
        Assert.NotEmpty(sockets);
        // Behind the name, which has spaces: field 41 of all.
        Assert.All(sockets, task => Assert.Equal("3", File.ReadAllText(Path.Combine(task, "stat")).Split(") ")[1].Split(' ')[policy]));
    }

    /// <summary>A .NET host whose background service fails ends with 0 by default (dotnet/runtime#67146).</summary>
    [Fact]
    public async Task A_failure_after_the_start_is_not_exit_code_0()
    {
        var folder = Directory.CreateTempSubdirectory("mim-full-").FullName;
        new AffineModel(seed: 1).Write(Path.Combine(folder, "package"));
        var row = $$"""{"x": [{{string.Join(',', Enumerable.Repeat("1", AffineModel.X))}}]}""";
        using var worker = Process.Start(new ProcessStartInfo("sh",
        [
            "-c", "echo \"$2\" | dotnet \"$0\" serve --stdin --model \"$1\" >/dev/full", Path.Combine(AppContext.BaseDirectory, "Mim.Inference.dll"),
            Path.Combine(folder, "package"), row,
        ])
        {
            RedirectStandardError = true,
        }) ?? throw new InvalidOperationException("sh does not start.");
        var log = await worker.StandardError.ReadToEndAsync();
        await worker.WaitForExitAsync();
        Directory.Delete(folder, recursive: true);
        Assert.True(worker.ExitCode == ExitCode.Failed, log);
        Assert.Contains("error: ", log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_exit_code_1_and_named()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        using ServingProcess worker = new("--urls", $"http://127.0.0.1:{port}");
        Assert.Equal(ExitCode.Failed, await worker.ExitCodeAsync());
        Assert.Contains($"{port}", worker.Log, StringComparison.Ordinal);
    }
}
