using System.Text.Json.Serialization;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms;

namespace Microsoft.ML;

/// <summary>A transformer that can be written to a model file.</summary>
interface IStored
{
    IEnumerable<ModelStep> Steps { get; }

    static IEnumerable<ModelStep> StepsOf(ITransformer transformer) =>
        transformer is IStored stored
            ? stored.Steps
            : throw new NotSupportedException($"{transformer.GetType()}: the stand-in for Microsoft.ML stores only its own transformers.");
}

/// <summary>What a transformer has learned, as it lies in a model file.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ValueToKeyStep), "value_to_key")]
[JsonDerivedType(typeof(KeyToValueStep), "key_to_value")]
[JsonDerivedType(typeof(KMeansStep), "k_means")]
[JsonDerivedType(typeof(MaximumEntropyStep), "maximum_entropy")]
abstract record ModelStep
{
    /// <exception cref="FormatException">Sizes that do not fit together.</exception>
    public abstract ITransformer ToTransformer();

    protected static void Require(bool sound, string what)
    {
        if (!sound)
        {
            throw new FormatException($"Corrupt model file: {what}");
        }
    }
}

sealed record ValueToKeyStep(string Output, string Input, string[] Values) : ModelStep
{
    public override ITransformer ToTransformer()
    {
        Require(Values.Distinct(StringComparer.Ordinal).Count() == Values.Length, $"the values of '{Output}' are not distinct");
        return new ValueToKeyMappingTransformer(this);
    }
}

sealed record KeyToValueStep(string Output, string Input) : ModelStep
{
    public override ITransformer ToTransformer() => new KeyToValueMappingTransformer(this);
}

sealed record KMeansStep(string Features, int Dims, float[][] Centroids) : ModelStep
{
    public override ITransformer ToTransformer()
    {
        Require(Dims > 0 && Centroids.Length > 0 && Array.TrueForAll(Centroids, c => c.Length == Dims), $"expected centroids of {Dims} values");
        var model = new KMeansModelParameters(Centroids, Dims);
        return new ClusteringPredictionTransformer<KMeansModelParameters>(model, model, Features);
    }
}

sealed record MaximumEntropyStep(string Features, int Dims, float[] Biases, float[][] Weights, string[]? Names) : ModelStep
{
    public override ITransformer ToTransformer()
    {
        var classes = Biases.Length;
        Require(
            Dims > 0 && classes > 0 && Weights.Length == classes && (Names is null || Names.Length == classes) && Array.TrueForAll(Weights, w => w.Length == Dims),
            $"expected the names and weights, of {Dims} values, of {classes} classes");
        var model = new MaximumEntropyModelParameters(Biases, Weights, Dims);
        return new MulticlassPredictionTransformer<MaximumEntropyModelParameters>(model, model, Names, Features);
    }
}
