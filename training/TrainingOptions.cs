using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Mim.Configuration;

namespace Mim.Training;

public enum Preset
{
    Published,
    Recommended,
}

/// <summary>p(x|z): the family of the decoder's output.</summary>
public enum Likelihood
{
    Gaussian,

    /// <summary>Of one σ for all, which is given.</summary>
    GaussianFixed,

    /// <summary>A mixture in each coordinate.</summary>
    GaussianMixture,
    Bernoulli,

    /// <summary>Logistic, discretised to 256 levels.</summary>
    Logistic,
}

public enum Activation
{
    Tanh,
    Relu,
    Silu,
    Gelu,
    Elu,

    /// <summary>A layer's h(x)·σ(g(x)), see <see cref="Mim.Training.Gated"/>: twice the weights.</summary>
    Gated,
}

public enum ObjectiveName
{
    Mim,
    AMim,
    AMimImage,
    AMimSentence,
    MimMinusH,
    Vae,
    VaePlusH,
    Ae,
    CMim,
}

public enum PriorName
{
    Standard,
    Gaussian,
    Mixture,
    Marginal,
    Vamp,
}

/// <summary>Where the VampPrior's pseudo-inputs start.</summary>
public enum PseudoInit
{
    Data,
    Random,
}

/// <summary>The encoder's x-marginal q(x) of MIM.</summary>
public enum EncoderMarginal
{
    /// <summary>An importance estimate of the decoder's.</summary>
    Marginal,

    /// <summary>A learned Gaussian or Gaussian mixture.</summary>
    Prior,

    /// <summary>A mixture of p(x|u) over learned pseudo-codes u.</summary>
    Pseudo,
}

/// <summary>What stands for the gradient through x where the likelihood is of discrete x.</summary>
public enum BernoulliGradient
{
    /// <summary>None, at the mean image: the reference's.</summary>
    MeanImage,

    /// <summary>The score function at a true draw, with a baseline.</summary>
    ScoreFunction,
}

/// <summary>The estimate of log q(x) in MIM's decoder half.</summary>
public enum DecoderLogQx
{
    SameZ,
    FreshZ,
}

public enum TrainingDevice
{
    Auto,
    Cpu,
    Cuda,
}

[SuppressMessage("Naming", "CA1720", Justification = "The names are the types'.")]
public enum Precision
{
    Float32,

    /// <summary>Linear and convolutional layers compute in bfloat16; weights, densities and everything else stay in float32.</summary>
    Bfloat16,
}

public sealed record NetworkOptions
{
    /// <summary>One of <see cref="Architectures.Names"/>.</summary>
    public string Name { get; init; } = Architectures.Mlp;

    /// <summary>Hidden widths from x to z; the decoder has them in reverse.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [50];

    public Activation Activation { get; init; } = Activation.Tanh;

    /// <summary>Width of the dense layers of the two-level networks.</summary>
    public int Width { get; init; } = 300;

    /// <summary>Dimensions of z.</summary>
    public int Z { get; init; } = 8;

    /// <summary>σ_min in σ = exp(s) + σ_min, of encoder and decoder.</summary>
    public double SigmaFloor { get; init; } = 1e-6;

    /// <summary>σ of <see cref="Likelihood.GaussianFixed"/>.</summary>
    public double LikelihoodSigma { get; init; } = 0.1;

    /// <summary>K of <see cref="Likelihood.GaussianMixture"/>.</summary>
    public int LikelihoodComponents { get; init; } = 5;
}

public sealed record PriorOptions
{
    public PriorName Name { get; init; } = PriorName.Standard;

    /// <summary>K of mixture and VampPrior.</summary>
    public int Components { get; init; } = 500;

    public PseudoInit PseudoInit { get; init; } = PseudoInit.Data;
}

public sealed record ObjectiveOptions
{
    public ObjectiveName Name { get; init; } = ObjectiveName.Mim;

