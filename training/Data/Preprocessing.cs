using System.Diagnostics;
using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The preprocessing of a data set as tensor operations on x of shape (B, X), float32; a projection changes X. The exporter writes <see cref="Mean"/> into the
/// encoder's graph and <see cref="Inverse"/> into the decoder's. A chain that changes nothing returns its argument.
/// </summary>
public sealed class Preprocessing(IEnumerable<PreprocessingStep> steps)
{
    /// <summary>The seed with which the reference binarises validation and test images.</summary>
    const ulong FixedSeed = 777;

    /// <summary>"FIX": keeps these streams apart from every other use of that seed.</summary>
    const uint FixedStream = 0x46495800;

    const double TrainingMargin = 1e-3;

    readonly PreprocessingStep[] _steps = [.. steps];

    public bool IsEmpty => _steps.Length == 0;

    /// <summary>Whether training draws the step anew for each batch.</summary>
    public static bool IsStochastic(PreprocessingStep step) =>
        step.Kind is PreprocessingStep.Dequantise or PreprocessingStep.DequantiseTraining or PreprocessingStep.BinariseStochastic;

    /// <summary>Features of a row of <paramref name="xDim"/> features after the steps.</summary>
    public int OutputDim(int xDim) => _steps.Aggregate(xDim, (dim, step) => step.Outputs(dim));

    /// <summary>Uniform numbers that <see cref="Sample"/> takes for a row of <paramref name="xDim"/> features.</summary>
    public int DrawsPerRow(int xDim) => DrawsPerRow(xDim, IsStochastic);

    /// <summary>
    /// With the parts drawn that training draws for each batch. <paramref name="draws"/> are u ~ U[0, 1), (B, <see cref="DrawsPerRow(int)"/>):
    /// dequantisation adds u, binary values are 1 where u &lt; x.
    /// </summary>
    public Tensor Sample(Tensor x, Tensor draws) => Chain(x, draws, IsStochastic);

    /// <summary>
    /// What rows <paramref name="firstRow"/>, … of a split are when they are not trained on: every draw is a function of split and row alone, so that all
    /// models and epochs are measured on the same rows.
    /// </summary>
    public Tensor Fixed(Tensor x, SplitName split, int firstRow)
    {
        var perRow = DrawsPerRow((int)x.shape[1], IsFixed);
        if (perRow == 0)
        {
            return Mean(x);
        }
        var draws = new float[x.shape[0] * perRow];
        for (var row = 0; row < x.shape[0]; row++)
        {
            new Philox(FixedSeed, FixedStream + (uint)split, (uint)(firstRow + row)).Fill(draws.AsSpan(row * perRow, perRow));
        }
        using var uniform = tensor(draws, x.shape[0], perRow).to(x.device);
        return Chain(x, uniform, IsFixed);
    }

    /// <summary>What the exported graph does: where rows are drawn for measuring too, the expectation of the draw.</summary>
    public Tensor Mean(Tensor x) => Chain(x, _steps, Expect);

    /// <summary>
    /// From the network's side back to raw units, for the decoder's mean. Imputation and binarisation have no inverse and are left out;
    /// dequantisation has that of its expectation, and a projection leads back into its hyperplane.
    /// </summary>
    public Tensor Inverse(Tensor x) => Chain(x, _steps.Reverse(), (value, step) => step.Kind switch
    {
        PreprocessingStep.Standardise or PreprocessingStep.Scale => (value * Constant(step.B, value)) + Constant(step.A, value),
        PreprocessingStep.Dequantise => (value * step.A[0]) - 0.5f,
        PreprocessingStep.Pca => value.matmul(Directions(step, value)) + Constant(step.A, value),
        _ => value,
    });

    static bool IsFixed(PreprocessingStep step) =>
        step.Kind is PreprocessingStep.Dequantise or PreprocessingStep.BinariseStochastic or PreprocessingStep.BinariseStatic;

    int DrawsPerRow(int xDim, Predicate<PreprocessingStep> isDrawn)
    {
        var draws = 0;
        foreach (var step in _steps)
        {
            draws += isDrawn(step) ? xDim : 0;
            xDim = step.Outputs(xDim);
        }
        return draws;
    }

    Tensor Chain(Tensor x, Tensor draws, Predicate<PreprocessingStep> isDrawn)
    {
        var used = 0L;
        return Chain(x, _steps, (value, step) =>
        {
            if (!isDrawn(step))
            {
                return Expect(value, step);
            }
            var u = draws.narrow(1, used, value.shape[1]);
            used += value.shape[1];
            return step.Kind switch
            {
                PreprocessingStep.Dequantise => (value + u) / step.A[0],
                PreprocessingStep.DequantiseTraining => (((value * (step.A[0] - 1)) + u) / step.A[0]).clamp(TrainingMargin, 1 - TrainingMargin),
                _ => u.lt(value).to_type(ScalarType.Float32),
            };
        });
    }

    static Tensor Expect(Tensor x, PreprocessingStep step) => step.Kind switch
    {
        PreprocessingStep.Impute => where(isnan(x), Constant(step.A, x), x),
        PreprocessingStep.Standardise or PreprocessingStep.Scale => (x - Constant(step.A, x)) / Constant(step.B, x),
        PreprocessingStep.Dequantise => (x + 0.5f) / step.A[0],
        PreprocessingStep.Binarise => x.gt(step.A[0]).to_type(ScalarType.Float32),
        PreprocessingStep.BinariseStochastic or PreprocessingStep.BinariseStatic or PreprocessingStep.DequantiseTraining => x,
        PreprocessingStep.Pca => (x - Constant(step.A, x)).matmul(Directions(step, x).t()),
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

    /// <summary>(N, X), beside x.</summary>
    static Tensor Directions(PreprocessingStep pca, Tensor x) => tensor(pca.B, pca.Outputs(pca.A.Length), pca.A.Length, device: x.device);

    /// <summary>(1) or (X), beside x.</summary>
    static Tensor Constant(float[] values, Tensor x) => tensor(values, device: x.device);
}
