using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mim.Models;
using Mim.Tests.Inference;

namespace Mim.Pipeline.Tests;

/// <summary>The worker as an init system meets it: signals and exit codes.</summary>
public sealed class ServeProcessTests
{
    /// <summary>SCHED_OTHER and SCHED_BATCH.</summary>
    const int Usual = 0, Batch = 3;

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
    /// The pool reads how many threads it is to have once: whatever queues to it before the command sets that, undoes it (two processors or more show that).
    /// </summary>
    [Fact]
    public async Task Requests_leave_a_processor_to_the_inference_thread_and_the_thread_of_sockets_preempts_nobody()
    {
        using ServingProcess worker = new();
        await SettledAsync(worker);
        var sockets = Policies(worker).Where(thread => thread.Name == ".NET Sockets").ToList();
        Assert.NotEmpty(sockets);
        Assert.All(sockets, thread => Assert.Equal(Batch, thread.Policy));
        Assert.All(Inference(worker), thread => Assert.Equal(Usual, thread.Policy));
        Assert.Contains(
            $"Threads for requests: {Math.Max(1, Environment.ProcessorCount - 1)}, and more when that answers more; threads for sockets as batch threads: {sockets.Count}", worker.Log,
            StringComparison.Ordinal);
    }

    /// <summary>
    /// Linux gives a thread the policy of the one that made it, and the thread of sockets makes threads of the pool; the runtime gives each the usual one. All but
    /// the first are batch threads here.
    /// </summary>
    [Fact]
    public async Task A_model_that_a_batch_thread_loads_has_no_batch_thread()
    {
        using ServingProcess worker = new("--model-control");
        var url = await SettledAsync(worker);
        foreach (var thread in Policies(worker).Where(thread => thread.Id != worker.Process.Id))
        {
            using var chrt = Process.Start("chrt", ["--batch", "--pid", "0", $"{thread.Id}"]);
            await chrt.WaitForExitAsync();
        }
        var before = Inference(worker);
        Assert.NotEmpty(before);
        Assert.All(before, thread => Assert.Equal(Batch, thread.Policy));
        Assert.Equal(200, await worker.StatusAsync($"{url}/v2/repository/models/affine/load", "{}"));
        var made = Inference(worker).ExceptBy(before.Select(thread => thread.Id), thread => thread.Id).ToList();
        Assert.NotEmpty(made);
        Assert.All(made, thread => Assert.Equal(Usual, thread.Policy));
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

    /// <summary>Ends when the worker is ready and its threads are as they shall be.</summary>
    static async Task<string> SettledAsync(ServingProcess worker)
    {
        var url = await worker.ReadyAsync();
        while (!worker.Log.Contains("Threads for requests", StringComparison.Ordinal))
        {
            Assert.False(worker.Process.HasExited, worker.Log);
            await Task.Yield();
        }
        return url;
    }

    static List<(int Id, string Name, int Policy)> Inference(ServingProcess worker) =>
        [.. Policies(worker).Where(thread => thread.Name.StartsWith("inference", StringComparison.Ordinal))];

    static List<(int Id, string Name, int Policy)> Policies(ServingProcess worker)
    {
        // Behind the name, which has spaces: field 41 of all.
        const int field = 38;
        List<(int, string, int)> threads = [];
        foreach (var task in Directory.GetDirectories($"/proc/{worker.Process.Id}/task"))
        {
            try
            {
                var stat = File.ReadAllText(Path.Combine(task, "stat")).Split(") ")[1].Split(' ');
                threads.Add((
                    int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), File.ReadAllText(Path.Combine(task, "comm")).TrimEnd(),
                    int.Parse(stat[field], CultureInfo.InvariantCulture)));
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }
        return threads;
    }
}