    [JsonPropertyName("q_x")]
    public EncoderMarginal QX { get; init; } = EncoderMarginal.Marginal;

    /// <summary>K of q(x) where it is a density of its own; 1: a single Gaussian.</summary>
    [JsonPropertyName("q_x_components")]
    public int QXComponents { get; init; } = 10;

    public DecoderLogQx DecoderLogQx { get; init; } = DecoderLogQx.SameZ;

    /// <summary>Draws of z' in the estimate <see cref="DecoderLogQx.FreshZ"/>.</summary>
    public int Samples { get; init; } = 1;

    public BernoulliGradient BernoulliGradient { get; init; } = BernoulliGradient.MeanImage;

    /// <summary>τ of cMIM.</summary>
    public double Temperature { get; init; } = 0.1;

    /// <summary>Weight of the VAE's KL divergence after the warm-up.</summary>
    public double Beta { get; init; } = 1;

    /// <summary>w in β_e = β·min(1, e/w); 0: no warm-up.</summary>
    public int BetaWarmupEpochs { get; init; } = 3;
}

public sealed record TrainerOptions
{
    public int Epochs { get; init; } = 200;

    /// <summary>Rows of one pass through the networks.</summary>
    public int Batch { get; init; } = 128;

    /// <summary>Passes whose mean gradient makes one step.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>Steps after which an epoch ends, though rows are left; the next one draws its own from all of them. 0: when the rows end.</summary>
    public int StepsPerEpoch { get; init; }

    public OptimiserName Optimiser { get; init; } = OptimiserName.Adam;

    /// <summary>Of <see cref="OptimiserName.Adamw"/> alone, times the rate of each step.</summary>
    public double WeightDecay { get; init; } = 0.01;

    public double LearningRate { get; init; } = 1e-3;

    /// <summary>w in lr_e = lr·min(e/w, √(w/e)); 0: a constant rate. See <see cref="EarlyStoppingRule"/> for what else waits for it.</summary>
    public int WarmupEpochs { get; init; } = 3;

    public EarlyStoppingRule EarlyStopping { get; init; } = EarlyStoppingRule.Patience;

    /// <summary>Training stops when more than this many epochs have passed since the best one.</summary>
    public int Patience { get; init; } = 3;

    /// <summary>Bound on the norm of the gradient; 0: none.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Decay of the moving average of the weights, which is then what is validated, evaluated and exported; 0: none.</summary>
    public double Ema { get; init; }

    public Precision Precision { get; init; }

    /// <summary>Whether the engine may use only algorithms that give the same bits each time.</summary>
    public bool Deterministic { get; init; }

    public long Seed { get; init; } = 1;

    /// <summary>Threads of the engine; 0: its own choice.</summary>
    public int Threads { get; init; }

    public TrainingDevice Device { get; init; }

    /// <summary>Batches whose random numbers are made ahead on a thread of their own, and with any also the rows of the next epoch; 0: no such threads.</summary>
    public int Prefetch { get; init; } = 2;
}

/// <summary>
/// A key of the training configuration: its dotted path is the YAML key and, after "--", the flag. Values are YAML texts; null: none.
/// </summary>
public sealed record TrainingKey(string Path, string? Published, string? Recommended, string Help)
{
    public string Default => (Published ?? "none") + (Published == Recommended ? "" : $"; recommended: {Recommended ?? "none"}");
}

/// <summary>Everything that decides a training run. Flags win over the YAML file, the file over the preset.</summary>
public sealed record TrainingOptions
{
    const int MaxWidth = 1 << 20;
    const int MaxComponents = 1 << 16;

