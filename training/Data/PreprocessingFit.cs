using System.Diagnostics;
using System.Globalization;
using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The values of <c>dataset.missing</c> beside a number.</summary>
static class Imputation
{
    public const string Error = "error";
    public const string Mean = "mean";
    public const string Median = "median";
}

/// <summary>Turns the <c>preprocessing:</c> list into steps whose constants come from the training split.</summary>
static class PreprocessingFit
{
    /// <summary>
    /// The reference's PCA-Fashion-MNIST: validation and test rows are projected by a PCA of their own, so that their axes are others than those trained
    /// on. A defect, offered to reproduce the published figures and for nothing else: such a model cannot be exported.
    /// </summary>
    public const string PcaPerSplit = "pca_per_split";

    const float DefaultLevels = 256;
    /// <summary>float32 of a level up to 10^4 times the number of levels.</summary>
    const double LevelTolerance = 1e-2;

    const float DefaultThreshold = 0.5f;

    /// <summary>
    /// A step whose constants the options give, or one that looks at a column (its name, its values) to find or to check them, or a projection to a
    /// number of components, which looks at all columns at once.
    /// </summary>
    readonly record struct Plan(string Kind, PreprocessingStep? Given, Func<string, double[], PreprocessingStep>? Fit, int Components = 0)
    {
        public bool IsProjection => Components > 0;
    }

    /// <summary>Whether the chain ends with a projection of its own for each split.</summary>
    public static bool IsPerSplit(DatasetOptions options) =>
        options.Preprocessing.Count > 0 && Parse(options.Preprocessing[^1]).Kind == PcaPerSplit;

    /// <summary>The chain as fitted on the training split.</summary>
    public static IReadOnlyList<PreprocessingStep> Fit(DatasetOptions options, Dataset dataset)
    {
        var impute = Impute(options.Missing);
        var plans = options.Preprocessing.Select(Parse).ToList();
        if (plans.FindIndex(plan => plan.Kind == PcaPerSplit) is >= 0 and var perSplit && perSplit < plans.Count - 1)
        {
            throw new UsageException(
                $"preprocessing: expected '{PcaPerSplit}' as the last step, found '{options.Preprocessing[perSplit + 1]}' behind it.");
        }
        var drawn = plans.FindIndex(plan => Preprocessing.IsStochastic(new PreprocessingStep { Kind = plan.Kind }));
        if (drawn >= 0 && plans.FindLastIndex(plan => plan.Kind == PreprocessingStep.BinariseStatic) > drawn)
        {
            throw new UsageException($"preprocessing: expected '{PreprocessingStep.BinariseStatic}' before what is drawn for each batch, found it behind "
                + $"'{options.Preprocessing[drawn]}'.");
        }
        if (impute is { } first)
        {
            plans.Insert(0, first);
        }
        var given = plans.Select(plan => plan.Given).OfType<PreprocessingStep>().ToArray();
        return given.Length == plans.Count ? given : Fit(plans, dataset);
    }

    /// <summary>The chain whose last step, a projection, is fitted anew on the rows of another split.</summary>
    public static IReadOnlyList<PreprocessingStep> FitProjection(IReadOnlyList<PreprocessingStep> chain, Dataset dataset, SplitName split)
    {
        PreprocessingStep[] before = [.. chain.SkipLast(1)];
        var components = chain[^1].Outputs(chain[^1].A.Length);
        return [.. before, PrincipalComponents.Fit(dataset.Load(split, 0), new Preprocessing(before), components, dataset.Name).Step];
    }

    static List<PreprocessingStep> Fit(List<Plan> plans, Dataset dataset)
    {
        var training = dataset.Load(SplitName.Train, 0);
        List<PreprocessingStep> steps = [];
        foreach (var plan in plans.Where(plan => plan.IsProjection))
        {
            var before = plans.Skip(steps.Count).TakeWhile(other => !other.IsProjection).ToArray();
            steps.AddRange(FitColumns(before, steps, training, dataset));
            steps.Add(PrincipalComponents.Fit(training, new Preprocessing(steps), plan.Components, dataset.Name).Step);
        }
        steps.AddRange(FitColumns([.. plans.Skip(steps.Count)], steps, training, dataset));
        return steps;
    }

