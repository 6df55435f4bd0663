using System.Text.Json.Serialization;

namespace Mim.Models;

/// <summary>One file of a package.</summary>
/// <param name="Path">Relative to the package's folder, with forward slashes.</param>
/// <param name="Sha256">Lowercase hexadecimal.</param>
/// <param name="Size">In bytes.</param>
public sealed record PackageFile(string Path, string Sha256, long Size);

/// <summary>The data that the model was trained on.</summary>
public sealed record ModelDataset(string Name, string Sha256);

/// <summary>What was minimised. Null where the objective has no such choice.</summary>
/// <param name="Name">mim, a_mim, vae, ae.</param>
/// <param name="QX">The encoder's x-marginal.</param>
/// <param name="DecoderLogQX">The estimate of log q(x) in the decoder half.</param>
/// <param name="Samples">Posterior samples of that estimate.</param>
/// <param name="Beta">Weight after warm-up.</param>
public sealed record ModelObjective(
    string Name,
    [property: JsonPropertyName("q_x")] string? QX,
    [property: JsonPropertyName("decoder_log_qx")] string? DecoderLogQX,
    int? Samples,
    double? Beta);

/// <summary>
/// How the encoder keeps its log-variance from below: <c>additive</c>, log σ = ln σ_min + softplus(s − ln σ_min) with <paramref name="SigmaMin"/>;
/// <c>clamp</c>, log σ² in [<paramref name="Min"/>, <paramref name="Max"/>]; <c>none</c>.
/// </summary>
public sealed record LogVarFloor(string Kind, double? SigmaMin, double? Min, double? Max)
{
    public const string AdditiveKind = "additive";
    public const string ClampKind = "clamp";
    public const string NoneKind = "none";

    public static LogVarFloor None { get; } = new(NoneKind, null, null, null);

    public static LogVarFloor Additive(double sigmaMin) => new(AdditiveKind, sigmaMin, null, null);
    public static LogVarFloor Clamp(double min, double max) => new(ClampKind, null, min, max);
}

/// <summary>The machine-readable contract of a model package: <c>manifest.json</c>.</summary>
public sealed record ModelManifest
{
    public const string FileName = "manifest.json";
    public const int CurrentContractVersion = 1;
    public const string Autoencoder = "autoencoder";
    public const string EncoderOnly = "encoder";
    public const string Gaussian = "gaussian";
    public const string Bernoulli = "bernoulli";

    public int ContractVersion { get; init; } = CurrentContractVersion;
    public required string Name { get; init; }

    /// <summary>Given by the store when it publishes, <c>&lt;n&gt;-&lt;first 8 of space_id&gt;</c>; null before.</summary>
    public string? Version { get; init; }

    /// <summary>See <see cref="Mim.Models.SpaceId"/>; computed when the package is written.</summary>
    public string SpaceId { get; init; } = "";

    /// <summary><see cref="Autoencoder"/> or <see cref="EncoderOnly"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>The shape of one row of x, without the batch.</summary>
    public required IReadOnlyList<int> XShape { get; init; }

    /// <summary>Dimensions of the code.</summary>
    public required int ZSize { get; init; }

    /// <summary><see cref="Gaussian"/> or <see cref="Bernoulli"/>; null without a decoder. Its own extra outputs (x_logits, x_log_var) are in preprocessed units.</summary>
    public required string? Likelihood { get; init; }

    /// <summary>Null exactly when the encoder is deterministic and gives z_mean alone.</summary>
    public required LogVarFloor? LogVarFloor { get; init; }

    public required IReadOnlyList<PreprocessingStep> Preprocessing { get; init; }

    /// <summary>The columns behind x when the data were a table.</summary>
    public TabularSchema? Tabular { get; init; }

    public required ModelObjective Objective { get; init; }
    public required ModelDataset Dataset { get; init; }
    public required long Seed { get; init; }

    /// <summary>What the model was trained with, such as torch → "TorchSharp stand-in, libtorch 1.13.1".</summary>
    public required IReadOnlyDictionary<string, string> Engines { get; init; }

    /// <summary>Null outside git; ends in "+dirty" when the tree was.</summary>
    public required string? TrainingCommit { get; init; }

    /// <summary>SHA-256 over command, dependencies, parameters and toolchain of the producing stage; null outside a pipeline.</summary>
    public required string? StageKey { get; init; }

    public int Opset { get; init; }
    public int IrVersion { get; init; }
    public required string MinimumOnnxRuntime { get; init; }

    /// <summary>Numbers of the evaluation, information in nats.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>Every file of the package but this one.</summary>
    public IReadOnlyList<PackageFile> Files { get; init; } = [];

    /// <summary>Elements of one row of x.</summary>
    [JsonIgnore]
    public int XDim => XShape.Aggregate(1, (product, size) => checked(product * size));

    public static ModelManifest Read(string path) => StrictJson.Read<ModelManifest>(File.ReadAllBytes(path), path);

    public void Write(string path) => StrictJson.Write(path, this);
}
