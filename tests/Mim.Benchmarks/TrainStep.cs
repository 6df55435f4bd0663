using System.Diagnostics;
using System.Globalization;
using Mim.Inference;
using Mim.Training;

namespace Mim.Benchmarks;

/// <summary>
/// One training step of the 784-500-500-64 VAE at batch 128, as the product's trainer takes it (batch drawn, terms recorded, Adam), against the same step in
/// PyTorch eager (train_step.py), on the same threads. Rows are in memory on both sides; blocks of steps alternate in the order ABBA.
/// </summary>
static class TrainStep
{
    const int Batch = 128;
    const int Warmup = 50;

    public static int Run(string[] args)
    {
        var (threads, pairs, steps, python) = (2, 15, 30, "/usr/bin/python3");
        for (var k = 0; k + 1 < args.Length; k += 2)
        {
            switch (args[k])
            {
                case "--threads": threads = int.Parse(args[k + 1], CultureInfo.InvariantCulture); break;
                case "--pairs": pairs = int.Parse(args[k + 1], CultureInfo.InvariantCulture); break;
                case "--steps": steps = int.Parse(args[k + 1], CultureInfo.InvariantCulture); break;
                case "--python": python = args[k + 1]; break;
                default: Console.Error.WriteLine($"unknown option {args[k]}"); return 2;
            }
        }

        // Every block of one epoch: no validation or checkpoint falls between.
        var epoch = Warmup + 4 * steps + 2 * pairs * steps;
        var rows = epoch * Batch;
        using var ours = new TrainerBlocks(threads, rows);
        using var foreach_ = new Peer(python, threads, rows, "foreach");
        using var single = new Peer(python, threads, rows, "single");
        ours.Seconds(Warmup);
        foreach_.Seconds(Warmup);
        single.Seconds(Warmup);
        var peer = foreach_.Seconds(2 * steps) + foreach_.Seconds(2 * steps) < single.Seconds(2 * steps) + single.Seconds(2 * steps) ? foreach_ : single;
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
            $"train step 784-500-500-64, batch {Batch}, {threads} threads: ours {Median(a):F3} ms, PyTorch eager ({peer.Mode}) {Median(b):F3} ms; "
            + $"ratio {ratio.Median:F3}, 95 % of {pairs} pairs {ratio.Low:F3} to {ratio.High:F3}"));
        return 0;
    }

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

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

        public TrainerBlocks(int threads, int rows)
        {
            var options = TrainingOptions.Parse(
                string.Create(CultureInfo.InvariantCulture,
                    $$"""
                    network: { hidden: [500, 500], z: 64, activation: tanh }
                    likelihood: bernoulli
                    objective: { name: vae }
                    trainer: { threads: {{threads}}, batch: {{Batch}}, epochs: 1, warmup_epochs: 1 }
                    """), "benchmark");
            _thread = new Thread(() =>
            {
                using var trainer = new Trainer(
                    options, new UniformImages(rows), RunFolder.Prepare(_folder.FullName, options, [], resume: false, force: true), TimeProvider.System)
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

        public Peer(string python, int threads, int rows, string mode)
        {
            Mode = mode;
            _process = Process.Start(new ProcessStartInfo(
                python, [Path.Combine(AppContext.BaseDirectory, "train_step.py"), threads.ToString(CultureInfo.InvariantCulture), mode, rows.ToString(CultureInfo.InvariantCulture)])
            { RedirectStandardInput = true, RedirectStandardOutput = true }) ?? throw new InvalidOperationException($"{python} did not start.");
        }

        public string Mode { get; }

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

    sealed class UniformImages(int rows) : Dataset
    {
        readonly DataSplit _train = Draw(rows);
        readonly DataSplit _validation = Draw(Batch);

        public override string Name => "uniform";

        public override IReadOnlyList<long> XShape => [784];

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