    /// <summary>The rows behind the last projection, after which elements are no columns of the source any more.</summary>
    static DataSplit Apply(List<PreprocessingStep> steps, DataSplit rows)
    {
        if (steps.Count == 0)
        {
            return rows;
        }
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var x = new Preprocessing(steps).Mean(tensor(rows.X, [rows.Rows, rows.XDim]));
        return new DataSplit(x.data<float>().ToArray(), rows.Rows, (int)x.shape[1], rows.Labels);
    }

    /// <summary>Fits steps that treat each column by itself, on what the steps before them make of the raw rows.</summary>
    static IReadOnlyList<PreprocessingStep> FitColumns(
        IReadOnlyList<Plan> plans, List<PreprocessingStep> before, DataSplit raw, Dataset dataset)
    {
        if (plans.All(plan => plan.Given is not null))
        {
            return [.. plans.Select(plan => plan.Given).OfType<PreprocessingStep>()];
        }
        var training = Apply(before, raw);
        var constants = plans.Select(_ => (A: new List<float>(), B: new List<float>())).ToArray();
        var values = new double[training.Rows];
        for (var column = 0; column < training.XDim; column++)
        {
            for (var row = 0; row < values.Length; row++)
            {
                values[row] = training.X[(row * training.XDim) + column];
            }
            foreach (var (i, plan) in plans.Index())
            {
                var name = before.Count == 0 ? ColumnName(dataset, column) : $"component {column + 1}";
                var step = plan.Given ?? plan.Fit?.Invoke($"{dataset.Name}: {name}", values)
                    ?? throw new UnreachableException("A plan gives its constants or fits them.");
                constants[i].A.AddRange(step.A);
                constants[i].B.AddRange(step.B);
                Apply(step, values);
            }
        }
        return [.. plans.Zip(constants, (plan, c) => new PreprocessingStep { Kind = plan.Kind, A = Shared(c.A), B = Shared(c.B) })];
    }

    /// <summary>One constant where all columns have the same.</summary>
    static float[] Shared(List<float> values) => values.TrueForAll(value => value == values[0]) ? [.. values.Take(1)] : [.. values];

    static string ColumnName(Dataset dataset, int column)
    {
        if (dataset.Schema is not { } schema)
        {
            return string.Create(CultureInfo.InvariantCulture, $"element {column} of x");
        }
        var first = 0;
        foreach (var known in schema.Columns)
        {
            if (column < first + known.Width)
            {
                return $"column '{known.Name}'";
            }
            first += known.Width;
        }
        return $"element {column} of x";
    }

