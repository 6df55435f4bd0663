using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Training;

public sealed class TrainingOptionsTests
{
    [Fact]
    public void Nothing_given_is_the_published_preset_and_equals_the_records_defaults() =>
        Assert.Equal(new TrainingOptions().ToJson().ToJsonString(), TrainingOptions.Parse("", "none").ToJson().ToJsonString());

    [Fact]
    public void Flags_win_over_the_file_and_the_file_over_the_preset()
    {
        var options = TrainingOptions.Parse(
            "preset: recommended\nnetwork: { z: 4, hidden: [7] }\npreprocessing: [standardise, scale: 255]", "a.yml",
            new("network.z", "9"), new("trainer.seed", "-5"));

        Assert.Equal(9, options.Network.Z);
        Assert.Equal([7], options.Network.Hidden);
        Assert.Equal(Activation.Silu, options.Network.Activation);
        Assert.Equal(-5, options.Trainer.Seed);
        Assert.Equal(["standardise", "scale: 255"], options.Dataset.Preprocessing);
    }

    [Theory]
    [InlineData("", Preset.Published)]
    [InlineData("dataset: { name: toy4 }", Preset.Published)]
    [InlineData("dataset: { name: sprites }", Preset.Recommended)]
    [InlineData("dataset: { path: rows.csv }", Preset.Recommended)]
    [InlineData("dataset: { path: rows.csv }\npreset: published", Preset.Published)]
    public void The_preset_follows_the_data_unless_it_is_named(string yaml, Preset expected) =>
        Assert.Equal(expected, TrainingOptions.Parse(yaml, "a.yml").Preset);

