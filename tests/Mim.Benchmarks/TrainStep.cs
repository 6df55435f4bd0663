using System.Diagnostics;
using System.Globalization;
using Mim.Inference;
using Mim.Training;

namespace Mim.Benchmarks;

/// <summary>
/// One training step of a VAE, as the product's trainer takes it (batch drawn, terms recorded, Adam), against the same step in PyTorch eager
/// (train_step.py), on the same threads. Rows are in memory on both sides; blocks of steps alternate in the order ABBA. The networks are those of the
/// paper's images at its batch, and a dense one. The peer is the fastest of its ways to run: Adam's foreach on or off, images in either memory layout.
/// </summary>
static class TrainStep
{
    static readonly string[] s_imageModes = ["foreach", "single", "foreach-channels_last", "single-channels_last"];

    static readonly Subject[] s_subjects =
    [
        new("mlp", "784-500-500-64", 128, Warmup: 50, Steps: 30, ["foreach", "single"], "network: { hidden: [500, 500], z: 64, activation: tanh }"),
        new("conv_hvae", "conv_hvae 28×28, z = 2·40", 100, Warmup: 3, Steps: 4, s_imageModes, "network: { name: conv_hvae, z: 40 }"),
        new("pixel_hvae", "pixel_hvae 28×28, z = 2·40", 100, Warmup: 3, Steps: 4, s_imageModes, "network: { name: pixel_hvae, z: 40 }"),
    ];

