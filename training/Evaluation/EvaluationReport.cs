using System.Text.Json;
using System.Text.Json.Serialization;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// What <c>mim evaluate</c> measured, as in <c>evaluation.json</c>. Information is in nats per row; densities and distances are those of x after
/// preprocessing. Where the MIM reference prints another statistic under a well-known label, both are here and the names tell them apart.
/// </summary>
public sealed record EvaluationReport
{
    public const string FileName = "evaluation.json";

    static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NewLine = "\n",
    };

    public required string Split { get; init; }

    /// <summary>Rows of the split that were evaluated.</summary>
    public required int Rows { get; init; }

    /// <summary>S, the draws of z a row behind <see cref="NllImportanceWeighted"/> and <see cref="Distortion"/>.</summary>
    public required int ImportanceSamples { get; init; }

    /// <summary>−log 1/S Σ p(x|z) p(z) / q(z|x), mean over rows: an upper bound on −log p(x) in expectation, tighter as S grows.</summary>
    public required double NllImportanceWeighted { get; init; }

    /// <summary><see cref="Distortion"/> + <see cref="Rate"/>.</summary>
    public required double NegativeElbo { get; init; }

    /// <summary>−[log p(x|z) + log p(z) − log q(z|x)], one z a row: what the reference's figures label "NLL".</summary>
    public required double NegativeElboSingleSample { get; init; }

    /// <summary>E KL(q(z|x) ‖ p(z)), in closed form.</summary>
    public required double Rate { get; init; }

    /// <summary>−E log p(x|z), z ~ q(z|x), mean over S draws.</summary>
    public required double Distortion { get; init; }

    /// <summary>
    /// I(x;z) by <see cref="Ksg"/>, one z a row. It and its neighbours below are null for binary x, whose distances in the
    /// maximum norm are 0 or 1 and say nothing.
    /// </summary>
    public required double? MutualInformationKsg { get; init; }

    public required int? KsgK { get; init; }
    public required int? KsgRows { get; init; }

    /// <summary>ψ(N) − ψ(k): the most that <see cref="MutualInformationKsg"/> can be.</summary>
    public required double? KsgCeiling { get; init; }

    /// <summary>Rows with k exact duplicates in (x, z), at which the estimator counts duplicates.</summary>
    public required int? KsgCoincidentRows { get; init; }

    /// <summary>Accuracy of 5 nearest neighbours, fit on one z a row of the training split; null without labels.</summary>
    [JsonPropertyName("knn5_accuracy")]
    public required double? Knn5Accuracy { get; init; }

    [JsonPropertyName("knn5_train_rows")]
    public required int? Knn5TrainRows { get; init; }

    /// <summary>√ mean (x − E[x|z])² over rows and dimensions, z the posterior's mean.</summary>
    public required double ReconstructionRmse { get; init; }

    /// <summary>
    /// Mean over rows of ‖x − x̂‖₂, x̂ ~ p(x|z), z ~ q(z|x): what the reference's figures label "RMSE". Of a likelihood over discrete x it is
    /// the mean image, the reference's "sample".
    /// </summary>
    [JsonPropertyName("reconstruction_l2_sampled")]
    public required double ReconstructionL2Sampled { get; init; }

    /// <summary>Dimensions of z whose posterior mean has a variance above 0.01 over the rows.</summary>
    public required int ActiveUnits { get; init; }

    /// <summary>Dimensions of z.</summary>
    public required int Z { get; init; }

    /// <summary>gaussian: densities of x as preprocessed; bernoulli: masses.</summary>
    public required string Likelihood { get; init; }

    /// <summary>The kinds of preprocessing, in order.</summary>
    public required IReadOnlyList<string> Preprocessing { get; init; }

    /// <summary>
    /// Add to a negative log-likelihood, −ELBO or distortion for the density of raw x: Σ ln |dx/dy| over dimensions; null where x is made
    /// discrete.
    /// </summary>
    public required double? RawDensityOffset { get; init; }

    public required long Seed { get; init; }

    /// <summary>Epoch of the checkpoint, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Of the checkpoint, so that nobody takes this for a measurement of another model.</summary>
    [JsonPropertyName("checkpoint_sha256")]
    public required string CheckpointSha256 { get; init; }

    public required IReadOnlyDictionary<string, string> Engines { get; init; }

    public static EvaluationReport Read(string path) => StrictJson.Read<EvaluationReport>(File.ReadAllBytes(path), path);

    public void Write(string path) => AtomicFile.WriteText(path, ToJson() + "\n");

    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    /// <summary>The numbers of the report, for a manifest; keys as in the file.</summary>
    public IReadOnlyDictionary<string, double> Metrics()
    {
        var metrics = new Dictionary<string, double>();
        foreach (var property in JsonSerializer.SerializeToElement(this, s_json).EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Number && property.Name is not ("seed" or "epoch"))
            {
                metrics.Add(property.Name, property.Value.GetDouble());
            }
        }
        return metrics;
    }
}
