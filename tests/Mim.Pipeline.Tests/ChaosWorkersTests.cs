using Mim.Inference;

namespace Mim.Pipeline.Tests;

public sealed class ChaosWorkersTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mim-chaos-workers-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task A_worker_that_is_starting_is_not_killed_before_it_is_ready()
    {
        var go = Path.Combine(_folder.FullName, "go");
        var started = 0;
        using ChaosWorkers workers = new(
            1,
            () => ChaosWorker.Start(
                "sh", ["-c", "until [ -e \"$0\" ]; do sleep 0.01; done; : >\"$1\"; echo 'chaos 1-0 in service on cpu' >&2; exec sleep 100", go, ReadyFile(++started)]),
            TextWriter.Null);
        workers.Start();
        var kill = workers.KillAsync(0, CancellationToken.None);
        // One that does not wait has sent its signal by now: the worker gets no further.
        await File.WriteAllTextAsync(go, "");
        await kill;
        Assert.True(File.Exists(ReadyFile(1)));
        Assert.Equal((1, 2), (workers.Kills, started));
    }

    [Fact]
    public async Task A_worker_that_ends_by_itself_before_it_is_ready_is_no_kill()
    {
        using ChaosWorkers workers = new(1, () => ChaosWorker.Start("sh", ["-c", "echo 'no such store' >&2; exit 3"]), TextWriter.Null);
        workers.Start();
        var ended = await Assert.ThrowsAsync<InvalidOperationException>(() => workers.KillAsync(0, CancellationToken.None));
        Assert.Contains("exit code 3", ended.Message, StringComparison.Ordinal);
        Assert.Contains("no such store", ended.Message, StringComparison.Ordinal);
        Assert.Equal(0, workers.Kills);
    }

    string ReadyFile(int worker) => Path.Combine(_folder.FullName, $"ready-{worker}");
}