    /// <summary>The only list of keys: YAML, flags, help and presets are made from it.</summary>
    public static IReadOnlyList<TrainingKey> Keys { get; } =
    [
        new("preset", "published", "recommended",
            "published: the papers' settings, default for the toy data; recommended: for your own data, default otherwise"),
        new("dataset.name", "toy4_20", "file", "toy4, toy4_<d>, toy-4, toyMIM (mixtures of the paper; any capitals and digits), sprites, or file"),
        new("dataset.path", null, null, "observations of dataset.name: file"),
        new("dataset.labels_path", null, null, "labels in a file of their own"),
        new("dataset.more_paths", "[]", "[]", "further files of observations (idx, npy, npz), appended in order"),
        new("dataset.more_labels_paths", "[]", "[]", "their labels, in files of their own"),
        new("dataset.test_path", null, null, "test split in a file of its own"),
        new("dataset.test_labels_path", null, null, "labels of that test split"),
        new("dataset.format", "auto", "auto", "auto (by extension), idx, npy, npz, csv, tsv or jsonl"),
        new("dataset.x_key", "x", "x", "key of the observations in .npz and JSONL"),
        new("dataset.delimiter", null, null, "separator of CSV cells; none: a comma, in .tsv a tab"),
        new("dataset.header", "true", "true", "whether the first CSV line names the columns"),
        new("dataset.columns", "[]", "[]", "CSV columns that make up x; []: all but the label"),
        new("dataset.categorical", "[]", "[]", "CSV columns to one-hot encode although they hold numbers"),
        new("dataset.label_column", null, null, "column or key of the labels"),
        new("dataset.missing", "error", "error", "missing values: error, mean, median or a number"),
        new("dataset.validation_fraction", "0.1", "0.1", "fraction of a file's rows for validation"),
        new("dataset.test_fraction", "0.1", "0.1", "fraction of a file's rows for the test split"),
        new("dataset.validation_rows", null, null, "last rows of a file, in its order, for validation; none: validation_fraction"),
        new("dataset.augment", "none", "none", "what is done to training images in each epoch: none, or affine (probability 1/2)"),
        new("dataset.split_seed", "1", "1", "decides which row belongs to which split"),
        new("dataset.rows_per_epoch", "9984", "9984", "rows that a generator draws per epoch"),
        new("dataset.image_size", "28", "28", "height and width of the sprites"),
        new("preprocessing", "[]", "[standardise]",
            "steps in order: standardise, scale: s, dequantise: levels, binarise: threshold, binarise_stochastic (each batch), "
            + "binarise_static (once), pca: components (x in [0, 1]: default none); only to be as the reference is: "
            + "dequantise_training: levels, pca_per_split: components (no export)"),
        new("network.name", "mlp", "mlp", "architecture: mlp, hvae, conv_hvae, pixel_hvae, or what Architectures.Register was given"),
        new("network.hidden", "[50]", "[256, 256]", "widths of the hidden layers; the decoder mirrors them"),
        new("network.activation", "tanh", "silu", "tanh, relu, silu, gelu, elu or gated (h(x)·σ(g(x)): the paper's for images)"),
        new("network.width", "300", "300", "width of the dense layers of hvae, conv_hvae and pixel_hvae, which ignore hidden and activation"),
        new("network.z", "8", "16", "dimensions of the code z; of each of the two levels of hvae, conv_hvae and pixel_hvae"),
        new("network.sigma_floor", "1.0e-6", "2.0e-1", "added to every standard deviation; recommended by experiments/recommended.yml"),
        new("network.likelihood_sigma", "0.1", "0.1", "standard deviation of likelihood: gaussian_fixed"),
        new("network.likelihood_components", "5", "5", "components of likelihood: gaussian_mixture, in each coordinate"),
        new("likelihood", "gaussian", "gaussian",
            "gaussian, gaussian_fixed, gaussian_mixture, or, of x in [0, 1] after preprocessing, bernoulli or logistic (256 grey levels)"),
        new("prior.name", "standard", "standard", "p(z): standard (N(0, I)), gaussian, mixture, marginal (q(z|x) of the same draw) or vamp"),
        new("prior.components", "500", "500", "components of prior: mixture, pseudo-inputs of vamp"),
        new("prior.pseudo_init", "data", "data", "start of vamp's pseudo-inputs: data (the first training rows) or random"),
        new("objective.name", "mim", "mim",
            "mim, a_mim, a_mim_image, a_mim_sentence (three published forms), mim_minus_h, vae, vae_plus_h, ae or c_mim"),
        new("objective.q_x", "marginal", "marginal",
            "q(x): marginal (an estimate of the decoder's), prior (learned Gaussians) or pseudo (p(x|u) over learned codes u)"),
        new("objective.q_x_components", "10", "10", "components of q_x: prior (1: a single Gaussian) and pseudo"),
        new("objective.decoder_log_qx", "same_z", "same_z", "MIM's log q(x) in the decoder half: same_z or fresh_z"),
        new("objective.samples", "1", "1", "draws in the estimate fresh_z"),
        new("objective.bernoulli_gradient", "mean_image", "mean_image",
            "MIM's gradient through discrete x: mean_image (the reference's: none) or score_function (at true draws)"),
        new("objective.temperature", "0.1", "0.1", "temperature of c_mim's cosines"),
        new("objective.beta", "1", "1", "weight of the VAE's KL divergence"),
        new("objective.beta_warmup_epochs", "3", "10", "epochs over which that weight rises from 0; MIM's decoder half starts at the last"),
        new("trainer.epochs", "200", "500", "most epochs to train"),
        new("trainer.batch", "128", "128", "rows of one pass through the networks"),
        new("trainer.accumulate", "1", "1", "passes per step: their mean gradient is that of one batch of accumulate * batch rows"),
        new("trainer.steps_per_epoch", "0", "0", "steps after which an epoch ends, its rows drawn from all; 0: when all rows were seen"),
        new("trainer.optimiser", "adam", "adam", "adam, adamw or adam_norm_grad (each tensor's gradient divided by its norm: the paper's for images)"),
        new("trainer.weight_decay", "0.01", "0.01", "weight decay of adamw"),
        new("trainer.learning_rate", "1.0e-3", "1.0e-3", "Adam's rate at the end of the warm-up; 'mim train --lr-range' suggests one"),
        new("trainer.warmup_epochs", "3", "10", "epochs w of the rate lr * min(e/w, sqrt(w/e)); 0: constant"),
        new("trainer.early_stopping", "patience", "patience",
            "patience (no epoch before warmup_epochs is the best: the paper's for toys) or look_ahead (any may be, and waiting starts when "
            + "warmup_epochs and beta_warmup_epochs are over: the paper's for images)"),
        new("trainer.patience", "3", "20", "stop when more epochs than this passed since the best"),
        new("trainer.clip_norm", "0", "0", "bound on the gradient's norm; 0: none (Adam makes steps of equal size anyway)"),
        new("trainer.ema", "0", "0", "decay of a moving average of the weights, which is then what is validated, evaluated and exported; 0: none (pixel_hvae has none)"),
        new("trainer.precision", "float32", "float32", "float32, or bfloat16 inside linear and convolutional layers (with accumulate: 1, and not of pixel_hvae)"),
        new("trainer.deterministic", "false", "false", "refuse algorithms of the engine that give other bits each time (on the CPU none of those used does)"),
        new("trainer.seed", "1", "1", "seed of weights, draws and order"),
        new("trainer.threads", "0", "0", "threads; 0: the engine's choice"),
        new("trainer.prefetch", "2", "2", "batches whose data are made ahead on another thread; 0: none (the same bits, slower)"),
        new("trainer.device", "auto", "auto", "auto, cpu or cuda"),
    ];