    static Plan? Impute(string missing)
    {
        const string kind = PreprocessingStep.Impute;
        Func<double[], double> constant;
        switch (missing)
        {
            case Imputation.Error:
                return null;
            case Imputation.Mean:
                constant = known => known.Average();
                break;
            case Imputation.Median:
                constant = Median;
                break;
            default:
                return float.TryParse(missing, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && float.IsFinite(number)
                    ? Given(kind, [number])
                    : throw new UsageException($"dataset.missing: expected error, mean, median or a number, found '{missing}'.");
        }
        return new Plan(kind, null, (name, values) =>
        {
            var known = Array.FindAll(values, value => !double.IsNaN(value));
            return known.Length == 0
                ? throw new InvalidDataException($"{name}: expected a training value to impute by {missing}, found none. "
                    + "Leave it out, or give dataset.missing a number.")
                : new PreprocessingStep { Kind = kind, A = [(float)constant(known)] };
        });
    }

    static Plan Parse(string text)
    {
        var parts = text.Split(':', '=');
        var kind = parts[0].Trim();
        if (parts.Length > 2)
        {
            throw new UsageException($"preprocessing: expected a kind and at most one argument, found '{text}'.");
        }
        var argument = parts.Length < 2 ? (float?)null
            : float.TryParse(parts[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && float.IsFinite(number) ? number
            : throw new UsageException($"preprocessing: '{kind}' expects a number, found '{parts[1].Trim()}'.");
        switch (kind)
        {
            case PreprocessingStep.Standardise when argument is null:
                return new Plan(kind, null, (_, values) => Standardise(values));
            case PreprocessingStep.Scale when argument is > 0:
                return Given(kind, [0], [argument.Value]);
            case PreprocessingStep.Dequantise when argument is null or >= 2:
                var levels = argument ?? DefaultLevels;
                return new Plan(kind, null, (name, values) => Require(
                    name, values, value => value >= 0 && value < levels && value == Math.Floor(value),
                    $"integers from 0 to {levels - 1} for '{text}'", new PreprocessingStep { Kind = kind, A = [levels] }));
            case PreprocessingStep.DequantiseTraining when argument is null or >= 2:
                var steps = (argument ?? DefaultLevels) - 1;
                return new Plan(kind, null, (name, values) => Require(
                    name, values, value => value is >= 0 and <= 1 && Math.Abs((value * steps) - Math.Round(value * steps)) < LevelTolerance,
                    $"multiples of 1/{steps} from 0 to 1 for '{text}' (scale: {steps} before it?)",
                    new PreprocessingStep { Kind = kind, A = [steps + 1] }));
            case PreprocessingStep.Binarise:
                return Given(kind, [argument ?? DefaultThreshold]);
            case PreprocessingStep.BinariseStochastic or PreprocessingStep.BinariseStatic when argument is null:
                return new Plan(kind, null, (name, values) => Require(
                    name, values, value => value is >= 0 and <= 1,
                    $"probabilities from 0 to 1 for '{kind}' (scale: 255 before it?)", new PreprocessingStep { Kind = kind }));
            case PreprocessingStep.Pca or PcaPerSplit when argument is >= 1 && argument == Math.Floor(argument.Value):
                return new Plan(kind, null, null, (int)Math.Min(argument.Value, int.MaxValue));
            case PreprocessingStep.Impute:
                throw new UsageException("preprocessing: 'impute' comes first by itself. Give dataset.missing: mean, median or a number.");
            default:
                string[] kinds = [.. PreprocessingStep.Kinds, PcaPerSplit];
                throw new UsageException(kinds.Contains(kind)
                    ? "preprocessing: expected standardise, scale: B with B > 0, dequantise: LEVELS with at least 2, "
                        + $"dequantise_training: LEVELS, binarise: THRESHOLD, binarise_stochastic, binarise_static, pca: N or {PcaPerSplit}: N with a whole N of at least 1, found '{text}'."
                    : $"preprocessing: expected a kind, found '{kind}'.{Nearest.Hint(kind, kinds)}");
        }
    }

    static Plan Given(string kind, float[] a, params float[] b) => new(kind, new PreprocessingStep { Kind = kind, A = a, B = b }, null);

    static PreprocessingStep Require(string name, double[] values, Predicate<double> allowed, string expected, PreprocessingStep step) =>
        Array.FindIndex(values, value => !allowed(value)) is >= 0 and var i
            ? throw new InvalidDataException(
                string.Create(CultureInfo.InvariantCulture, $"{name}: expected {expected}, found {values[i]}."))
            : step;

    /// <summary>The population's standard deviation; 1 for a constant column, which then becomes 0.</summary>
    static PreprocessingStep Standardise(double[] values)
    {
        var mean = values.Average();
        var deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        var constant = (float)deviation == 0 || values.Max() == values.Min();
        return new PreprocessingStep { Kind = PreprocessingStep.Standardise, A = [(float)mean], B = [constant ? 1 : (float)deviation] };
    }

    static double Median(double[] values)
    {
        Array.Sort(values);
        var middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }

    /// <summary>What the graph does, one column in place, so that the next step is fitted on what it will see.</summary>
    static void Apply(PreprocessingStep step, double[] values)
    {
        for (var row = 0; row < values.Length; row++)
        {
            values[row] = step.Kind switch
            {
                PreprocessingStep.Impute => double.IsNaN(values[row]) ? step.A[0] : values[row],
                PreprocessingStep.Standardise or PreprocessingStep.Scale => (values[row] - step.A[0]) / step.B[0],
                PreprocessingStep.Dequantise => (values[row] + 0.5) / step.A[0],
                PreprocessingStep.Binarise => values[row] > step.A[0] ? 1 : 0,
                _ => values[row],
            };
        }
    }
}
