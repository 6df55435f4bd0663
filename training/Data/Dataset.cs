using System.Globalization;
using Mim.Models;

namespace Mim.Training;

public enum SplitName
{
    Train,
    Validation,
    Test,
}

/// <summary>
/// Observations before any preprocessing: <see cref="X"/> is [Rows, XDim], row-major; NaN marks a missing value that is imputed later.
/// </summary>
public sealed record DataSplit(float[] X, int Rows, int XDim, long[]? Labels)
{
    /// <summary>The factors that generated each row, [Rows, FactorNames], where a generator knows them.</summary>
    public float[]? Factors { get; init; }
}

/// <summary>
/// Where observations come from. Generators draw fresh rows for each (seed, split, epoch); files give the same rows in the same order in
/// every epoch, and shuffling is the trainer's.
/// </summary>
public abstract class Dataset
{
    /// <summary>The name under which a file is opened.</summary>
    public const string FromFile = "file";

    const int MaxRowsPerEpoch = 10_000_000;

    readonly IReadOnlyList<PreprocessingStep>?[] _perSplit = new IReadOnlyList<PreprocessingStep>?[Enum.GetValues<SplitName>().Length];

    bool _augmented;
    ulong _seed;

    /// <summary>The named data sets; a mixture may have any number of modes and dimensions.</summary>
    public static IReadOnlyList<string> KnownNames { get; } = ["toy4", "toy4_20", "toy-4", "toyMIM", "sprites", FromFile];

    public abstract string Name { get; }

    /// <summary>Shape of one observation.</summary>
    public abstract IReadOnlyList<long> XShape { get; }

    public int XDim => checked((int)XShape.Aggregate(1L, (product, size) => product * size));

    public abstract bool HasLabels { get; }

    /// <summary>What label i was called in the source, where labels were strings; null: labels are the source's integers.</summary>
    public virtual IReadOnlyList<string>? LabelNames => null;

    /// <summary>Names of the columns of <see cref="DataSplit.Factors"/>; empty where no factor is known.</summary>
    public virtual IReadOnlyList<string> FactorNames => [];

    /// <summary>How the columns of a table become x; null where x was numbers already.</summary>
    public virtual TabularSchema? Schema => null;

    /// <summary>The chain from raw x to the network's input, with constants fitted on the training split alone.</summary>
    public IReadOnlyList<PreprocessingStep> Preprocessing { get; private set; } = [];

    /// <summary>
    /// Whether validation and test rows have a projection of their own: the reference's defect, see <c>pca_per_split</c>. There is no one
    /// chain then that a model could be exported with.
    /// </summary>
    public bool HasPreprocessingPerSplit { get; private set; }

    /// <summary>Shape of one observation as the network sees it, after preprocessing.</summary>
    public IReadOnlyList<long> InputShape => PreprocessingStep.OutputShape(Preprocessing, XShape);

    public int InputDim => checked((int)InputShape.Aggregate(1L, (product, size) => product * size));

    /// <summary>
    /// SHA-256 of what determines the rows: a generator's name and parameters, a file's bytes and the options that select from it.
    /// </summary>
    public abstract string Sha256 { get; }

    /// <summary>Whether <see cref="TrainingRows"/> are others in each epoch.</summary>
    public bool TrainingRowsVary => _augmented || VariesByEpoch;

    /// <summary>Whether <see cref="Load"/> gives other rows in each epoch.</summary>
    public virtual bool VariesByEpoch => false;

    /// <summary>The rows of a split. Epochs count from 0; a file ignores them. Two threads may call it at once.</summary>
    public abstract DataSplit Load(SplitName split, int epoch);

    /// <summary>
    /// What is trained on in an epoch, from 0: the training split, augmented where the options say so. Constants are fitted, and models measured, on the split
    /// as it is.
    /// </summary>
    public DataSplit TrainingRows(int epoch)
    {
        var rows = Load(SplitName.Train, epoch);
        return _augmented ? AffineAugmentation.Apply(rows, XShape, _seed, epoch) : rows;
    }