    static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public Preset Preset { get; init; } = Preset.Published;

    public DatasetOptions Dataset { get; init; } = new();

    public NetworkOptions Network { get; init; } = new();

    public Likelihood Likelihood { get; init; } = Likelihood.Gaussian;

    public PriorOptions Prior { get; init; } = new();

    public ObjectiveOptions Objective { get; init; } = new();

    public TrainerOptions Trainer { get; init; } = new();

    /// <summary>
    /// Reads <paramref name="file"/> (null: none) under <paramref name="flags"/>, pairs of a key of <see cref="Keys"/> and a YAML value;
    /// throws all faults at once.
    /// </summary>
    public static TrainingOptions Load(string? file, IEnumerable<KeyValuePair<string, string>> flags) =>
        Resolve(file is null ? StrictYaml.Parse("", "configuration") : StrictYaml.ReadFile(file), flags);

    /// <summary>As <see cref="Load"/>, from a text that messages call <paramref name="name"/>.</summary>
    public static TrainingOptions Parse(string yaml, string name, params KeyValuePair<string, string>[] flags) =>
        Resolve(StrictYaml.Parse(yaml, name), flags);

    /// <summary>Every key with its resolved value, in the structure of the YAML file; <see cref="Parse"/> reads it back.</summary>
    public JsonObject ToJson()
    {
        var json = (JsonObject)(JsonSerializer.SerializeToNode(this, s_json)
            ?? throw new InvalidOperationException("A record serialises to an object."));
        var dataset = (JsonObject)(json["dataset"] ?? throw new InvalidOperationException("The record has a data set."));
        if (dataset.Remove("preprocessing", out var preprocessing))
        {
            json.Insert(json.IndexOf("dataset") + 1, "preprocessing", preprocessing);
        }
        return json;
    }

