using System.Globalization;
using System.Text;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// Rows of a file, split by seed: each row has a hash of (split seed, row number), and the rows of smallest hash are the test split, the
/// next ones the validation split, unless that is a number of last rows. A split keeps the order of the file.
/// </summary>
sealed class FileDataset : Dataset
{
    const uint SplitStream = 0x53504C54;

    readonly DataSplit[] _splits;

    FileDataset(FileRows rows, FileRows? testRows, DatasetOptions options, string sha256)
    {
        Name = Path.GetFileName(rows.Path);
        Sha256 = sha256;
        var parts = Split(rows, testRows is null ? options.TestFraction : 0, options);
        rows.Fit(parts[(int)SplitName.Train]);
        testRows?.Adopt(rows);
        XShape = rows.XShape;
        Schema = rows.Schema;
        HasLabels = rows.Labels is not null;
        if (testRows is not null && HasLabels != testRows.Labels is not null)
        {
            throw new UsageException(
                $"{(HasLabels ? testRows : rows).Path}: expected labels as {(HasLabels ? rows : testRows).Path} has them, found none. "
                + "Give dataset.labels_path and dataset.test_labels_path, or neither.");
        }
        var (encode, names) = LabelFile.Code([.. rows.Labels ?? [], .. testRows?.Labels ?? []]);
        LabelNames = names;
        var allowMissing = options.Missing != Imputation.Error;
        _splits =
        [
            Load(rows, parts[(int)SplitName.Train], encode, allowMissing),
            Load(rows, parts[(int)SplitName.Validation], encode, allowMissing),
            testRows is null
                ? Load(rows, parts[(int)SplitName.Test], encode, allowMissing)
                : Load(testRows, [.. Enumerable.Range(0, testRows.Count)], encode, allowMissing),
        ];
    }

    public override string Name { get; }

    public override IReadOnlyList<long> XShape { get; }

    public override bool HasLabels { get; }

    public override IReadOnlyList<string>? LabelNames { get; }

    public override TabularSchema? Schema { get; }

    public override string Sha256 { get; }

    public override DataSplit Load(SplitName split, int epoch) => _splits[(int)split] is { Rows: > 0 } rows
        ? rows
        : throw new UsageException($"{Name} has no {split.ToString().ToLowerInvariant()} rows: "
            + $"give dataset.{(split == SplitName.Test ? "test_fraction or dataset.test_path" : "validation_fraction")}.");

    internal static FileDataset Open(DatasetOptions given)
    {
        var options = ImageFolder.Resolve(given);
        if (options.Path is not { } path)
        {
            throw new UsageException("dataset.path: expected the data file of dataset.name 'file', found none.");
        }
        var format = options.Format != "auto" ? options.Format : FileFormat.Of(path) ?? throw new UsageException(
            $"dataset.format: cannot be told from the name {path}. Give one of {string.Join(", ", DatasetOptions.Formats.Skip(1))}.");
        if (format is "idx" or "npy" or "npz"
            && (options.Columns.Count > 0 || options.Categorical.Count > 0 || options.Delimiter is not null))
        {
            throw new UsageException("dataset.columns, dataset.categorical, dataset.delimiter: expected a table, "
                + $"found {path} of format {format}. Remove them.");
        }
        if (options.TestLabelsPath is not null && options.TestPath is null)
        {
            throw new UsageException("dataset.test_labels_path: expected dataset.test_path beside it, found none.");
        }
        if (options.MorePaths.Count > 0 && format is not ("idx" or "npy" or "npz"))
        {
            throw new UsageException($"dataset.more_paths: expected format idx, npy or npz, found {format}. Put the rows of a table into one file.");
        }
        if (options.MoreLabelsPaths.Count > 0 && (options.LabelsPath is null || options.MoreLabelsPaths.Count != options.MorePaths.Count))
        {
            throw new UsageException("dataset.more_labels_paths: expected dataset.labels_path and one file of labels for each of the "
                + $"{options.MorePaths.Count} files of dataset.more_paths, found {options.MoreLabelsPaths.Count}.");
        }
        var rows = WithLabels(FileFormat.Open(path, format, options), options.LabelsPath);
        var more = options.MorePaths.Select((further, i) =>
            WithLabels(FileFormat.Open(further, format, options), options.MoreLabelsPaths.ElementAtOrDefault(i))).ToArray();
        if (more.Length > 0)
        {
            rows = ArrayRows.Concatenate([rows, .. more]);
        }
        var testRows = options.TestPath is { } testPath
            ? WithLabels(FileFormat.Open(testPath, format, options), options.TestLabelsPath)
            : null;
        return new FileDataset(rows, testRows, options, Hash(options, format));
    }

