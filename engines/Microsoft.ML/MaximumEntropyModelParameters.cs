using System.Numerics.Tensors;
using Microsoft.ML.Data;

namespace Microsoft.ML.Trainers;

public abstract class LinearMulticlassModelParametersBase : ModelParametersBase<VBuffer<float>>
{
    private protected LinearMulticlassModelParametersBase(float[] biases, float[][] weights, int dims)
    {
        Biases = biases;
        Weights = weights;
        Dims = dims;
    }

    internal float[] Biases { get; }

    /// <summary>(classes, dims)</summary>
    internal float[][] Weights { get; }

    internal int Dims { get; }

    public IEnumerable<float> GetBiases() => Biases.AsEnumerable();

    public void GetWeights(ref VBuffer<float>[]? weights, out int numClasses)
    {
        numClasses = Biases.Length;
        weights = Array.ConvertAll(Weights, w => new VBuffer<float>([.. w]));
    }
}

public sealed class MaximumEntropyModelParameters : LinearMulticlassModelParametersBase
{
    internal MaximumEntropyModelParameters(float[] biases, float[][] weights, int dims)
        : base(biases, weights, dims)
    {
    }

    internal void Probabilities(float[] x, float[] score)
    {
        for (var c = 0; c < score.Length; c++)
        {
            score[c] = Biases[c] + TensorPrimitives.Dot<float>(x, Weights[c]);
        }
        // Not TensorPrimitives.SoftMax: it exponentiates the raw scores, which overflow above 88.
        TensorPrimitives.Subtract(score, TensorPrimitives.Max<float>(score), score);
        TensorPrimitives.SoftMax<float>(score, score);
    }

    internal static int MostProbable(float[] score) => TensorPrimitives.IndexOfMax<float>(score);
}