    static TrainingOptions Resolve(YamlMapping top, IEnumerable<KeyValuePair<string, string>> flags)
    {
        top.Allow([.. Keys.Select(k => k.Path.Split('.')[0]).Distinct()]);
        foreach (var section in Keys.Where(k => k.Path.Contains('.')).GroupBy(k => k.Path.Split('.')[0], k => k.Path.Split('.')[1]))
        {
            top.Mapping(section.Key, [.. section]);
        }
        foreach (var (path, text) in flags)
        {
            top.Set(path, text, $"--{path}");
        }
        top.Faults.ThrowIfAny();

        var preset = Choice<Preset>(top, "preset") ?? DefaultPreset(top.Mapping("dataset"));
        var bounded = top.Text("likelihood") is "bernoulli" or "logistic" || Architectures.IsOfGreyValues(top.Mapping("network")?.Text("name"));
        foreach (var key in Keys)
        {
            var value = preset == Preset.Published ? key.Published : key.Recommended;
            if (key.Path == "preprocessing" && bounded)
            {
                value = "[]";
            }
            if (value is not null && Find(top, key.Path) is null)
            {
                top.Set(key.Path, value, $"preset {preset}");
            }
        }
        var options = Read(top, preset);
        top.Faults.ThrowIfAny();
        return options;
    }

    static Preset DefaultPreset(YamlMapping? dataset) => (dataset?["name"], dataset?["path"]) switch
    {
        (YamlScalar name, _) => name.Text.StartsWith("toy", StringComparison.Ordinal) ? Preset.Published : Preset.Recommended,
        (_, not null) => Preset.Recommended,
        _ => Preset.Published,
    };

    static YamlNode? Find(YamlMapping top, string path) =>
        path.Split('.') is [var section, var key] ? (top[section] as YamlMapping)?[key] : top[path];

