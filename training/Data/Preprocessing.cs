using System.Diagnostics;
using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The preprocessing of a data set as tensor operations on x of shape (B, X), float32. The exporter writes <see cref="Mean"/> into the
/// encoder's graph and <see cref="Inverse"/> into the decoder's. A chain that changes nothing returns its argument.
/// </summary>
public sealed class Preprocessing(IEnumerable<PreprocessingStep> steps)
{
    readonly PreprocessingStep[] _steps = [.. steps];

    public bool IsEmpty => _steps.Length == 0;

    /// <summary>Whether training draws the step anew for each batch.</summary>
    public static bool IsStochastic(PreprocessingStep step) =>
        step.Kind is PreprocessingStep.Dequantise or PreprocessingStep.BinariseStochastic;

    /// <summary>With the stochastic parts drawn: dequantisation noise u ~ U[0, 1), binary values ~ Bernoulli(x).</summary>
    public Tensor Sample(Tensor x, Generator noise) => Chain(x, _steps, (value, step) => step.Kind switch
    {
        PreprocessingStep.Dequantise => (value + Noise.Uniform(value, noise)) / step.A[0],
        PreprocessingStep.BinariseStochastic => Noise.Bernoulli(value, noise),
        _ => Expect(value, step),
    });

    /// <summary>The expectation of <see cref="Sample"/>: what the exported graph does.</summary>
    public Tensor Mean(Tensor x) => Chain(x, _steps, Expect);

    /// <summary>
    /// From the network's side back to raw units, for the decoder's mean. Imputation and binarisation have no inverse and are left out;
    /// dequantisation has that of its expectation.
    /// </summary>
    public Tensor Inverse(Tensor x) => Chain(x, _steps.Reverse(), (value, step) => step.Kind switch
    {
        PreprocessingStep.Standardise or PreprocessingStep.Scale => (value * Constant(step.B, value)) + Constant(step.A, value),
        PreprocessingStep.Dequantise => (value * step.A[0]) - 0.5f,
        _ => value,
    });

    static Tensor Expect(Tensor x, PreprocessingStep step) => step.Kind switch
    {
        PreprocessingStep.Impute => where(isnan(x), Constant(step.A, x), x),
        PreprocessingStep.Standardise or PreprocessingStep.Scale => (x - Constant(step.A, x)) / Constant(step.B, x),
        PreprocessingStep.Dequantise => (x + 0.5f) / step.A[0],
        PreprocessingStep.Binarise => x.gt(step.A[0]).to_type(ScalarType.Float32),
        PreprocessingStep.BinariseStochastic => x,
        _ => throw new UnreachableException($"Preprocessing '{step.Kind}' is not one that a manifest may hold."),
    };

    static Tensor Chain(Tensor x, IEnumerable<PreprocessingStep> steps, Func<Tensor, PreprocessingStep, Tensor> apply)
    {
        using var scope = NewDisposeScope();
        var value = x;
        foreach (var step in steps)
        {
            value = apply(value, step);
        }
        // A tensor that passed unchanged belongs to the caller's scope.
        return ReferenceEquals(value, x) ? x : value.MoveToOuterDisposeScope();
    }

    /// <summary>(1) or (X), beside x.</summary>
    static Tensor Constant(float[] values, Tensor x) => tensor(values, device: x.device);
}