    public static int Run(string[] args)
    {
        var (threads, pairs, steps, python) = (2, 15, 0, "/usr/bin/python3");
        var (subject, precision) = (s_subjects[0], "float32");
        for (var k = 0; k + 1 < args.Length; k += 2)
        {
            switch (args[k])
            {
                case "--threads": threads = int.Parse(args[k + 1], CultureInfo.InvariantCulture); break;
                case "--pairs": pairs = int.Parse(args[k + 1], CultureInfo.InvariantCulture); break;
                case "--steps": steps = int.Parse(args[k + 1], CultureInfo.InvariantCulture); break;
                case "--python": python = args[k + 1]; break;
                case "--precision": precision = args[k + 1]; break;
                case "--network" when Array.Find(s_subjects, s => s.Network == args[k + 1]) is { } chosen: subject = chosen; break;
                default: Console.Error.WriteLine($"unknown option {args[k]}"); return 2;
            }
        }

        steps = steps > 0 ? steps : subject.Steps;
        // Every block of one epoch: no validation or checkpoint falls between.
        var rows = (subject.Warmup + 2 * pairs * steps) * subject.Batch;
        using var ours = new TrainerBlocks(subject, precision, threads, rows);
        ours.Seconds(subject.Warmup);
        using var peer = Peer.Fastest(subject, python, threads, rows, steps);
        var (a, b, ratios) = (new List<double>(), new List<double>(), new List<double>());
        for (var pair = 0; pair < pairs; pair++)
        {
            var first = ours.Seconds(steps);
            var theirs = peer.Seconds(steps) + peer.Seconds(steps);
            var mine = first + ours.Seconds(steps);
            a.Add(mine / (2 * steps) * 1e3);
            b.Add(theirs / (2 * steps) * 1e3);
            ratios.Add(mine / theirs);
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"pair {pair + 1,3}  ours {a[^1]:F3} ms  PyTorch {b[^1]:F3} ms  ratio {ratios[^1]:F3}"));
        }
        var ratio = PairedRatio.Of(ratios);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"train step {subject.Title}, batch {subject.Batch}, {threads} threads: ours ({precision}) {Median(a):F3} ms, PyTorch eager (float32, {peer.Mode}) {Median(b):F3} ms; "
            + $"ratio {ratio.Median:F3}, 95 % of {pairs} pairs {ratio.Low:F3} to {ratio.High:F3}"));
        return 0;
    }

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <param name="Network">As the peer's command line has it.</param>
    /// <param name="Warmup">Steps before the first block.</param>
    /// <param name="Steps">Of one block.</param>
    /// <param name="Modes">The peer's ways to run.</param>
    sealed record Subject(string Network, string Title, int Batch, int Warmup, int Steps, string[] Modes, string Yaml);

    /// <summary>The product's trainer on a thread of its own, held between blocks of steps in its own step callback.</summary>
    sealed class TrainerBlocks : IDisposable
    {
        readonly SemaphoreSlim _go = new(0);
        readonly SemaphoreSlim _done = new(0);
        readonly CancellationTokenSource _stop = new();
        readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mim-train-step");
        readonly Thread _thread;
        int _remaining;
        long _end;

        public TrainerBlocks(Subject subject, string precision, int threads, int rows)
        {
            var options = TrainingOptions.Parse(
                string.Create(CultureInfo.InvariantCulture,
                    $$"""
                    {{subject.Yaml}}
                    likelihood: bernoulli
                    objective: { name: vae }
                    trainer: { threads: {{threads}}, batch: {{subject.Batch}}, epochs: 1, warmup_epochs: 1, precision: {{precision}} }
                    """), "benchmark");
            _thread = new Thread(() =>
            {
                using var trainer = new Trainer(
                    options, new UniformImages(rows, subject.Batch), RunFolder.Prepare(_folder.FullName, options, [], resume: false, force: true), TimeProvider.System)
                {
                    Stepped = Stepped,
                };
                _go.Wait();
                trainer.Run(_stop.Token);
                _done.Release();
            });
            _thread.Start();
        }

        public double Seconds(int steps)
        {
            _remaining = steps;
            var begin = Stopwatch.GetTimestamp();
            _go.Release();
            _done.Wait();
            return Stopwatch.GetElapsedTime(begin, _end).TotalSeconds;
        }

        public void Dispose()
        {
            _stop.Cancel();
            _go.Release();
            _thread.Join();
            _folder.Delete(recursive: true);
            _go.Dispose();
            _done.Dispose();
            _stop.Dispose();
        }

        void Stepped(long step)
        {
            if (_stop.IsCancellationRequested || --_remaining > 0)
            {
                return;
            }
            _end = Stopwatch.GetTimestamp();
            _done.Release();
            _go.Wait();
        }
    }

    sealed class Peer : IDisposable
    {
        readonly Process _process;

        Peer(Subject subject, string mode, string python, int threads, int rows)
        {
            Mode = mode;
            _process = Process.Start(new ProcessStartInfo(
                python,
                [
                    Path.Combine(AppContext.BaseDirectory, "train_step.py"), subject.Network, threads.ToString(CultureInfo.InvariantCulture), mode,
                    rows.ToString(CultureInfo.InvariantCulture),
                ])
            { RedirectStandardInput = true, RedirectStandardOutput = true }) ?? throw new InvalidOperationException($"{python} did not start.");
        }

        public string Mode { get; }

        /// <summary>All modes take turns, twice, so that none has the quieter time; the others end.</summary>
        public static Peer Fastest(Subject subject, string python, int threads, int rows, int steps)
        {
            Peer[] peers = [.. subject.Modes.Select(mode => new Peer(subject, mode, python, threads, rows))];
            foreach (var peer in peers)
            {
                peer.Seconds(subject.Warmup);
            }
            var seconds = peers.ToDictionary(peer => peer, _ => 0.0);
            for (var turn = 0; turn < 2; turn++)
            {
                foreach (var peer in peers)
                {
                    seconds[peer] += peer.Seconds(2 * steps);
                }
            }
            var fastest = peers.MinBy(peer => seconds[peer]) ?? throw new InvalidOperationException("Every subject has a mode.");
            foreach (var slower in peers.Where(peer => peer != fastest))
            {
                slower.Dispose();
            }
            return fastest;
        }

        public double Seconds(int steps)
        {
            _process.StandardInput.WriteLine(steps);
            return double.Parse(_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("train_step.py ended early."), CultureInfo.InvariantCulture);
        }

        public void Dispose()
        {
            _process.StandardInput.Close();
            _process.WaitForExit();
            _process.Dispose();
        }
    }

    sealed class UniformImages(int rows, int batch) : Dataset
    {
        readonly DataSplit _train = Draw(rows);
        readonly DataSplit _validation = Draw(batch);

        public override string Name => "uniform";

        public override IReadOnlyList<long> XShape => [28, 28];

        public override bool HasLabels => false;

        public override string Sha256 => "";

        public override DataSplit Load(SplitName split, int epoch) => split == SplitName.Train ? _train : _validation;

        static DataSplit Draw(int rows)
        {
            var random = new Random(1);
            var x = new float[rows * 784];
            for (var i = 0; i < x.Length; i++)
            {
                x[i] = random.NextSingle();
            }
            return new DataSplit(x, rows, 784, null);
        }
    }
}
