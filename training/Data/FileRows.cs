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
