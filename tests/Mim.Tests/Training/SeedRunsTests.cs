using System.Diagnostics;
using System.Runtime.InteropServices;
using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Training;

public sealed class SeedRunsTests : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("mim-seeds-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("7", new long[] { 7 })]
    [InlineData("1..5", new long[] { 1, 2, 3, 4, 5 })]
    [InlineData("-1..1,9", new long[] { -1, 0, 1, 9 })]
    public void Seeds_are_numbers_and_ranges(string text, long[] expected) => Assert.Equal(expected, SeedRuns.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("5..1")]
    [InlineData("1..2..3")]
    [InlineData("1,1")]
    [InlineData("1..1001")]
    [InlineData("a")]
    public void Other_texts_are_refused(string text) =>
        Assert.StartsWith("--seeds: expected", Assert.Throws<UsageException>(() => SeedRuns.Parse(text)).Message, StringComparison.Ordinal);

    // Oracle: the run of each seed alone, in this process.
    [Fact]
    public async Task Each_run_has_the_bits_that_it_has_alone_however_many_run_at_once()
    {
        string[] keys = ["dataset.name=toy4", "dataset.rows_per_epoch=64", "network.hidden=[6]", "network.z=2", "trainer.epochs=2", "trainer.batch=16",
            "trainer.warmup_epochs=1", "trainer.threads=1", "trainer.device=cpu"];
        var lines = new List<(long Seed, string Line)>();
        var errors = new List<string>();
        var code = await SeedRuns.RunAsync(
            [3, 4], 2, seed => ["train", $"--out={SeedRuns.Folder(_root, seed)}", .. keys.Select(key => $"--{key}"), $"--trainer.seed={seed}"],
            (seed, line) => lines.Add((seed, line)), (_, line) => errors.Add(line), CancellationToken.None);

        Assert.True(code == ExitCode.Done, string.Join('\n', errors));
        Assert.Equal([3, 4], SeedRuns.Find(_root).Select(run => run.Seed));
        Assert.Equal(2 * 3, lines.Count); // two epochs and the end, of each
        foreach (var (seed, folder) in SeedRuns.Find(_root))
        {
            var alone = Path.Combine(_root, $"alone-{seed}");
            var options = TrainingOptions.Parse("", "none", [.. keys.Append($"trainer.seed={seed}").Select(key => KeyValuePair.Create(key.Split('=')[0], key.Split('=')[1]))]);
            using (var trainer = new Trainer(
                options, Dataset.Open(options.Dataset, seed), RunFolder.Prepare(alone, options, [], resume: false, force: false), TimeProvider.System))
            {
                trainer.Run(CancellationToken.None);
            }
            var (a, b) = (Npz.Read(Path.Combine(alone, "checkpoints", "last.npz")), Npz.Read(Path.Combine(folder, "checkpoints", "last.npz")));
            Assert.Equal(a.Keys.Order(), b.Keys.Order());
            Assert.All(a, entry => Assert.True(entry.Value.Bytes.AsSpan().SequenceEqual(b[entry.Key].Bytes), entry.Key));
        }
    }

    [Fact]
    public async Task A_run_that_fails_gives_its_exit_code_and_its_message()
    {
        var errors = new List<(long Seed, string Line)>();
        var code = await SeedRuns.RunAsync(
            [1], 1, seed => ["train", $"--out={SeedRuns.Folder(_root, seed)}", "--trainer.batch=0"], (_, _) => { },
            (seed, line) => errors.Add((seed, line)), CancellationToken.None);

        Assert.Equal(ExitCode.Usage, code);
        Assert.Contains((1, "error: --trainer.batch: expected an integer of at least 1, found 0."), errors);
    }

    [Fact]
    public async Task A_cancelled_command_ends_its_runs_which_save()
    {
        using var stop = new CancellationTokenSource();
        string[] keys = ["dataset.name=toy4", "dataset.rows_per_epoch=64", "trainer.batch=16", "trainer.epochs=5000", "trainer.patience=5000", "trainer.threads=1"];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => SeedRuns.RunAsync(
            [1], 1, seed => ["train", $"--out={SeedRuns.Folder(_root, seed)}", .. keys.Select(key => $"--{key}")],
            (_, line) => stop.Cancel(), (_, _) => { }, stop.Token));
        Assert.False(Checkpoint.Read(Path.Combine(SeedRuns.Folder(_root, 1), "checkpoints", "last.npz")).State.Finished);
    }

    [Fact]
    public async Task A_stopped_command_says_how_to_go_on()
    {
        const int Terminate = 15;
        var start = new ProcessStartInfo("dotnet",
        [
            "exec", typeof(SeedRuns).Assembly.Location, "train", $"--out={_root}", "--seeds=1..2", "--dataset.name=toy4", "--dataset.rows_per_epoch=64",
            "--network.hidden=[6]", "--network.z=2", "--trainer.batch=16", "--trainer.epochs=1000000", "--trainer.patience=1000000", "--trainer.threads=1",
        ])
        {
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("dotnet does not start.");
        Assert.StartsWith("seed 1  epoch", await process.StandardOutput.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal(0, Signal(process.Id, Terminate));
        var rest = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(ExitCode.Failed, process.ExitCode);
        Assert.EndsWith($"stopped; what was trained is in {_root}. The same command with --resume continues.\n", rest, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_finished_runs_that_differ_in_seed_and_threads_are_averaged()
    {
        Train(1, threads: 1);
        Train(2, threads: 2);
        SeedRuns.RequireAlike(SeedRuns.Find(_root));

        Train(3, epochs: 2);
        var e = Assert.Throws<UsageException>(() => SeedRuns.RequireAlike(SeedRuns.Find(_root)));
        Assert.StartsWith($"{SeedRuns.Folder(_root, 3)}: expected the configuration of {SeedRuns.Folder(_root, 1)}", e.Message, StringComparison.Ordinal);
        Assert.Contains("\n  trainer.epochs: 1 there, 2 now\n", e.Message, StringComparison.Ordinal);

        Directory.Delete(SeedRuns.Folder(_root, 3), recursive: true);
        Train(4, interrupted: true);
        e = Assert.Throws<UsageException>(() => SeedRuns.RequireAlike(SeedRuns.Find(_root)));
        Assert.StartsWith($"{SeedRuns.Folder(_root, 4)}: expected a finished run", e.Message, StringComparison.Ordinal);

        void Train(long seed, int threads = 1, int epochs = 1, bool interrupted = false)
        {
            var options = TrainingOptions.Parse(
                $"dataset: {{ name: toy4, rows_per_epoch: 64 }}\ntrainer: {{ epochs: {epochs}, warmup_epochs: 0, batch: 16, seed: {seed}, threads: {threads} }}", "none");
            using var trainer = new Trainer(
                options, Dataset.Open(options.Dataset, seed), RunFolder.Prepare(SeedRuns.Folder(_root, seed), options, [], resume: false, force: false),
                TimeProvider.System);
            trainer.Run(new CancellationToken(interrupted));
        }
    }

    // Oracle: by hand; deviations of -1, 0 and 1 from a mean of 3.
    [Fact]
    public void The_seeds_evaluation_has_mean_and_sample_deviation_of_what_every_run_has()
    {
        var evaluation = SeedEvaluation.Of(
        [
            (1, new Dictionary<string, double> { ["nll"] = 2, ["knn"] = 0.5 }), (2, new Dictionary<string, double> { ["nll"] = 3 }),
            (5, new Dictionary<string, double> { ["nll"] = 4, ["knn"] = 0.7 }),
        ]);
        Assert.Equal(new SeedEvaluation.Statistic(3, 3, 1), Assert.Single(evaluation.Metrics).Value);
        Assert.Null(SeedEvaluation.Of([(1, new Dictionary<string, double> { ["nll"] = 2 })]).Metrics["nll"].Sd);

        var path = Path.Combine(_root, SeedEvaluation.FileName);
        evaluation.Write(path);
        Assert.Equal(evaluation.ToJson(), SeedEvaluation.Read(path).ToJson());
        using var table = new StringWriter();
        evaluation.Print(table);
        Assert.Equal(["3 seeds (1, 2, 5), mean ± standard deviation", "nll        3.0000 ± 1.0000"], table.ToString().TrimEnd().Split(Environment.NewLine));
    }

    [DllImport("libc", EntryPoint = "kill")]
    static extern int Signal(int process, int signal);
}