    static FileRows WithLabels(FileRows rows, string? labelsPath)
    {
        if (labelsPath is null)
        {
            return rows;
        }
        if (!File.Exists(labelsPath))
        {
            throw new UsageException($"{labelsPath}: expected a file of labels, found nothing.");
        }
        rows.Labels = LabelFile.Read(labelsPath);
        return rows.Labels.Count == rows.Count
            ? rows
            : throw new InvalidDataException(
                $"{labelsPath}: expected {rows.Count} labels for the rows of {rows.Path}, found {rows.Labels.Count}.");
    }

    /// <summary>Row numbers of train, validation and test, each ascending.</summary>
    static int[][] Split(FileRows rows, double testFraction, DatasetOptions options)
    {
        static int Share(double fraction, int count) => fraction > 0 ? Math.Max(1, (int)Math.Round(fraction * count)) : 0;

        var seed = unchecked((ulong)options.SplitSeed);
        var words = new uint[4];
        var hashes = new ulong[rows.Count];
        for (var row = 0; row < hashes.Length; row++)
        {
            Philox.Block([(uint)row, 0, 0, SplitStream], [(uint)seed, (uint)(seed >> 32)], words);
            hashes[row] = ((ulong)words[0] << 32) | words[1];
        }
        int[] order = [.. Enumerable.Range(0, rows.Count)];
        Array.Sort(hashes, order);
        var last = options.ValidationRows ?? 0;
        var test = Share(testFraction, Math.Max(0, rows.Count - last));
        var validation = options.ValidationRows ?? Share(options.ValidationFraction, rows.Count);
        if (test + validation >= rows.Count)
        {
            throw new InvalidDataException(
                $"{rows.Path}: expected more than {test + validation} rows ({validation} validation, {test} test), found {rows.Count}.");
        }
        if (options.ValidationRows is not null)
        {
            var first = Array.FindAll(order, row => row < rows.Count - last);
            return [[.. first[test..].Order()], [.. Enumerable.Range(rows.Count - last, last)], [.. first[..test].Order()]];
        }
        return [[.. order[(test + validation)..].Order()], [.. order[test..(test + validation)].Order()], [.. order[..test].Order()]];
    }

    static DataSplit Load(FileRows rows, int[] part, Func<string, long> encode, bool allowMissing)
    {
        var xDim = checked((int)rows.XShape.Aggregate(1L, (product, size) => product * size));
        if ((long)part.Length * xDim > Array.MaxLength)
        {
            throw new InvalidDataException(
                $"{rows.Path}: expected at most {Array.MaxLength} values in a split, found {(long)part.Length * xDim}. Split the file.");
        }
        var x = new float[part.Length * xDim];
        for (var i = 0; i < part.Length; i++)
        {
            var row = x.AsSpan(i * xDim, xDim);
            rows.CopyRow(part[i], row);
            for (var j = 0; j < row.Length; j++)
            {
                if (!float.IsFinite(row[j]) && !(allowMissing && float.IsNaN(row[j])))
                {
                    throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                        $"{rows.Where(part[i])}, element {j}: expected a finite number, found {row[j]}.")
                        + (float.IsNaN(row[j]) ? " Correct it, or give dataset.missing: mean, median or a number." : ""));
                }
            }
        }
        return new DataSplit(x, part.Length, xDim, rows.Labels is { } labels ? Array.ConvertAll(part, row => encode(labels[row])) : null);
    }

    static string Hash(DatasetOptions options, string format)
    {
        var text = new StringBuilder();
        foreach (var path in new[] { options.Path, options.LabelsPath, options.TestPath, options.TestLabelsPath })
        {
            text.AppendLine(path is null ? "-" : Hashes.Sha256(path));
        }
        foreach (var path in options.MorePaths.Concat(options.MoreLabelsPaths))
        {
            text.AppendLine(Hashes.Sha256(path));
        }
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{format} x={options.XKey} delimiter={options.Delimiter} header={options.Header} label={options.LabelColumn}");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"columns={string.Join('\u001f', options.Columns)} categorical={string.Join('\u001f', options.Categorical)}");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"missing={options.Missing} validation={options.ValidationFraction:R} test={options.TestFraction:R} seed={options.SplitSeed}");
        text.AppendLine(CultureInfo.InvariantCulture, $"last={options.ValidationRows}");
        return Hashes.Sha256(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