    static TrainingOptions Read(YamlMapping top, Preset preset)
    {
        var options = new TrainingOptions
        {
            Preset = preset,
            Dataset = ReadDataset(Section(top, "dataset")) with { Preprocessing = Steps(top) },
            Network = ReadNetwork(Section(top, "network")),
            Likelihood = Choice<Likelihood>(top, "likelihood") ?? default,
            Prior = ReadPrior(Section(top, "prior")),
            Objective = ReadObjective(Section(top, "objective")),
            Trainer = ReadTrainer(Section(top, "trainer")),
        };
        var outside = options.Dataset.Preprocessing.Select(step => step.Split(':')[0]).FirstOrDefault(kind => kind is "standardise" or "pca" or "pca_per_split");
        if (options.Likelihood.IsDiscrete() && outside is not null)
        {
            top.Fault("preprocessing",
                $"'likelihood: {top.Text("likelihood")}' needs x in [0, 1], which '{outside}' leaves. Use scale or binarise, or 'likelihood: gaussian'.");
        }
        else if (Architectures.IsOfGreyValues(options.Network.Name) && outside is not null)
        {
            top.Fault("preprocessing",
                $"'network.name: {options.Network.Name}' needs x in [0, 1], which '{outside}' leaves. Use scale or binarise, or 'network.name: {Architectures.Mlp}'.");
        }
        if (options.Objective.Name == ObjectiveName.Ae && options.Prior.Name != PriorName.Standard)
        {
            Section(top, "prior").Fault("name", $"'prior.name': expected standard, found {top.Mapping("prior")?.Text("name")}. 'objective.name: ae' has no prior to learn.");
        }
        else if (options.Prior.Name == PriorName.Marginal && options.Objective.Name is not (ObjectiveName.Mim or ObjectiveName.AMim or ObjectiveName.MimMinusH))
        {
            Section(top, "prior").Fault("name",
                "'prior.name': expected standard, gaussian, mixture or vamp, found marginal. Only mim, a_mim and mim_minus_h take q(z|x) for p(z).");
        }
        var drawsDiscrete = options.Likelihood.IsDiscrete() && options.Objective.Name is (ObjectiveName.Mim or ObjectiveName.MimMinusH);
        if (options.Objective.BernoulliGradient == BernoulliGradient.ScoreFunction && !drawsDiscrete)
        {
            Section(top, "objective").Fault("bernoulli_gradient",
                "'objective.bernoulli_gradient': expected mean_image, found score_function. Only mim and mim_minus_h draw x, and only "
                + "'likelihood: bernoulli' and 'logistic' draw it without a gradient.");
        }
        return options;
    }

    static DatasetOptions ReadDataset(YamlMapping y) => new()
    {
        Name = y.Text("name") ?? "",
        Path = y.Text("path"),
        LabelsPath = y.Text("labels_path"),
        MorePaths = y.Texts("more_paths") ?? [],
        MoreLabelsPaths = y.Texts("more_labels_paths") ?? [],
        TestPath = y.Text("test_path"),
        TestLabelsPath = y.Text("test_labels_path"),
        Format = y.Text("format") ?? "",
        XKey = y.Text("x_key") ?? "",
        Delimiter = y.Text("delimiter"),
        Header = y.Boolean("header") ?? true,
        Columns = y.Texts("columns") ?? [],
        Categorical = y.Texts("categorical") ?? [],
        LabelColumn = y.Text("label_column"),
        Missing = y.Text("missing") ?? "",
        ValidationFraction = Number(y, "validation_fraction", 0, 1),
        TestFraction = Number(y, "test_fraction", 0, 1),
        ValidationRows = y.Int32("validation_rows"),
        Augment = y.Text("augment") ?? "",
        SplitSeed = y.Int64("split_seed") ?? 0,
        RowsPerEpoch = Integer(y, "rows_per_epoch", 1),
        ImageSize = Integer(y, "image_size", 1),
    };

    static NetworkOptions ReadNetwork(YamlMapping y)
    {
        var hidden = y.Int32s("hidden") ?? [];
        if (y["hidden"] is YamlSequence && (hidden.Count == 0 || hidden.Any(width => width is < 1 or > MaxWidth)))
        {
            y.Fault("hidden", $"'network.hidden': expected at least one width from 1 to {MaxWidth}, found [{string.Join(", ", hidden)}].");
        }
        return new NetworkOptions
        {
            Name = y.OneOf("name", [.. Architectures.Names]) ?? Architectures.Mlp,
            Hidden = hidden,
            Activation = Choice<Activation>(y, "activation") ?? default,
            Width = Integer(y, "width", 1, MaxWidth),
            Z = Integer(y, "z", 1, MaxWidth),
            SigmaFloor = Number(y, "sigma_floor", 1e-12, 1),
            LikelihoodSigma = Number(y, "likelihood_sigma", 1e-6, 1e6),
            LikelihoodComponents = Integer(y, "likelihood_components", 1, MaxComponents),
        };
    }

