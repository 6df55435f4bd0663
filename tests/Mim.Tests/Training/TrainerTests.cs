using System.Text.Json;
using System.Text.Json.Nodes;
using Mim.Models;
using Mim.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>The engine's thread count belongs to the process.</summary>
[CollectionDefinition(nameof(EngineThreads), DisableParallelization = true)]
public sealed class EngineThreads;

[Collection(nameof(EngineThreads))]
public sealed class TrainerTests : IDisposable
{
    const int StepsPerEpoch = 8;

    readonly string _root = Directory.CreateTempSubdirectory("mim-trainer-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_same_seed_gives_the_same_bits(int threads)
    {
        var options = Threaded(threads);
        Run(options, "a");
        Assert.Equal(threads, get_num_threads());
        Run(options, "b");

        AssertSameRun("a", "b");
    }

    [Fact]
    public void The_statistics_of_a_normalisation_continue_bit_for_bit_too()
    {
        var options = Normalised();
        Run(options, "whole");
        using var stop = new CancellationTokenSource();
        Run(options, "parts", stepped: step =>
        {
            if (step == 4)
            {
                stop.Cancel();
            }
        }, cancellationToken: stop.Token);
        Run(options, "parts", resume: true);

        AssertSameRun("whole", "parts");
        Assert.Contains("model/decoder.pixels.1.running_var", Arrays("whole", "last").Keys);
    }

    [Fact]
    public void Validation_gathers_no_statistics()
    {
        using var trainer = Create(Normalised(), "a", resume: false, _ => { }, _ => { });
        trainer.Run(CancellationToken.None);
        var batches = trainer.Model.named_buffers().Where(b => b.Item1.EndsWith("num_batches_tracked", StringComparison.Ordinal)).ToArray();
        Assert.Equal(8, batches.Length);
        Assert.All(batches, b => Assert.Equal(trainer.Step, b.Item2.item<long>()));
    }

    [Fact]
    public void Another_seed_gives_other_weights()
    {
        Run(Options(), "a");
        Run(Options(seed: 2), "b");
        Assert.NotEqual(Weights("a"), Weights("b"));
    }

    [Theory]
    [InlineData(0, 11)]
    [InlineData(0, StepsPerEpoch)] // the step that ends an epoch
    [InlineData(0, 1)]
    [InlineData(1, 3)]
    [InlineData(2, 3)]
    public void A_run_interrupted_within_an_epoch_continues_bit_for_bit(int threads, int lastStep)
    {
        var options = threads == 0 ? Options() : Threaded(threads);
        Run(options, "whole");

        using var stop = new CancellationTokenSource();
        var end = Run(options, "parts", resume: false, stepped: step =>
        {
            if (step == lastStep)
            {
                stop.Cancel();
            }
        }, cancellationToken: stop.Token);
        Assert.Equal(TrainingEnd.Interrupted, end);
        Assert.Equal(lastStep, Checkpoint.Read(Path.Combine(_root, "parts", "checkpoints", "last.npz")).State.Step);
        Run(options, "parts", resume: true);

        AssertSameRun("whole", "parts");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_run_killed_after_an_epoch_continues_bit_for_bit_and_drops_later_metrics(int threads)
    {
        var options = Threaded(threads);
        var killed = Path.Combine(_root, "killed");
        Run(options, "whole", reported: report =>
        {
            if (report.Epoch == 1)
            {
                CopyFolder(Path.Combine(_root, "whole"), killed);
            }
        });
        File.AppendAllText(Path.Combine(killed, "metrics.jsonl"), "{\"epoch\":2,\"step\":8}\n{\"epo");
        Run(options, "killed", resume: true);

        AssertSameRun("whole", "killed");
    }

    [Fact]
    public void A_resumed_run_remembers_its_best_epoch_and_its_patience()
    {
        // A model that does not move: the validation loss is noise, and the last epochs are those that patience grants.
        var options = Options() with { Trainer = Options().Trainer with { Epochs = 60, LearningRate = 1e-9, Patience = 1 } };
        Assert.Equal(TrainingEnd.Patience, Run(options, "whole"));
        var lastEpoch = Metrics("whole").Length;

        using var stop = new CancellationTokenSource();
        Run(options, "parts", stepped: step =>
        {
            if (step == (lastEpoch - 1) * StepsPerEpoch + 3)
            {
                stop.Cancel();
            }
        }, cancellationToken: stop.Token);
        Assert.Equal(TrainingEnd.Patience, Run(options, "parts", resume: true));

        AssertSameRun("whole", "parts");
    }

    [Fact]
    public void Checkpoints_that_wait_for_the_disk_are_written_when_the_run_ends()
    {
        var options = Options();
        Run(options, "a");
        var written = false;
        void Look(EpochReport report) => written |= Directory.GetFiles(Path.Combine(_root, "b", "checkpoints")).Length > 0;
        using (var trainer = Create(options, "b", false, _ => { }, Look, TimeSpan.MaxValue))
        {
            trainer.Run(CancellationToken.None);
        }
        Assert.False(written);
        AssertSameRun("a", "b");
    }

    [Fact]
    public void A_finished_run_that_is_resumed_stays_as_it_is()
    {
        var options = Options();
        Run(options, "a");
        var before = Weights("a");
        Assert.Equal(TrainingEnd.Epochs, Run(options, "a", resume: true));
        Assert.Equal(before, Weights("a"));
        Assert.Equal(4, Metrics("a").Length);
    }

    [Theory]
    [InlineData(ObjectiveName.Mim, Likelihood.Gaussian)]
    [InlineData(ObjectiveName.Mim, Likelihood.Bernoulli)]
    [InlineData(ObjectiveName.AMim, Likelihood.Gaussian)]
    [InlineData(ObjectiveName.Vae, Likelihood.Gaussian)]
    [InlineData(ObjectiveName.Ae, Likelihood.Gaussian)]
    public void The_metrics_name_every_term(ObjectiveName objective, Likelihood likelihood)
    {
        var options = Options() with
        {
            Likelihood = likelihood,
            Objective = new ObjectiveOptions { Name = objective, BetaWarmupEpochs = 2 },
            Dataset = Options().Dataset with { Preprocessing = likelihood == Likelihood.Bernoulli ? ["binarise: 0"] : [] },
        };
        Run(options, "a");
        string[] logQx = objective is ObjectiveName.Mim or ObjectiveName.AMim ? ["log_qx"] : [];
        string[] terms = ["log_pxz", "log_pz", "log_qzx", .. logQx, "loss"];
        var encoding = terms.Select(t => $"encoding.{t}").Prepend("loss").ToArray();
        var both = objective == ObjectiveName.Mim ? encoding.Concat(terms.Select(t => $"decoding.{t}")).ToArray() : encoding;

        var metrics = Metrics("a");
        Assert.Equal([1, 2, 3, 4], metrics.Select(m => (int)Get(m, "epoch")));
        Assert.Equal([0.5, 1, 1, 1], metrics.Select(m => Get(m, "beta")));
        Assert.Equal(encoding, Keys(metrics[0], "train")); // β's warm-up: no decoding half yet
        Assert.Equal(both, Keys(metrics[0], "validation")); // which the validation loss always has
        Assert.All(metrics[1..], m => Assert.Equal(both, Keys(m, "train")));
        Assert.Equal([8, 16, 24, 32], metrics.Select(m => (int)Get(m, "step")));
    }

    [Fact]
    public void The_rate_in_the_metrics_follows_the_schedule_and_patience_ends_the_run()
    {
        var options = Options() with { Trainer = Options().Trainer with { Epochs = 60, LearningRate = 1e-9, WarmupEpochs = 2, Patience = 1 } };
        var end = Run(options, "a");
        var metrics = Metrics("a");

        Assert.Equal(TrainingEnd.Patience, end);
        Assert.All(metrics, m => Assert.Equal(1e-9 * Schedule.Noam((int)Get(m, "epoch"), 2), Get(m, "learning_rate"), 1e-18));
        // A model that does not move: the validation loss is noise, and two epochs in a row without a better one come soon.
        Assert.Equal(2, metrics.Length - (int)Get(metrics[^1], "best_epoch"));
        Assert.True(Checkpoint.Read(Path.Combine(_root, "a", "checkpoints", "last.npz")).State.Finished);
    }

    [Fact]
    public void Training_on_the_toy_lowers_the_validation_loss()
    {
        var options = Options(ObjectiveName.Vae) with { Trainer = Options().Trainer with { Epochs = 20, LearningRate = 1e-2, Patience = 20 } };
        Run(options, "a");
        var losses = Metrics("a").Select(m => m["validation"]?["loss"]?.GetValue<double>() ?? double.NaN).ToArray();

        // −ELBO of toy4 starts near 3 nats and is below 2.1 for any trained VAE; one that encodes nothing reaches 2.0.
        Assert.True(losses[0] > 2.2 && losses.Min() < 2.15, string.Join(' ', losses));
    }

    [Fact]
    public void The_gradient_norm_is_clipped_and_recorded()
    {
        var options = Options() with { Trainer = Options().Trainer with { ClipNorm = 1e-3 } };
        using var trainer = Create(options, "a", false, step => { }, _ => { });
        trainer.Run(CancellationToken.None);
        using var scope = NewDisposeScope();
        var squares = trainer.Model.parameters().Sum(p => p.grad is { } gradient ? gradient.square().sum().item<float>() : 0);

        Assert.Equal(1e-3, Math.Sqrt(squares), 1e-6); // float32
        Assert.All(Metrics("a"), m => Assert.True(m["train"]?["gradient_norm"]?.GetValue<double>() > 1e-3));
    }

    [Theory]
    [InlineData("decoder.mean.bias", 5, "encoding.log_pxz", 6)] // the next step's likelihood
    [InlineData("encoder.trunk.0.bias", 5, "gradient", 5)] // all terms at once: what a gradient leaves behind
    public void A_number_that_is_not_finite_stops_training_with_step_term_and_checkpoint(string poisoned, int after, string term, int step)
    {
        Trainer? trainer = null;
        using (trainer = Create(Options(), "a", false, taken =>
        {
            if (taken == StepsPerEpoch + after)
            {
                using var scope = NewDisposeScope();
                using var _ = no_grad();
                trainer?.Model.named_parameters().Single(p => p.name == poisoned).parameter.fill_(float.NaN);
            }
        }, _ => { }))
        {
            var fault = Assert.Throws<NotFiniteNumberException>(() => trainer.Run(CancellationToken.None));

            var expected = $"step {StepsPerEpoch + step} (epoch 2): expected {term} to be finite, found NaN.";
            Assert.StartsWith(expected, fault.Message, StringComparison.Ordinal);
            Assert.Contains(Path.Combine(_root, "a", "checkpoints", "last.npz"), fault.Message, StringComparison.Ordinal);
        }
        Assert.Equal(StepsPerEpoch, Checkpoint.Read(Path.Combine(_root, "a", "checkpoints", "last.npz")).State.Step);
        Assert.Single(Metrics("a"));
    }

    [Fact]
    public void No_tensor_outlives_its_step()
    {
        var options = Options() with
        {
            Dataset = Options().Dataset with { RowsPerEpoch = 1100 * 4 },
            Objective = Options().Objective with { BetaWarmupEpochs = 0 },
            Trainer = Options().Trainer with { Epochs = 1, Batch = 4, ClipNorm = 1 },
        };
        var live = new List<long>();
        Run(options, "a", stepped: _ => live.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount));

        Assert.Equal(1100, live.Count);
        Assert.Equal(live[50], live[^1]);
        Assert.Single(live[50..].Distinct());
    }

    [Fact]
    public void A_batch_larger_than_the_data_is_refused()
    {
        var options = Options() with { Trainer = Options().Trainer with { Batch = 1000 } };
        var fault = Assert.Throws<UsageException>(() => Run(options, "a"));
        Assert.StartsWith("trainer.batch: expected at most the 128 training rows, found 1000.", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bernoulli_likelihood_refuses_data_outside_the_unit_interval()
    {
        var fault = Assert.Throws<UsageException>(() => Run(Options() with { Likelihood = Likelihood.Bernoulli }, "a"));
        Assert.StartsWith("likelihood bernoulli: expected x in [0, 1] after preprocessing, found -", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_with_another_configuration_or_an_unfinished_run_is_not_overwritten()
    {
        Run(Options(), "a");
        var folder = Path.Combine(_root, "a");
        var other = Assert.Throws<UsageException>(() => Prepare("a", seed: 3));
        Assert.Contains("  trainer.seed: 1 there, 3 now", other.Message, StringComparison.Ordinal);
        Assert.Throws<UsageException>(() => Prepare("a", seed: 3, resume: true));
        Assert.True(File.Exists(Path.Combine(folder, "checkpoints", "best.npz")));

        using var stop = new CancellationTokenSource();
        Run(Options(), "b", stepped: step => { if (step == 3) { stop.Cancel(); } }, cancellationToken: stop.Token);
        var unfinished = Assert.Throws<UsageException>(() => Prepare("b"));
        Assert.Contains("holds an unfinished run of this configuration (step 3)", unfinished.Message, StringComparison.Ordinal);
        Assert.Throws<UsageException>(() => Prepare("c", resume: true));

        var replaced = Prepare("a", seed: 3, force: true);
        Assert.True(File.Exists(Path.Combine(folder, "checkpoints", "best.npz")));
        replaced.Begin();
        Assert.False(File.Exists(Path.Combine(folder, "checkpoints", "best.npz")));
        Assert.Equal(3, RunFolder.Open(folder).Options.Trainer.Seed);
    }

    [Fact]
    public void A_new_training_removes_what_was_made_of_the_last_one_and_a_resumed_one_keeps_it()
    {
        Run(Options(), "a");
        var folder = Prepare("a", resume: true);
        File.WriteAllText(folder.Evaluation, "{}");
        Directory.CreateDirectory(folder.Package);
        File.WriteAllText(Path.Combine(folder.Package, ModelManifest.FileName), "{}");
        folder.Begin();
        Assert.True(File.Exists(folder.Evaluation) && Directory.Exists(folder.Package));
        Prepare("a").Begin();
        Assert.False(File.Exists(folder.Evaluation) || Directory.Exists(folder.Package));
    }

    [Fact]
    public void Resuming_with_more_epochs_trains_on_and_what_made_the_weights_cannot_be_changed()
    {
        var (four, six) = (Options(), Options() with { Trainer = Options().Trainer with { Epochs = 6, Patience = 9 } });
        Run(six, "six");
        Run(four with { Trainer = four.Trainer with { Patience = 9 } }, "four");
        Assert.Throws<UsageException>(() => Run(six, "four", resume: true));
        Assert.Equal(TrainingEnd.Epochs, Run(six, "four", resume: true, force: true));
        Assert.Equal(Weights("six"), Weights("four"));
        Assert.Equal(Metrics("six").Select(WithoutClock), Metrics("four").Select(WithoutClock));

        // best.npz would be judged under a floor that it was not trained with.
        var wider = six with
        {
            Network = six.Network with { SigmaFloor = 1e-3 },
            Trainer = six.Trainer with { Batch = 32, LearningRate = 1e-2 },
        };
        var e = Assert.Throws<UsageException>(() => Run(wider, "four", resume: true, force: true));
        Assert.Contains("  trainer.batch: 16 there, 32 now", e.Message, StringComparison.Ordinal);
        Assert.Contains("  network.sigma_floor: ", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("trainer.learning_rate: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Resuming_with_less_patience_ends_at_once()
    {
        var options = Options() with { Trainer = Options().Trainer with { Epochs = 60, LearningRate = 1e-9, Patience = 2 } };
        Run(options, "a");
        var epochs = Metrics("a").Length;
        var end = Run(options with { Trainer = options.Trainer with { Patience = 0 } }, "a", resume: true, force: true);
        Assert.Equal((TrainingEnd.Patience, epochs), (end, Metrics("a").Length));
    }

    [Fact]
    public void A_checkpoint_of_another_architecture_is_refused()
    {
        Run(Options(), "a");
        var checkpoint = Checkpoint.Read(Path.Combine(_root, "a", "checkpoints", "best.npz"));
        using var model = Models.Create(Models.Options(hidden: 9), 2);
        var fault = Assert.Throws<InvalidDataException>(() => checkpoint.RestoreModel(model));
        Assert.Contains("expected 'model/encoder.trunk.0.weight' of shape [9, 2], found [6, 2].", fault.Message, StringComparison.Ordinal);
    }

    static TrainingOptions Options(ObjectiveName objective = ObjectiveName.Mim, long seed = 1, int threads = 1) => new()
    {
        Dataset = new DatasetOptions { Name = "toy4", RowsPerEpoch = 128 },
        Network = new NetworkOptions { Hidden = [6], Z = 2 },
        Objective = new ObjectiveOptions { Name = objective, BetaWarmupEpochs = 2 },
        Trainer = new TrainerOptions
        {
            Epochs = 4,
            Batch = 128 / StepsPerEpoch,
            WarmupEpochs = 2,
            Seed = seed,
            Threads = threads,
            Device = TrainingDevice.Cpu,
        },
    };

    /// <summary>Large enough for the engine to share its matrix products out: 4 steps an epoch.</summary>
    static TrainingOptions Threaded(int threads) => Options(threads: threads) with
    {
        Dataset = new DatasetOptions { Name = "toy4", RowsPerEpoch = 2048 },
        Network = new NetworkOptions { Hidden = [256, 256], Z = 2 },
        Trainer = Options().Trainer with { Epochs = 2, Batch = 512, Threads = threads },
    };

    /// <summary>A network whose BatchNorm gathers statistics: 3 steps an epoch on binary images of 4×4.</summary>
    TrainingOptions Normalised()
    {
        var path = Path.Combine(_root, "images.npy");
        using var noise = new Generator(9);
        using var bits = TwoLevel.Bits(40, 16, noise);
        Npy.Write(path, NpyArray.From(bits.data<float>().ToArray(), 40, 4, 4));
        return Options(ObjectiveName.Vae) with
        {
            Dataset = new DatasetOptions { Name = "file", Path = path, ValidationFraction = 0.3, TestFraction = 0.1 },
            Network = new NetworkOptions { Name = Architectures.PixelHvae, Width = 5, Z = 2 },
            Likelihood = Likelihood.Bernoulli,
            Trainer = Options().Trainer with { Epochs = 2, Batch = 7 },
        };
    }

    RunFolder Prepare(string name, long seed = 1, bool resume = false, bool force = false) =>
        RunFolder.Prepare(Path.Combine(_root, name), Options(seed: seed), [], resume, force);

    Trainer Create(
        TrainingOptions options, string name, bool resume, Action<long> stepped, Action<EpochReport> reported, TimeSpan? interval = null,
        bool force = false)
    {
        var folder = RunFolder.Prepare(Path.Combine(_root, name), options, [], resume, force);
        var trainer = new Trainer(options, Dataset.Open(options.Dataset, options.Trainer.Seed), folder, TimeProvider.System)
        {
            Stepped = stepped,
            Reported = reported,
            CheckpointInterval = interval ?? TimeSpan.Zero,
        };
        if (resume)
        {
            trainer.Restore(Checkpoint.Read(folder.LastCheckpoint));
        }
        return trainer;
    }

    TrainingEnd Run(
        TrainingOptions options, string name, bool resume = false, Action<long>? stepped = null, Action<EpochReport>? reported = null,
        bool force = false, CancellationToken cancellationToken = default)
    {
        using var trainer = Create(options, name, resume, stepped ?? (_ => { }), reported ?? (_ => { }), force: force);
        return trainer.Run(cancellationToken);
    }

    /// <summary>Checkpoints byte for byte, metrics but for the clock.</summary>
    void AssertSameRun(string expected, string actual)
    {
        foreach (var name in new[] { "last", "best" })
        {
            var (a, b) = (Arrays(expected, name), Arrays(actual, name));
            Assert.Equal(a.Keys.Order(), b.Keys.Order());
            Assert.All(a, entry => Assert.True(entry.Value.Bytes.AsSpan().SequenceEqual(b[entry.Key].Bytes), $"{name}.npz, {entry.Key}"));
        }
        Assert.Equal(Metrics(expected).Select(WithoutClock), Metrics(actual).Select(WithoutClock));
    }

    static string WithoutClock(JsonObject line)
    {
        line.Remove("seconds");
        line.Remove("rows_per_second");
        return line.ToJsonString();
    }

    IReadOnlyDictionary<string, NpyArray> Arrays(string run, string name) =>
        Npz.Read(Path.Combine(_root, run, "checkpoints", $"{name}.npz"));

    byte[] Weights(string run) =>
        [.. Arrays(run, "last").Where(a => a.Key.StartsWith("model/", StringComparison.Ordinal)).SelectMany(a => a.Value.Bytes)];

    JsonObject[] Metrics(string run) =>
        [.. File.ReadLines(Path.Combine(_root, run, "metrics.jsonl")).Select(line => JsonSerializer.Deserialize<JsonObject>(line) ?? [])];

    static double Get(JsonObject line, string key) => line[key]?.GetValue<double>() ?? double.NaN;

    static IEnumerable<string> Keys(JsonObject line, string key) => ((JsonObject?)line[key] ?? []).Select(e => e.Key);

    static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target) ?? to);
            File.Copy(file, target);
        }
    }
}
