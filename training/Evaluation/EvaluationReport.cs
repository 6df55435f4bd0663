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

    /// <summary>Of <see cref="NllImportanceWeighted"/>, over rows: not the bias of finite S.</summary>
    public required double NllStandardError { get; init; }

    public required NllBySamples NllBySamples { get; init; }

    /// <summary><see cref="Distortion"/> + <see cref="Rate"/>.</summary>
    public required double NegativeElbo { get; init; }

    /// <summary>−[log p(x|z) + log p(z) − log q(z|x)], one z a row: what the reference's figures label "NLL".</summary>
    public required double NegativeElboSingleSample { get; init; }

    /// <summary>E KL(q(z|x) ‖ p(z)), in closed form where there is one, else over the S draws: an upper bound on I(x;z), no estimate of it.</summary>
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

    public required AggregatePosterior AggregatePosterior { get; init; }

    /// <summary>Null for an autoregressive decoder, which draws x element by element.</summary>
    public required JointStatistics? Joints { get; init; }

    public required SingleSampleStatistics SingleSample { get; init; }

    /// <summary>
    /// Accuracy of the nearest neighbour, fit on one z a row of the training split. Null without labels, as everything down to the clusters is.
    /// </summary>
    [JsonPropertyName("knn1_accuracy")]
    public required double? Knn1Accuracy { get; init; }

    [JsonPropertyName("knn3_accuracy")]
    public required double? Knn3Accuracy { get; init; }

    [JsonPropertyName("knn5_accuracy")]
    public required double? Knn5Accuracy { get; init; }

    [JsonPropertyName("knn10_accuracy")]
    public required double? Knn10Accuracy { get; init; }

    /// <summary>The same on posterior means instead of draws.</summary>
    [JsonPropertyName("knn1_accuracy_z_mean")]
    public required double? Knn1AccuracyZMean { get; init; }

    [JsonPropertyName("knn3_accuracy_z_mean")]
    public required double? Knn3AccuracyZMean { get; init; }

    [JsonPropertyName("knn5_accuracy_z_mean")]
    public required double? Knn5AccuracyZMean { get; init; }

    [JsonPropertyName("knn10_accuracy_z_mean")]
    public required double? Knn10AccuracyZMean { get; init; }

    public required int? KnnTrainRows { get; init; }

    /// <summary>Accuracy of <see cref="LinearProbe"/> on posterior means, fitted on those of the training split.</summary>
    public required double? LinearProbeAccuracy { get; init; }

    /// <summary>Of the probe's objective where its fit ended: about 10⁻⁶ at the minimum.</summary>
    public required double? LinearProbeGradientNorm { get; init; }

    /// <summary>Normalised mutual information ("max") of the labels with k-means clusters of the draws z, as many as there are labels.</summary>
    public required double? KmeansNmi { get; init; }

    public required int? KmeansClusters { get; init; }

    /// <summary>
    /// √ mean (x − E[x|z])² over rows and dimensions, z the posterior's mean. Of an autoregressive decoder E[x|z] is the greedy path's mean.
    /// </summary>
    public required double ReconstructionRmse { get; init; }

    /// <summary>
    /// Mean over rows of ‖x − x̂‖₂, x̂ ~ p(x|z), z ~ q(z|x): what the reference's figures label "RMSE". Of a likelihood over discrete x it is
    /// the mean image, the reference's "sample".
    /// </summary>
    [JsonPropertyName("reconstruction_l2_sampled")]
    public required double ReconstructionL2Sampled { get; init; }

    /// <summary>Rows behind the two reconstruction errors: all, but for an autoregressive decoder.</summary>
    public required int ReconstructionRows { get; init; }

    /// <summary>Dimensions of z whose posterior mean has a variance above 0.01 over the rows.</summary>
    public required int ActiveUnits { get; init; }

    public required PosteriorSd PosteriorSd { get; init; }

    public required PosteriorGauges PerDimension { get; init; }

    /// <summary>Null where the run has no metrics.</summary>
    public required TrainingCourse? Training { get; init; }

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

    /// <summary>The numbers of the report, for a manifest; keys as in the file, those of a part after the part's name and a dot.</summary>
    public IReadOnlyDictionary<string, double> Metrics()
    {
        var metrics = new Dictionary<string, double>();
        Collect(JsonSerializer.SerializeToElement(this, s_json), "", metrics);
        return metrics;
    }

    static void Collect(JsonElement part, string prefix, Dictionary<string, double> metrics)
    {
        foreach (var property in part.EnumerateObject())
        {
            switch (property.Value.ValueKind)
            {
                case JsonValueKind.Number when property.Name is not ("seed" or "epoch"):
                    metrics.Add(prefix + property.Name, property.Value.GetDouble());
                    break;
                case JsonValueKind.Object:
                    Collect(property.Value, $"{prefix}{property.Name}.", metrics);
                    break;
            }
        }
    }
}
