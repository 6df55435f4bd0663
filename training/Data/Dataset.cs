using Mim.Models;

namespace Mim.Training;

public enum SplitName
{
    Train,
    Validation,
    Test,
}

/// <summary>Observations before any preprocessing: <see cref="X"/> is [Rows, XDim], row-major; NaN marks a missing value that is imputed later.</summary>
public sealed record DataSplit(float[] X, int Rows, int XDim, long[]? Labels);

/// <summary>
/// Where observations come from. Generators draw fresh rows for each (seed, split, epoch); files give the same rows in the same order in every epoch,
/// and shuffling is the trainer's.
/// </summary>
public abstract class Dataset
{
    public abstract string Name { get; }

    /// <summary>Shape of one observation.</summary>
    public abstract IReadOnlyList<long> XShape { get; }

    public int XDim => checked((int)XShape.Aggregate(1L, (product, size) => product * size));

    public abstract bool HasLabels { get; }

    /// <summary>What label i was called in the source, where labels were strings; null: labels are the source's integers.</summary>
    public virtual IReadOnlyList<string>? LabelNames => null;

    /// <summary>SHA-256 of what determines the rows: a generator's name and parameters, a file's bytes and the options that select from it.</summary>
    public abstract string Sha256 { get; }

    /// <summary>The rows of a split. Epochs count from 0; a file ignores them.</summary>
    public abstract DataSplit Load(SplitName split, int epoch);

    /// <summary>Opens what the options name. The seed keys the draws of a generator; a file's rows do not depend on it.</summary>
    public static Dataset Open(DatasetOptions options, long seed)
    {
        if (Mixture.TryCreate(options, seed) is { } mixture)
        {
            return mixture;
        }
        throw new UsageException($"dataset.name: expected toy4, toy4_<d>, toy-4, sprites or file, found '{options.Name}'.");
    }
}
