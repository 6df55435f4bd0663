namespace Mim.Models;

/// <summary>
/// One step between raw features and the network's input. The chain lives inside the exported graphs; the manifest repeats it with its constants.
/// A and B hold one value per feature, or one for all; only those of <see cref="Pca"/> hold more.
/// </summary>
public sealed record PreprocessingStep
{
    /// <summary>A where x is NaN.</summary>
    public const string Impute = "impute";

    /// <summary>(x − A) / B with A the training split's mean and B its standard deviation.</summary>
    public const string Standardise = "standardise";

    /// <summary>(x − A) / B with given constants, such as 0 and 255.</summary>
    public const string Scale = "scale";

    /// <summary>Training draws (x + u) / A[0] with u uniform on [0, 1); the graph uses (x + 0.5) / A[0].</summary>
    public const string Dequantise = "dequantise";

    /// <summary>
    /// Training draws ((A[0] − 1)·x + u) / A[0], kept from 0.001 to 0.999, of x in [0, 1] with A[0] levels; all else passes x. The reference has PCA-Fashion-MNIST so.
    /// </summary>
    public const string DequantiseTraining = "dequantise_training";

    /// <summary>1 where x &gt; A[0], else 0.</summary>
    public const string Binarise = "binarise";

    /// <summary>Training draws from Bernoulli(x) for each batch, other rows are drawn once; the graph passes x.</summary>
    public const string BinariseStochastic = "binarise_stochastic";

    /// <summary>All rows are drawn from Bernoulli(x) once; the graph passes x.</summary>
    public const string BinariseStatic = "binarise_static";

    /// <summary>
    /// W·(x − A), A the training split's mean (inputs) and B the matrix W (outputs, inputs), row by row: its leading principal directions, orthonormal and
    /// not whitened. What follows sees as many features as W has rows.
    /// </summary>
    public const string Pca = "pca";

    /// <summary>Most elements of W: as decimals they take two thirds of the largest manifest.</summary>
    public const int MaxMatrix = 1 << 19;

    public static IReadOnlyList<string> Kinds { get; } =
        [Impute, Standardise, Scale, Dequantise, DequantiseTraining, Binarise, BinariseStochastic, BinariseStatic, Pca];

    public required string Kind { get; init; }
    public float[] A { get; init; } = [];
    public float[] B { get; init; } = [];

    /// <summary>What is wrong with the step for rows of <paramref name="xDim"/> features, or null.</summary>
    public string? Fault(int xDim)
    {
        if (!Kinds.Contains(Kind))
        {
            return $"unknown kind '{Kind}'.{Nearest.Hint(Kind, Kinds)}";
        }
        if (Kind == Pca)
        {
            return A.Length != xDim ? $"'{Kind}' expects the {xDim} means of its features in a, found {A.Length} values."
                : B.Length == 0 || B.Length % xDim != 0 || B.Length / xDim > xDim || B.Length > MaxMatrix
                    ? $"'{Kind}' expects 1 to {Math.Min(xDim, MaxMatrix / xDim)} rows of {xDim} values in b, found {B.Length} values."
                    : Finite("a", A) ?? Finite("b", B);
        }
        var (a, b) = Kind switch
        {
            Standardise or Scale => (true, true),
            BinariseStochastic or BinariseStatic => (false, false),
            _ => (true, false),
        };
        return Fault("a", A, a, xDim, Kind is Impute or Standardise or Scale)
            ?? Fault("b", B, b, xDim, perFeature: true)
            ?? (b && B.Contains(0) ? $"'{Kind}' divides by b, which holds a zero." : null)
            ?? (Kind is Dequantise or DequantiseTraining && A[0] < 1 ? $"'{Kind}' expects at least one level, found {A[0]}." : null);
    }

    /// <summary>Features after the step, of <paramref name="inputs"/> before it.</summary>
    public int Outputs(int inputs) => Kind == Pca ? B.Length / inputs : inputs;

    /// <summary>The shape of a row after the steps: what the network sees of rows of shape <paramref name="xShape"/>.</summary>
    public static IReadOnlyList<long> OutputShape(IEnumerable<PreprocessingStep> steps, IReadOnlyList<long> xShape) =>
        steps.LastOrDefault(step => step.Kind == Pca) is { } pca ? [pca.Outputs(pca.A.Length)] : xShape;

    /// <summary>
    /// How much of each raw feature one unit of the network's side is, (xDim): the factor of the inverse that ends up in the decoder. Principal
    /// directions are orthonormal, so one unit along any of them is at most one of each feature.
    /// </summary>
    public static float[] RawUnits(IReadOnlyList<PreprocessingStep> steps, int xDim)
    {
        var units = new float[OutputShape(steps, [xDim])[0]];
        Array.Fill(units, 1);
        foreach (var step in steps.Reverse())
        {
            if (step.Kind == Pca)
            {
                var largest = units.Max();
                units = new float[step.A.Length];
                Array.Fill(units, largest);
            }
            var factors = step.Kind switch
            {
                Standardise or Scale => step.B,
                Dequantise => step.A,
                _ => [],
            };
            for (var i = 0; i < units.Length && factors.Length > 0; i++)
            {
                units[i] *= Math.Abs(factors[i % factors.Length]);
            }
        }
        return units;
    }

    /// <summary>
    /// The raw row (xDim) whose every preprocessed feature is <paramref name="value"/>: the inverse that ends up in the decoder. Binarising is not undone.
    /// </summary>
    public static float[] Raw(IReadOnlyList<PreprocessingStep> steps, int xDim, float value)
    {
        var raw = new float[xDim];
        Array.Fill(raw, value);
        foreach (var step in steps.Reverse())
        {
            for (var i = 0; i < xDim; i++)
            {
                raw[i] = step.Kind switch
                {
                    Standardise or Scale => raw[i] * step.B[i % step.B.Length] + step.A[i % step.A.Length],
                    Dequantise => raw[i] * step.A[0] - 0.5f,
                    _ => raw[i],
                };
            }
        }
        return raw;
    }

    string? Fault(string name, float[] constants, bool expected, int xDim, bool perFeature) => (expected, constants.Length) switch
    {
        (false, 0) => null,
        (false, var found) => $"'{Kind}' takes no {name}, found {found} values.",
        (true, 1) => Finite(name, constants),
        (true, var found) when perFeature && found == xDim => Finite(name, constants),
        (true, var found) => $"'{Kind}' expects {(perFeature ? $"1 or {xDim} values" : "1 value")} in {name}, found {found}.",
    };

    string? Finite(string name, float[] constants) => Array.TrueForAll(constants, float.IsFinite) ? null : $"'{Kind}' holds a value in {name} that is not finite.";
}