    static PriorOptions ReadPrior(YamlMapping y) => new()
    {
        Name = Choice<PriorName>(y, "name") ?? default,
        Components = Integer(y, "components", 1, MaxComponents),
        PseudoInit = Choice<PseudoInit>(y, "pseudo_init") ?? default,
    };

    static ObjectiveOptions ReadObjective(YamlMapping y)
    {
        var options = new ObjectiveOptions
        {
            Name = Choice<ObjectiveName>(y, "name") ?? default,
            QX = Choice<EncoderMarginal>(y, "q_x") ?? default,
            QXComponents = Integer(y, "q_x_components", 1, MaxComponents),
            DecoderLogQx = Choice<DecoderLogQx>(y, "decoder_log_qx") ?? default,
            Samples = Integer(y, "samples", 1, 10_000),
            BernoulliGradient = Choice<BernoulliGradient>(y, "bernoulli_gradient") ?? default,
            Temperature = Number(y, "temperature", 1e-3, 1e3),
            Beta = Number(y, "beta", 0, 1e6),
            BetaWarmupEpochs = Integer(y, "beta_warmup_epochs", 0),
        };
        var estimates = options.Name == ObjectiveName.Mim && options.QX == EncoderMarginal.Marginal && options.DecoderLogQx == DecoderLogQx.FreshZ;
        if (options.Samples > 1 && !estimates)
        {
            y.Fault("samples",
                $"'objective.samples': expected 1, found {options.Samples}. Only 'name: mim' with 'q_x: marginal' and 'decoder_log_qx: fresh_z' draws more.");
        }
        if (options.Temperature != 0.1 && options.Name != ObjectiveName.CMim)
        {
            y.Fault("temperature", FormattableString.Invariant(
                $"'objective.temperature': expected 0.1, found {options.Temperature}. Only 'name: c_mim' has cosines to divide by it."));
        }
        if (options.Beta != 1 && options.Name is not (ObjectiveName.Vae or ObjectiveName.VaePlusH))
        {
            y.Fault("beta", FormattableString.Invariant(
                $"'objective.beta': expected 1, found {options.Beta}. Only 'name: vae' and 'name: vae_plus_h' have a weight to set."));
        }
        if (options.QX != EncoderMarginal.Marginal && options.Name is not (ObjectiveName.Mim or ObjectiveName.AMim or ObjectiveName.VaePlusH))
        {
            y.Fault("q_x", $"'objective.q_x': expected marginal, found {y.Text("q_x")}. Only mim, a_mim and vae_plus_h have a q(x) to choose.");
        }
        if (options.DecoderLogQx != DecoderLogQx.SameZ && options.Name == ObjectiveName.MimMinusH)
        {
            y.Fault("decoder_log_qx", "'objective.decoder_log_qx': expected same_z, found fresh_z. 'name: mim_minus_h' is defined with the former.");
        }
        // The VAE may have it, without effect: sweeps over objectives give MIM and its baseline the same flags.
        else if (options.DecoderLogQx != DecoderLogQx.SameZ && !estimates && options.Name != ObjectiveName.Vae)
        {
            y.Fault("decoder_log_qx", "'objective.decoder_log_qx': expected same_z, found fresh_z. Only 'name: mim' with 'q_x: marginal' estimates log q(x) there.");
        }
        return options;
    }

