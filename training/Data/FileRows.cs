using Mim.Models;

namespace Mim.Training;

/// <summary>The rows of one source file, before they are split.</summary>
abstract class FileRows(string path)
{
    public string Path { get; } = path;

    public abstract int Count { get; }

    /// <summary>One text a row, or null where the file has none.</summary>
    public IReadOnlyList<string>? Labels { get; set; }

    public virtual TabularSchema? Schema => null;

    /// <summary>Shape of one row. Of a table it is known once it has its schema.</summary>
    public abstract IReadOnlyList<long> XShape { get; }

    /// <summary>For messages: the file with the line or row.</summary>
    public virtual string Where(int row) => $"{Path}, row {row}";

    /// <summary>Learns from the training rows what the values of the others may be.</summary>
    public virtual void Fit(IReadOnlyList<int> trainingRows)
    {
    }

    /// <summary>Takes over what the training file has learnt; an explicit test file must look like it.</summary>
    public virtual void Adopt(FileRows training)
    {
        if (!XShape.SequenceEqual(training.XShape))
        {
            throw new InvalidDataException($"{Path}: expected rows of shape [{string.Join(", ", training.XShape)}] as in {training.Path}, "
                + $"found [{string.Join(", ", XShape)}].");
        }
    }

    public abstract void CopyRow(int row, Span<float> x);
}

/// <summary>Rows that are numbers already: IDX, .npy, .npz and JSONL with an array a line.</summary>
sealed class ArrayRows(string path, int count, IReadOnlyList<long> xShape, ArrayRows.Copy copy) : FileRows(path)
{
    public delegate void Copy(int row, Span<float> x);

    public override int Count => count;

    public override IReadOnlyList<long> XShape => xShape;

    public override void CopyRow(int row, Span<float> x) => copy(row, x);

    public static ArrayRows OfIdx(string path)
    {
        var idx = IdxFile.Read(path);
        return idx.Shape.Count < 2
            ? throw new InvalidDataException(
                $"{path}: expected observations of at least 2 dimensions, found {idx.Shape.Count}. These look like labels.")
            : new ArrayRows(path, idx.Rows, [.. idx.Shape.Skip(1).Select(size => (long)size)], idx.CopyRow);
    }

    /// <summary>The rows of several files one after another; messages name the file that a row is from.</summary>
    public static FileRows Concatenate(IReadOnlyList<FileRows> parts)
    {
        var first = parts[0];
        var starts = new int[parts.Count];
        for (var i = 1; i < parts.Count; i++)
        {
            parts[i].Adopt(first);
            if (parts[i].Labels is null != first.Labels is null)
            {
                throw new UsageException($"{parts[i].Path}: expected labels in all files of dataset.path and dataset.more_paths or in none, "
                    + $"found {(first.Labels is null ? "them here and not" : "none here, but")} in {first.Path}. Give dataset.more_labels_paths.");
            }
            starts[i] = checked(starts[i - 1] + parts[i - 1].Count);
        }
        return new ConcatenatedRows(parts, starts)
        {
            Labels = first.Labels is null ? null : [.. parts.SelectMany(part => part.Labels ?? [])],
        };
    }

    public static ArrayRows OfNpy(string path) => OfArray(path, path, Npy.Read(path), labels: null);

    public static ArrayRows OfNpz(string path, string xKey, string? labelKey)
    {
        const string usualLabelKey = "y";
        var arrays = Npz.Read(path);
        NpyArray Entry(string key) => arrays.TryGetValue(key, out var array)
            ? array
            : throw new UsageException(
                $"{path}: expected the array '{key}', found {string.Join(", ", arrays.Keys)}.{Nearest.Hint(key, arrays.Keys)}");
        var labels = labelKey is not null ? Entry(labelKey) : arrays.GetValueOrDefault(usualLabelKey);
        var texts = labels is null ? null : LabelFile.Texts(labels, $"{path}[{labelKey ?? usualLabelKey}]");
        return OfArray(path, $"{path}[{xKey}]", Entry(xKey), texts);
    }

    static ArrayRows OfArray(string path, string name, NpyArray array, IReadOnlyList<string>? labels)
    {
        if (array.Shape.Length < 2 || array.Length == 0)
        {
            throw new InvalidDataException(
                $"{name}: expected rows of features, [N, ...x], found shape [{string.Join(", ", array.Shape)}].");
        }
        var values = array.ToSingle();
        var count = checked((int)array.Shape[0]);
        var size = values.Length / count;
        return new ArrayRows(path, count, array.Shape[1..], (row, x) => values.AsSpan(row * size, size).CopyTo(x)) { Labels = labels };
    }
}

/// <param name="parts">In order.</param>
/// <param name="starts">Number of each one's first row.</param>
sealed class ConcatenatedRows(IReadOnlyList<FileRows> parts, int[] starts) : FileRows(parts[0].Path)
{
    public override int Count => starts[^1] + parts[^1].Count;

    public override IReadOnlyList<long> XShape => parts[0].XShape;

    public override string Where(int row)
    {
        var (part, own) = Find(row);
        return part.Where(own);
    }

    public override void CopyRow(int row, Span<float> x)
    {
        var (part, own) = Find(row);
        part.CopyRow(own, x);
    }

    (FileRows Part, int Row) Find(int row)
    {
        var i = Array.FindLastIndex(starts, start => start <= row);
        return (parts[i], row - starts[i]);
    }
}
