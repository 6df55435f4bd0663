using System.Globalization;
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
/// <param name="Name">mim, a_mim, a_mim_image, a_mim_sentence, mim_minus_h, vae, vae_plus_h, ae, c_mim.</param>
/// <param name="QX">The encoder's x-marginal.</param>
/// <param name="DecoderLogQX">The estimate of log q(x) in the decoder half.</param>
/// <param name="Samples">Posterior samples of that estimate.</param>
/// <param name="Beta">Weight after warm-up.</param>
public sealed record ModelObjective(
    string Name,
    [property: JsonPropertyName("q_x")] string? QX,
    [property: JsonPropertyName("decoder_log_qx")] string? DecoderLogQX,
    int? Samples,
    double? Beta)
{
    /// <summary>standard, gaussian, mixture, marginal, vamp; null in packages older than the choice, which is standard.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Prior { get; init; }

    /// <summary>K of a mixture or VampPrior.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? PriorComponents { get; init; }

    /// <summary>K of a q(x) that is a density of its own.</summary>
    [JsonPropertyName("q_x_components"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? QXComponents { get; init; }

    /// <summary>mean_image or score_function, where MIM draws discrete x.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? BernoulliGradient { get; init; }

    /// <summary>τ of cMIM.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Temperature { get; init; }
}

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
    public const string GaussianFixed = "gaussian_fixed";
    public const string GaussianMixture = "gaussian_mixture";
    public const string Bernoulli = "bernoulli";
    public const string Logistic = "logistic";

    /// <summary>Constants of a few hundred thousand features fit; an array of anything else does not belong here.</summary>
    internal const int MaxBytes = 16 << 20;

    /// <summary>A .NET array ends just below 2^31 bytes.</summary>
    internal const long MaxFileBytes = 0x7FFFFFC7;

    /// <summary>A package is read into memory as a whole.</summary>
    const long MaxTotalBytes = 4L << 30;

    const int MaxFiles = 256;
    const int MaxSteps = 32;
    const int MaxRank = 7;
    const int MaxCode = 1 << 16;
    const long MaxRowElements = 1L << 28;

    /// <summary>Families of p(x|z).</summary>
    public static IReadOnlyList<string> Likelihoods { get; } = [Gaussian, GaussianFixed, GaussianMixture, Bernoulli, Logistic];

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

    /// <summary>
    /// One of <see cref="Likelihoods"/>; null without a decoder. The decoder's outputs beside x_mean are its parameters, in preprocessed units and of
    /// <see cref="InputShape"/>.
    /// </summary>
    public required string? Likelihood { get; init; }

    /// <summary>
    /// Whether p(x|z) = Π p(xᵢ|x₍ⱼ₎ with j &lt; i, z) is decoded element by element: decoder.onnx is then the conditional network (z, x_given) → x_mean,
    /// x_logits, and drawing x from it the host's loop. False where it is missing, as in packages older than the key.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Autoregressive { get; init; }

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

    /// <summary>The shape of one row behind the preprocessing: <see cref="XShape"/>, or the components of a projection.</summary>
    [JsonIgnore]
    public IReadOnlyList<long> InputShape => PreprocessingStep.OutputShape(Preprocessing, [.. XShape.Select(size => (long)size)]);

    /// <summary>Whether a model may be called that: [a-z0-9][a-z0-9-]*, not too long.</summary>
    public static bool IsName(string name) => PackagePath.IsModelName(name);

    /// <summary>
    /// What one unit of the network is in a tensor of the graphs, for each element of a row; empty: 1. Only x_mean leaves the network's own units, for
    /// raw ones.
    /// </summary>
    public float[] Units(string tensor) => tensor == TensorNames.XMean ? PreprocessingStep.RawUnits(Preprocessing, XDim) : [];

    /// <exception cref="InvalidDataException">Names the file and the key that is not as the contract says.</exception>
    public static ModelManifest Read(string path)
    {
        var length = new FileInfo(path).Length;
        return length <= MaxBytes
            ? Parse(File.ReadAllBytes(path), path)
            : throw new InvalidDataException($"{path}: expected at most {MaxBytes} bytes, found {length}.");
    }

    /// <summary>Reads from memory; <paramref name="name"/> is what error messages call it.</summary>
    public static ModelManifest Parse(ReadOnlySpan<byte> utf8, string name)
    {
        var manifest = StrictJson.Read<ModelManifest>(utf8, name);
        manifest.Check(name);
        return manifest;
    }

    public void Write(string path)
    {
        Check(path);
        StrictJson.Write(path, this);
    }

    void Check(string name)
    {
        void Require(bool condition, string key, string expected)
        {
            if (!condition)
            {
                throw new InvalidDataException($"{name}: key '{key}': {expected}");
            }
        }

        Require(
            ContractVersion == CurrentContractVersion,
            "contract_version", $"expected {CurrentContractVersion}, found {ContractVersion}. Use the release that wrote the package, or export it again.");
        Require(PackagePath.IsModelName(Name), "name", $"expected [a-z0-9][a-z0-9-]*, found '{Name}'.");
        Require(Hashes.IsSha256(SpaceId), "space_id", $"expected 64 hexadecimal digits, found '{SpaceId}'.");
        Require(
            Version is null || ModelVersion.TryParse(Version, out var version) && version.Space == SpaceId[..Models.SpaceId.ShortLength],
            "version", $"expected null or <n>-{SpaceId[..Models.SpaceId.ShortLength]}, found '{Version}'.");
        RequireOneOf(name, "kind", Kind, [Autoencoder, EncoderOnly]);
        CheckShapes(Require);
        if (Kind == Autoencoder)
        {
            RequireOneOf(name, "likelihood", Likelihood ?? "null", [.. Likelihoods]);
        }
        else
        {
            Require(Likelihood is null, "likelihood", $"expected null for an encoder without a decoder, found '{Likelihood}'.");
        }
        Require(
            !Autoregressive || Likelihood == Bernoulli,
            "autoregressive", $"expected false for the likelihood '{Likelihood ?? "null"}', found true. Only bernoulli is decoded element by element.");
        Require(
            !Autoregressive || Preprocessing.All(step => step.Kind != PreprocessingStep.Pca),
            "autoregressive", $"expected false behind a step '{PreprocessingStep.Pca}', found true. Only the elements of x itself are decoded one by one.");
        CheckFloor(name, Require);
        Require(Preprocessing.Count <= MaxSteps, "preprocessing", $"expected at most {MaxSteps} steps, found {Preprocessing.Count}.");
        var features = XDim;
        for (var i = 0; i < Preprocessing.Count; i++)
        {
            var fault = Preprocessing[i].Fault(features);
            Require(fault is null, $"preprocessing[{i}]", fault ?? "");
            features = Preprocessing[i].Outputs(features);
        }
        var schemaFault = Tabular?.Fault(XDim);
        Require(schemaFault is null, "tabular", schemaFault ?? "");
        Require(Objective.Name.Length > 0, "objective.name", "expected a name, found none.");
        Require(Objective.Samples is null or > 0, "objective.samples", $"expected 1 or more, found {Objective.Samples}.");
        Require(Objective.Beta is null or (>= 0 and < double.PositiveInfinity), "objective.beta", $"expected a finite number of 0 or more, found {Objective.Beta}.");
        Require(Hashes.IsSha256(Dataset.Sha256), "dataset.sha256", $"expected 64 hexadecimal digits, found '{Dataset.Sha256}'.");
        Require(StageKey is null || Hashes.IsSha256(StageKey), "stage_key", $"expected null or 64 hexadecimal digits, found '{StageKey}'.");
        Require(System.Version.TryParse(MinimumOnnxRuntime, out _), "minimum_onnx_runtime", $"expected a version such as 1.14.0, found '{MinimumOnnxRuntime}'.");
        foreach (var (metric, value) in Metrics)
        {
            Require(double.IsFinite(value), $"metrics.{metric}", $"expected a finite number, found {value}.");
        }
        CheckFiles(Require);
    }

    void CheckShapes(Action<bool, string, string> require)
    {
        require(XShape.Count is > 0 and <= MaxRank, "x_shape", $"expected 1 to {MaxRank} dimensions without the batch, found {XShape.Count}.");
        var elements = 1L;
        foreach (var size in XShape)
        {
            require(size > 0 && size <= MaxRowElements / elements, "x_shape", $"expected sizes of 1 or more, {MaxRowElements} elements at most, found [{string.Join(", ", XShape)}].");
            elements *= size;
        }
        require(ZSize is > 0 and <= MaxCode, "z_size", $"expected 1 to {MaxCode}, found {ZSize}.");
    }

    void CheckFloor(string name, Action<bool, string, string> require)
    {
        if (LogVarFloor is not { } floor)
        {
            return;
        }
        RequireOneOf(name, "log_var_floor.kind", floor.Kind, [LogVarFloor.AdditiveKind, LogVarFloor.ClampKind, LogVarFloor.NoneKind]);
        var (sigma, clamp) = (floor.Kind == LogVarFloor.AdditiveKind, floor.Kind == LogVarFloor.ClampKind);
        require(
            sigma ? floor.SigmaMin is > 0 and < double.PositiveInfinity : floor.SigmaMin is null,
            "log_var_floor.sigma_min", $"expected {(sigma ? "a positive number" : "null")} for '{floor.Kind}', found {floor.SigmaMin?.ToString(CultureInfo.InvariantCulture) ?? "null"}.");
        require(
            clamp ? floor.Min < floor.Max && double.IsFinite(floor.Max.Value - floor.Min.Value) : floor.Min is null && floor.Max is null,
            "log_var_floor.min", $"expected {(clamp ? "min below max, both finite" : "null as max")} for '{floor.Kind}'.");
    }

    void CheckFiles(Action<bool, string, string> require)
    {
        require(Files.Count <= MaxFiles, "files", $"expected at most {MaxFiles} files, found {Files.Count}.");
        HashSet<string> paths = new(StringComparer.Ordinal);
        var total = 0L;
        for (var i = 0; i < Files.Count; i++)
        {
            var file = Files[i];
            require(PackagePath.IsSafe(file.Path), $"files[{i}].path", $"expected a file inside the package's folder, found '{file.Path}'.");
            require(file.Path != FileName && paths.Add(file.Path), $"files[{i}].path", $"'{file.Path}' is the manifest itself or is listed twice.");
            require(Hashes.IsSha256(file.Sha256), $"files[{i}].sha256", $"expected 64 hexadecimal digits, found '{file.Sha256}'.");
            require(file.Size is > 0 and <= MaxFileBytes, $"files[{i}].size", $"expected 1 to {MaxFileBytes} bytes, found {file.Size}.");
            total += file.Size;
            require(total <= MaxTotalBytes, $"files[{i}].size", $"expected at most {MaxTotalBytes} bytes in all files, found {total} up to here.");
        }
    }

    static void RequireOneOf(string name, string key, string found, ReadOnlySpan<string> known)
    {
        if (!known.Contains(found))
        {
            var words = known.ToArray();
            throw new InvalidDataException(
                $"{name}: key '{key}': expected {string.Join(" or ", words)}, found '{found}'.{Nearest.Hint(found, words)}");
        }
    }
}