    static TrainerOptions ReadTrainer(YamlMapping y)
    {
        var options = new TrainerOptions
        {
            Epochs = Integer(y, "epochs", 1),
            Batch = Integer(y, "batch", 1),
            Accumulate = Integer(y, "accumulate", 1, 1 << 20),
            StepsPerEpoch = Integer(y, "steps_per_epoch", 0),
            Optimiser = Choice<OptimiserName>(y, "optimiser") ?? default,
            WeightDecay = Number(y, "weight_decay", 0, 1),
            LearningRate = Number(y, "learning_rate", 1e-9, 10),
            WarmupEpochs = Integer(y, "warmup_epochs", 0),
            EarlyStopping = Choice<EarlyStoppingRule>(y, "early_stopping") ?? default,
            Patience = Integer(y, "patience", 0),
            ClipNorm = Number(y, "clip_norm", 0, double.MaxValue),
            Ema = Number(y, "ema", 0, 0.999999),
            Precision = Choice<Precision>(y, "precision") ?? default,
            Deterministic = y.Boolean("deterministic") ?? false,
            Seed = y.Int64("seed") ?? 0,
            Threads = Integer(y, "threads", 0, 1024),
            Device = Choice<TrainingDevice>(y, "device") ?? default,
            Prefetch = Integer(y, "prefetch", 0, 1024),
        };
        if (options.Precision == Precision.Bfloat16 && options.Accumulate > 1)
        {
            y.Fault("precision", $"'trainer.precision': expected float32 with 'accumulate: {options.Accumulate}', found bfloat16, in which gradients would be summed.");
        }
        // What is no number has been blamed for that.
        var isNumber = y["epochs"] is YamlScalar { Text: var epochs } && int.TryParse(epochs, CultureInfo.InvariantCulture, out _);
        if (isNumber && options.Epochs >= 1 && options.EarlyStopping == EarlyStoppingRule.Patience && options.Epochs < options.WarmupEpochs)
        {
            y.Fault("epochs", $"'trainer.epochs': expected at least 'trainer.warmup_epochs', {options.WarmupEpochs}, found {options.Epochs}. "
                + "No epoch before the warm-up's last can be the best one: give more epochs, a shorter warm-up or 'early_stopping: look_ahead'.");
        }
        return options;
    }

    static YamlMapping Section(YamlMapping top, string key) =>
        top.Mapping(key) ?? throw new InvalidOperationException($"'{key}' was laid by the preset.");

    /// <summary>A step is a text, or a mapping of one kind to its argument: <c>scale: 255</c>.</summary>
    static string[] Steps(YamlMapping top) => [.. (top.Items("preprocessing") ?? []).Select(item =>
    {
        switch (item)
        {
            case YamlScalar { IsNull: false } kind:
                return kind.Text;
            case YamlMapping step when step.Keys.ToArray() is [var kind] && step[kind] is YamlScalar { IsNull: false } argument:
                return $"{kind}: {argument.Text}";
            default:
                item.Faults.Add(item.Where, $"'{item.Path}': expected a step such as standardise or scale: 255, found {item.Describe()}.");
                return "";
        }
    })];

    static T? Choice<T>(YamlMapping y, string key)
        where T : struct, Enum
    {
        var names = Enum.GetNames<T>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName).ToArray();
        return y.OneOf(key, names) is { } text && Array.IndexOf(names, text) is >= 0 and var i ? Enum.GetValues<T>()[i] : null;
    }

    static int Integer(YamlMapping y, string key, int min, int max = int.MaxValue)
    {
        var value = y.Int32(key) ?? min;
        if (value < min || value > max)
        {
            var range = max == int.MaxValue ? $"of at least {min}" : $"from {min} to {max}";
            y.Fault(key, $"'{y.Path}.{key}': expected an integer {range}, found {value}.");
        }
        return value;
    }

    static double Number(YamlMapping y, string key, double min, double max)
    {
        var value = y.Double(key) ?? min;
        if (value < min || value > max)
        {
            var range = max == double.MaxValue ? FormattableString.Invariant($"of at least {min}") : FormattableString.Invariant($"from {min} to {max}");
            y.Fault(key, FormattableString.Invariant($"'{y.Path}.{key}': expected a number {range}, found {value}."));
        }
        return value;
    }
}