    [Fact]
    public void Every_key_of_the_table_reaches_the_record()
    {
        var before = TrainingOptions.Parse("", "none").ToJson().ToJsonString();
        foreach (var key in TrainingOptions.Keys)
        {
            // Another legal value: the other preset's, or one made for the key.
            var other = key.Path switch
            {
                "dataset.header" => "false",
                "dataset.columns" or "dataset.categorical" or "dataset.more_paths" or "dataset.more_labels_paths" => "[a, b]",
                "dataset.augment" => "affine",
                "dataset.validation_rows" or "trainer.steps_per_epoch" => "70",
                "dataset.validation_fraction" or "dataset.test_fraction" => "0.25",
                "dataset.split_seed" or "trainer.seed" or "trainer.threads" or "trainer.prefetch" => "7",
                "dataset.rows_per_epoch" or "dataset.image_size" or "trainer.batch" or "prior.components" or "objective.q_x_components"
                    or "network.likelihood_components" or "network.width" => "77",
                "network.name" => "hvae",
                "objective.decoder_log_qx" => "fresh_z",
                "objective.name" => "vae",
                "objective.q_x" => "pseudo",
                "objective.bernoulli_gradient" => "score_function",
                "prior.name" => "vamp",
                "prior.pseudo_init" => "random",
                "likelihood" => "logistic",
                "trainer.clip_norm" => "2.5",
                "trainer.device" => "cpu",
                "trainer.accumulate" => "2",
                "trainer.optimiser" => "adamw",
                "trainer.weight_decay" or "trainer.ema" => "0.5",
                "trainer.early_stopping" => "look_ahead",
                "trainer.precision" => "bfloat16",
                "trainer.deterministic" => "true",
                "trainer.learning_rate" => "0.1",
                "objective.samples" or "objective.beta" or "objective.temperature" or "network.likelihood_sigma" => "2",
                _ when key.Recommended is { } text && text != key.Published => text,
                _ => "text",
            };
            KeyValuePair<string, string>[] flags = key.Path switch
            {
                "objective.samples" => [new(key.Path, other), new("objective.decoder_log_qx", "fresh_z")],
                "objective.temperature" => [new(key.Path, other), new("objective.name", "c_mim")],
                "objective.bernoulli_gradient" => [new(key.Path, other), new("likelihood", "bernoulli")],
                "objective.beta" => [new(key.Path, other), new("objective.name", "vae")],
                _ => [new(key.Path, other)],
            };
            var after = TrainingOptions.Parse("", "none", flags).ToJson();

            Assert.NotEqual(before, after.ToJsonString());
            Assert.Contains($"\"{key.Path.Split('.')[^1]}\"", after.ToJsonString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_written_configuration_reads_back_as_itself()
    {
        var options = TrainingOptions.Parse(
            "dataset: { name: file, path: a b.csv, columns: [u, 'v,w'] }\npreprocessing: [scale: 255, binarise: 0.5]\n"
            + "likelihood: bernoulli\nobjective: { name: a_mim }",
            "a.yml");
        var json = options.ToJson().ToJsonString();

        Assert.Equal(json, TrainingOptions.Parse(json, "config.json").ToJson().ToJsonString());
    }

    [Fact]
    public void All_faults_come_in_one_message_with_line_key_and_nearest_word()
    {
        var fault = Assert.Throws<UsageException>(() => TrainingOptions.Parse(
            "network:\n  hiden: [5]\n  z: 0\nobjective:\n  name: mimm\n  decoder_log_qx: same_z\n  samples: 4\ntrainer:\n  batch: many\n", "a.yml"));
        Assert.Equal("a.yml:2: unknown key 'hiden' in 'network'. Did you mean 'hidden'?", fault.Message.Split('\n')[0]);

        fault = Assert.Throws<UsageException>(() => TrainingOptions.Parse(
            "network:\n  z: 0\nobjective:\n  name: mimm\n  samples: 4\ntrainer:\n  batch: many\n", "a.yml",
            KeyValuePair.Create("trainer.epochs", "0")));
        Assert.Equal(
            [
                "a.yml:2: 'network.z': expected an integer from 1 to 1048576, found 0.",
                "a.yml:4: 'objective.name': expected one of mim, a_mim, a_mim_image, a_mim_sentence, mim_minus_h, vae, vae_plus_h, ae, c_mim, found 'mimm'. Did you mean 'mim'?",
                "a.yml:5: 'objective.samples': expected 1, found 4. Only 'name: mim' with 'q_x: marginal' and 'decoder_log_qx: fresh_z' draws more.",
                "--trainer.epochs: expected an integer of at least 1, found 0.",
                "a.yml:7: 'trainer.batch': expected an integer, found 'many'.",
            ],
            fault.Message.Split('\n'));
    }

    [Theory]
    [InlineData("network: 5", "a.yml:1: 'network': expected a mapping")]
    [InlineData("network: { hidden: [] }", "'network.hidden': expected at least one width")]
    [InlineData("network: { hidden: [0] }", "'network.hidden': expected at least one width")]
    [InlineData("objective: { beta: 2 }", "Only 'name: vae' and 'name: vae_plus_h' have a weight to set.")]
    [InlineData("objective: { name: vae, q_x: pseudo }", "'objective.q_x': expected marginal, found pseudo.")]
    [InlineData("objective: { name: mim_minus_h, decoder_log_qx: fresh_z }", "'objective.decoder_log_qx': expected same_z")]
    [InlineData("objective: { name: a_mim, decoder_log_qx: fresh_z }", "'objective.decoder_log_qx': expected same_z")]
    [InlineData("objective: { q_x: prior, decoder_log_qx: fresh_z }", "'objective.decoder_log_qx': expected same_z")]
    [InlineData("objective: { q_x: pseudo, decoder_log_qx: fresh_z, samples: 2 }", "'objective.samples': expected 1, found 2.")]
    [InlineData("objective: { temperature: 0.5 }", "'objective.temperature': expected 0.1, found 0.5.")]
    [InlineData("objective: { bernoulli_gradient: score_function }", "'objective.bernoulli_gradient': expected mean_image")]
    [InlineData("likelihood: bernoulli\nobjective: { name: a_mim, bernoulli_gradient: score_function }", "'objective.bernoulli_gradient': expected mean_image")]
    [InlineData("objective: { name: vae }\nprior: { name: marginal }", "a.yml:2: 'prior.name': expected standard, gaussian, mixture or vamp, found marginal.")]
    [InlineData("objective: { name: c_mim }\nprior: { name: marginal }", "Only mim, a_mim and mim_minus_h take q(z|x) for p(z).")]
    [InlineData("objective: { name: ae }\nprior: { name: vamp }", "a.yml:2: 'prior.name': expected standard, found vamp.")]
    [InlineData("likelihood: logistic\npreprocessing: [standardise]", "'likelihood: logistic' needs x in [0, 1]")]
    [InlineData("trainer:\n  epochs: 2\n  warmup_epochs: 3", "'trainer.epochs': expected at least 'trainer.warmup_epochs', 3, found 2.")]
    [InlineData("likelihood: bernoulli\npreprocessing: [standardise]", "a.yml:2: 'likelihood: bernoulli' needs x in [0, 1]")]
    [InlineData("likelihood: bernoulli\npreprocessing: [pca: 2]", "a.yml:2: 'likelihood: bernoulli' needs x in [0, 1], which 'pca' leaves")]
    [InlineData("network: { name: hvae }\npreprocessing: [pca: 2]", "a.yml:2: 'network.name: hvae' needs x in [0, 1], which 'pca' leaves")]
    [InlineData("network: { name: hvae }\npreprocessing: [pca_per_split: 2]", "'network.name: hvae' needs x in [0, 1], which 'pca_per_split' leaves")]
    [InlineData("preprocessing: [[a]]", "'preprocessing[0]': expected a step such as standardise or scale: 255, found a list.")]
    [InlineData("trainer: { learning_rate: .nan }", "'trainer.learning_rate': expected a finite number")]
    public void A_wrong_value_is_named(string yaml, string expected) =>
        Assert.Contains(expected, Assert.Throws<UsageException>(() => TrainingOptions.Parse(yaml, "a.yml")).Message, StringComparison.Ordinal);
}
