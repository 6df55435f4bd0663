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
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void The_same_seed_gives_the_same_bits(int threads, bool deterministic)
    {
        var options = Threaded(threads);
        options = options with { Trainer = options.Trainer with { Deterministic = deterministic } };
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

    // As experiments/images-conv.yml warms up: β is 1/2 in the first epoch, 1 from the second on.
    [Theory]
    [InlineData(ObjectiveName.Mim, 3)]
    [InlineData(ObjectiveName.AMimImage, 0)]
    public void Of_an_image_model_the_decoding_half_runs_once_the_warm_up_is_over(ObjectiveName objective, int expected)
    {
        var options = Normalised();
        options = options with
        {
            Network = options.Network with { Name = Architectures.ConvHvae },
            Prior = new PriorOptions { Name = PriorName.Vamp, Components = 4 },
            Objective = new ObjectiveOptions { Name = objective, BetaWarmupEpochs = 2 },
            Trainer = options.Trainer with { Epochs = 4, WarmupEpochs = 0, EarlyStopping = EarlyStoppingRule.LookAhead },
        };
        Run(options, "a");
        Assert.Equal(expected, TrainingCourse.Of(TrainingLog.Read(Path.Combine(_root, "a", "metrics.jsonl"))).DecodingHalfEpochs);
        Assert.Equal(expected > 0, Metrics("a")[1]["validation"]?["decoding.loss"] is not null);
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

    // Sprites have grey edges, so the draws of every batch count; their rows are others in each epoch.
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void What_is_made_ahead_changes_no_bit_even_where_a_run_was_interrupted(int prefetch)
    {
        TrainingOptions Ahead(int batches) => Options() with
        {
            Dataset = new DatasetOptions { Name = "sprites", RowsPerEpoch = 16 * StepsPerEpoch, Preprocessing = ["binarise_stochastic"] },
            Likelihood = Likelihood.Bernoulli,
            Trainer = Options().Trainer with { Prefetch = batches },
        };
        Run(Ahead(0), "none");
        Run(Ahead(prefetch), "ahead");
        Assert.Equal(Weights("none"), Weights("ahead"));
        Assert.Equal(Metrics("none").Select(WithoutClock), Metrics("ahead").Select(WithoutClock));

        using var stop = new CancellationTokenSource();
        Run(Ahead(prefetch), "parts", stepped: step => { if (step == (2 * StepsPerEpoch) + 3) { stop.Cancel(); } }, cancellationToken: stop.Token);
        Run(Ahead(prefetch), "parts", resume: true, force: true);
        Assert.Equal(Weights("none"), Weights("parts"));
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

    public static TheoryData<string, TrainerOptions> Everything => new()
    {
        { "accumulate", new() { Accumulate = 2 } },
        { "ema", new() { Ema = 0.9 } },
        { "adamw", new() { Optimiser = OptimiserName.Adamw, WeightDecay = 0.1 } },
        { "adam_norm_grad", new() { Optimiser = OptimiserName.AdamNormGrad } },
        { "look_ahead", new() { EarlyStopping = EarlyStoppingRule.LookAhead } },
        { "bfloat16", new() { Precision = Precision.Bfloat16 } },
        {
            "all",
            new()
            {
                Accumulate = 2,
                Ema = 0.9,
                Optimiser = OptimiserName.AdamNormGrad,
                EarlyStopping = EarlyStoppingRule.LookAhead,
                Deterministic = true,
                ClipNorm = 0.5,
            }
        },
        { "all in bfloat16", new() { Ema = 0.9, Optimiser = OptimiserName.AdamNormGrad, Precision = Precision.Bfloat16, Deterministic = true, ClipNorm = 0.5 } },
    };

    [Theory]
    [MemberData(nameof(Everything))]
    public void With_every_feature_a_run_interrupted_within_an_epoch_continues_bit_for_bit(string name, TrainerOptions trainer)
    {
        var options = Options() with
        {
            Trainer = trainer with { Epochs = 4, Batch = 16, WarmupEpochs = 2, Threads = 1, Device = TrainingDevice.Cpu, LearningRate = 0.01 },
        };
        Run(options, "whole");
        foreach (var lastStep in new[] { 3, 6 })
        {
            using var stop = new CancellationTokenSource();
            Run(options, $"{name}-{lastStep}", stepped: step =>
            {
                if (step == lastStep)
                {
                    stop.Cancel();
                }
            }, cancellationToken: stop.Token);
            Run(options, $"{name}-{lastStep}", resume: true);

            AssertSameRun("whole", $"{name}-{lastStep}");
        }
    }

    // The draws of z for 64 rows are those for 4 times 16: normal numbers come in blocks of 16. float32 over 64 rows and 10 tensors.
    [Theory]
    [InlineData(0, PriorName.Standard)]
    [InlineData(0.05, PriorName.Standard)]
    [InlineData(0, PriorName.Vamp)]
    public void Accumulated_batches_have_the_gradient_and_the_metrics_of_one_large_batch(double clipNorm, PriorName prior)
    {
        var whole = Options(ObjectiveName.Vae) with
        {
            Prior = new PriorOptions { Name = prior, Components = 7 },
            Dataset = Options().Dataset with { RowsPerEpoch = 64 },
            Trainer = Options().Trainer with { Epochs = 1, Batch = 64, WarmupEpochs = 1, ClipNorm = clipNorm },
        };
        var expected = Step(whole, "whole");
        var actual = Step(whole with { Trainer = whole.Trainer with { Batch = 16, Accumulate = 4 } }, "parts");

        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 2e-6 + 1e-5 * Math.Abs(pair.First)));
        var (a, b) = (Metrics("whole").Single(), Metrics("parts").Single());
        Assert.All(Keys(a, "train"), key => Assert.Equal(a["train"]?[key]?.GetValue<double>() ?? 0, b["train"]?[key]?.GetValue<double>() ?? 1, 1e-4));
        Assert.Equal(1, Get(b, "step"));

        double[] Step(TrainingOptions options, string name)
        {
            using var trainer = Create(options, name, false, _ => { }, _ => { });
            trainer.Run(CancellationToken.None);
            using var scope = NewDisposeScope();
            return [.. trainer.Model.parameters().SelectMany(p => (p.grad ?? throw new InvalidOperationException()).data<float>().ToArray()).Select(g => (double)g)];
        }
    }

    // Oracle: the average of the weights after each step, with doubles.
    [Fact]
    public void The_best_model_and_its_validation_loss_are_those_of_the_averaged_weights()
    {
        var options = Options() with { Trainer = Options().Trainer with { Epochs = 1, WarmupEpochs = 1, LearningRate = 0.05, Ema = 0.7 } };
        double[]? average = null;
        Trainer? running = null;
        using (var trainer = Create(options, "a", false, step =>
        {
            var now = Flat(running?.Model ?? throw new InvalidOperationException());
            var decay = Math.Min(0.7, (1.0 + step) / (10 + step));
            average = [.. (average ?? throw new InvalidOperationException()).Zip(now, (e, w) => decay * e + (1 - decay) * w)];
        }, _ => { }))
        {
            running = trainer;
            average = Flat(trainer.Model);
            trainer.Run(CancellationToken.None);
        }
        var best = Checkpoint.Read(Path.Combine(_root, "a", "checkpoints", "best.npz"));
        using var model = Models.Create(options, 2);
        best.RestoreModel(model);
        Assert.All(average.Zip(Flat(model)), pair => Assert.Equal(pair.First, pair.Second, 1e-6)); // float32, weights of order 1

        Run(options with { Trainer = options.Trainer with { Ema = 0 } }, "raw");
        Assert.Equal(Weights("raw"), Weights("a")); // averaging changes no step
        Assert.NotEqual(Validation("raw"), Validation("a"));

        // At the averaged weights the loss without averaging is the loss with it: the same rows, the same draws.
        using var evaluated = Create(options with { Trainer = options.Trainer with { Ema = 0, LearningRate = 1e-9 } }, "evaluated", false, _ => { }, _ => { });
        best.RestoreModel(evaluated.Model);
        evaluated.Run(CancellationToken.None);
        Assert.Equal(Validation("a"), Validation("evaluated"), 1e-4); // eight steps of 1e-9

        double Validation(string run) => Metrics(run).Single()["validation"]?["loss"]?.GetValue<double>() ?? double.NaN;

        static double[] Flat(Autoencoder model) => [.. model.parameters().SelectMany(p => p.data<float>().ToArray()).Select(w => (double)w)];
    }

    [Fact]
    public void Looking_ahead_the_best_model_may_lie_in_the_warm_up_and_patience_starts_behind_it()
    {
        var options = Options() with
        {
            Objective = Options().Objective with { BetaWarmupEpochs = 6 },
            Trainer = Options().Trainer with
            {
                Epochs = 60,
                WarmupEpochs = 0,
                LearningRate = 1e-9,
                Patience = 1,
                EarlyStopping = EarlyStoppingRule.LookAhead,
            },
        };
        Assert.Equal(TrainingEnd.Patience, Run(options, "a"));
        var metrics = Metrics("a");

        Assert.Equal(1, Get(metrics[0], "best_epoch"));
        Assert.All(metrics, m => Assert.Equal(1e-9, Get(m, "learning_rate"))); // no warm-up of the rate
        Assert.Equal(2, metrics.Length - Math.Max(5, (int)Get(metrics[^1], "best_epoch")));
    }

    [Fact]
    public void In_bfloat16_the_layers_round_and_the_weights_do_not()
    {
        var options = Options() with { Trainer = Options().Trainer with { Epochs = 1, WarmupEpochs = 1 } };
        Run(options, "float32");
        Run(options with { Trainer = options.Trainer with { Precision = Precision.Bfloat16 } }, "bfloat16");
        var (full, reduced) = (Losses("float32"), Losses("bfloat16"));

        // bfloat16 has 8 bits: densities of a few nats move by hundredths.
        Assert.NotEqual(full, reduced);
        Assert.Equal(full, reduced, 0.1);
        var bits = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, uint>(Weights("bfloat16")).ToArray();
        Assert.True(bits.Count(word => (word & 0xFFFF) != 0) > bits.Length / 2); // more than bfloat16 holds

        double Losses(string run) => Metrics(run).Single()["train"]?["loss"]?.GetValue<double>() ?? double.NaN;
    }

    [Fact]
    public void Deterministic_algorithms_are_the_only_ones_while_the_trainer_lives()
    {
        var seen = new List<bool>();
        Run(Options() with { Trainer = Options().Trainer with { Deterministic = true } }, "a", stepped: _ => seen.Add(are_deterministic_algorithms_enabled()));
        Assert.All(seen, Assert.True);
        Assert.False(are_deterministic_algorithms_enabled());
    }

    [Fact]
    public void Peak_memory_and_step_time_are_in_the_metrics_and_the_line()
    {
        // Oracle: the kernel's high-water mark before and after.
        var before = HighWaterMark();
        EpochReport? last = null;
        Run(Options(), "a", reported: report => last = report);
        var metrics = Metrics("a");

        Assert.All(metrics, m => Assert.InRange(Get(m, "peak_resident_mib"), before - 1, HighWaterMark() + 1)); // the kernel counts pages in batches
        // Both are rounded, the seconds of an epoch to milliseconds.
        Assert.All(metrics, m => Assert.InRange(Get(m, "step_ms"), 1e-3, ((1e3 * Get(m, "seconds")) + 0.5) / StepsPerEpoch + 1e-3));
        Assert.Matches(@" ms/step +\d+ MiB$", last?.ToString() ?? "");

        static double HighWaterMark() =>
            double.Parse(File.ReadLines("/proc/self/status").Single(line => line.StartsWith("VmHWM", StringComparison.Ordinal)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1],
                System.Globalization.CultureInfo.InvariantCulture) / 1024;
    }

    [Fact]
    public void A_trainer_that_cannot_be_made_leaves_no_tensor_behind()
    {
        // A first one, for what the engine keeps.
        Assert.Throws<UsageException>(() => Run(Options() with { Trainer = Options().Trainer with { Batch = 1000 } }, "a"));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Throws<UsageException>(() => Run(Options() with { Trainer = Options().Trainer with { Batch = 1000 } }, "a"));
        Assert.Throws<UsageException>(() => Run(Options() with { Likelihood = Likelihood.Bernoulli }, "a"));
        Assert.ThrowsAny<Exception>(() => Run(Options() with { Network = Options().Network with { Name = "none" } }, "a"));
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void A_learning_rate_range_steps_through_epochs_and_leaves_no_run_behind()
    {
        var folder = Prepare("range");
        using var trainer = new Trainer(Options(), Dataset.Open(Options().Dataset, 1), folder, TimeProvider.System);
        var range = LearningRateRange.Run(trainer.StepAt, CancellationToken.None);

        Assert.False(Directory.Exists(folder.FullPath));
        Assert.True(range.Points.Count > 10 * StepsPerEpoch);
        // The loss starts where training starts it, here above 4 nats, and falls at some rate.
        Assert.InRange(range.Suggested ?? 0, 1e-4, 0.5);
        Assert.True(range.Points.Min(point => point.Smoothed) < range.Points[0].Smoothed - 0.2);
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
    public void No_tensor_outlives_its_epoch()
    {
        var options = Options() with { Trainer = Options().Trainer with { Epochs = 4, Patience = 4, Ema = 0.9, Precision = Precision.Bfloat16 } };
        var live = new List<long>();
        Run(options, "a", reported: _ => live.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount));

        Assert.Equal(4, live.Count);
        Assert.Equal(live[1], live[3]);
    }

    [Fact]
    public void An_average_without_its_statistics_and_layers_that_do_not_round_are_refused()
    {
        var options = Normalised();
        var e = Assert.Throws<UsageException>(() => Run(options with { Trainer = options.Trainer with { Ema = 0.9 } }, "a"));
        Assert.StartsWith("trainer.ema: expected 0 with network.name: pixel_hvae, found 0.9.", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<UsageException>(() => Run(options with { Trainer = options.Trainer with { Precision = Precision.Bfloat16 } }, "a"));
        Assert.StartsWith("trainer.precision: expected float32 with network.name: pixel_hvae, found bfloat16.", e.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_root, "a")));
    }

    [Fact]
    public void An_epoch_may_end_before_its_rows_and_continues_bit_for_bit()
    {
        var options = Options() with { Trainer = Options().Trainer with { StepsPerEpoch = 3 } };
        Run(options, "whole");
        Assert.Equal([3.0, 6, 9, 12], Metrics("whole").Select(line => Get(line, "step")));

        using var stop = new CancellationTokenSource();
        Run(options, "parts", stepped: step => { if (step == 4) { stop.Cancel(); } }, cancellationToken: stop.Token);
        Run(options, "parts", resume: true);
        AssertSameRun("whole", "parts");

        var longer = options with { Trainer = options.Trainer with { StepsPerEpoch = 9 } };
        var fault = Assert.Throws<UsageException>(() => Run(longer, "more"));
        Assert.StartsWith(
            "trainer.steps_per_epoch: expected at most the 8 that the 128 training rows give, found 9.", fault.Message, StringComparison.Ordinal);
    }

    // Row i is the i-th unit vector: the weights of inputs that were never 1 have no gradient, and stay.
    [Fact]
    public void The_rows_of_a_short_epoch_are_drawn_from_all()
    {
        const int Rows = 20;
        var path = Path.Combine(_root, "units.npy");
        Npy.Write(path, NpyArray.From([.. Enumerable.Range(0, Rows * Rows).Select(i => i % (Rows + 1) == 0 ? 1f : 0f)], Rows, Rows));
        var options = Options(ObjectiveName.Vae) with
        {
            Dataset = new DatasetOptions { Name = "file", Path = path, ValidationFraction = 0.1, TestFraction = 0.1 },
            Trainer = Options().Trainer with { Epochs = 60, Batch = 2, StepsPerEpoch = 1, Patience = 100 },
        };
        using var trainer = Create(options, "a", resume: false, _ => { }, _ => { });
        var before = Models.Matrix(trainer.Model.Encoder().trunk.parameters().First());
        trainer.Run(CancellationToken.None);
        var after = Models.Matrix(trainer.Model.Encoder().trunk.parameters().First());
        var seen = Enumerable.Range(0, Rows).Count(column => Enumerable.Range(0, before.GetLength(0)).Any(i => before[i, column] != after[i, column]));
        Assert.Equal(16, seen); // the training rows; that 60 draws of 2 leave one of 16 out has a probability of 16·(7/8)⁶⁰ < 0.6 %, and the seed is fixed
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
    public void A_network_of_grey_values_refuses_data_outside_the_unit_interval_whatever_the_likelihood()
    {
        var fault = Assert.Throws<UsageException>(() => Run(Options() with { Network = new NetworkOptions { Name = Architectures.Hvae, Width = 5, Z = 2 } }, "a"));
        Assert.StartsWith("network hvae: expected x in [0, 1] after preprocessing, found -", fault.Message, StringComparison.Ordinal);
        Assert.EndsWith("Use 'network.name: mlp' with 'likelihood: gaussian'.", fault.Message, StringComparison.Ordinal);
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
        line.Remove("data_seconds");
        line.Remove("rows_per_second");
        line.Remove("step_ms");
        line.Remove("peak_resident_mib");
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