    /// <summary>Opens what the options name. The seed keys the draws of a generator and of augmentation; the rows of a file do not depend on it.</summary>
    public static Dataset Open(DatasetOptions options, long seed)
    {
        Check(options);
        var dataset = Mixture.TryCreate(options, seed) ?? options.Name switch
        {
            "sprites" => new Sprites(options, seed),
            FromFile => FileDataset.Open(options),
            _ => throw new UsageException(
                $"dataset.name: expected a data set, found '{options.Name}'.{Nearest.Hint(options.Name, KnownNames)}"),
        };
        dataset._augmented = options.Augment == DatasetOptions.Affine;
        dataset._seed = unchecked((ulong)seed);
        if (dataset._augmented)
        {
            AffineAugmentation.Check(dataset);
        }
        dataset.Preprocessing = PreprocessingFit.Fit(options, dataset);
        dataset.HasPreprocessingPerSplit = PreprocessingFit.IsPerSplit(options);
        return dataset;
    }

    /// <summary>The chain that rows of a split go through: <see cref="Preprocessing"/>, but for <see cref="HasPreprocessingPerSplit"/>.</summary>
    public IReadOnlyList<PreprocessingStep> PreprocessingOf(SplitName split) => HasPreprocessingPerSplit && split != SplitName.Train
        ? _perSplit[(int)split] ??= PreprocessingFit.FitProjection(Preprocessing, this, split)
        : Preprocessing;

    static void Check(DatasetOptions options)
    {
        if (options.RowsPerEpoch is < 1 or > MaxRowsPerEpoch)
        {
            throw new UsageException($"dataset.rows_per_epoch: expected 1 to {MaxRowsPerEpoch}, found {options.RowsPerEpoch}.");
        }
        (string, double)[] fractions = [("validation_fraction", options.ValidationFraction), ("test_fraction", options.TestFraction)];
        foreach (var (key, fraction) in fractions)
        {
            if (fraction is not (>= 0 and < 1))
            {
                throw new UsageException(string.Create(CultureInfo.InvariantCulture,
                    $"dataset.{key}: expected at least 0 and less than 1, found {fraction}."));
            }
        }
        if (options.ValidationFraction + options.TestFraction >= 1)
        {
            throw new UsageException(
                "dataset.validation_fraction and dataset.test_fraction: expected to leave rows to train on, found a sum of 1 or more.");
        }
        if (!DatasetOptions.Formats.Contains(options.Format))
        {
            throw new UsageException(
                $"dataset.format: expected a format, found '{options.Format}'.{Nearest.Hint(options.Format, DatasetOptions.Formats)}");
        }
        if (options.ValidationRows is not null && options.Name != FromFile)
        {
            throw new UsageException($"dataset.validation_rows: expected dataset.name '{FromFile}' beside it, found '{options.Name}', which draws its rows.");
        }
        if (options.Delimiter is { } delimiter && delimiter is not ("tab" or "\\t" or [not ('"' or '\r' or '\n')]))
        {
            throw new UsageException($"dataset.delimiter: expected one character or 'tab', found '{delimiter}'.");
        }
        if (!DatasetOptions.Augmentations.Contains(options.Augment))
        {
            throw new UsageException(
                $"dataset.augment: expected none or affine, found '{options.Augment}'.{Nearest.Hint(options.Augment, DatasetOptions.Augmentations)}");
        }
        if (options.ValidationRows is < 1)
        {
            throw new UsageException($"dataset.validation_rows: expected at least 1, found {options.ValidationRows}.");
        }
        if (options.Path is { } path && options.Name != FromFile)
        {
            throw new UsageException(
                $"dataset.path: expected dataset.name '{FromFile}' beside it, found '{options.Name}' ({path} would not be read).");
        }
    }
}
