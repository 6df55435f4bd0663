using System.Globalization;
using CsvHelper;
using Mim.Models;

namespace Mim.Training;

/// <summary>One row of a table as read: the chosen cells in the chosen order, and the line it ends on.</summary>
readonly record struct TableRow(string[] Cells, string? Label, int Line);

/// <summary>
/// Rows of named cells: CSV, TSV and JSONL objects. A column is numeric, or categorical if it is named so or holds no number at all;
/// its categories are those of the training rows.
/// </summary>
sealed class TableRows : FileRows
{
    const int MaxCategories = 4096;
    const int DistinctTextsThatAreSuspect = 10;

    readonly IReadOnlyList<string> _columns;
    readonly List<TableRow> _rows;
    readonly IReadOnlyList<string> _categorical;
    readonly bool _allowMissing;
    TabularSchema? _schema;

    public TableRows(string path, IReadOnlyList<string> columns, List<TableRow> rows, DatasetOptions options)
        : base(path)
    {
        if (rows.Count == 0)
        {
            throw new InvalidDataException($"{path}: expected rows, found none after the header.");
        }
        (_columns, _rows, _categorical) = (columns, rows, options.Categorical);
        _allowMissing = options.Missing != Imputation.Error;
        foreach (var name in options.Categorical)
        {
            Column(path, "dataset.categorical", name, columns);
        }
        if (rows[0].Label is not null)
        {
            Labels = [.. rows.Select(row => row.Label ?? "")];
        }
    }

    public override int Count => _rows.Count;

    public override TabularSchema? Schema => _schema;

    public override IReadOnlyList<long> XShape => _schema is null ? [] : [_schema.Width];

    public static TableRows OfCsv(string path, string delimiter, DatasetOptions options)
    {
        var reading = new CsvReaderOptions
        {
            Separator = delimiter is "tab" or "\\t" ? '\t' : delimiter[0],
            HasHeader = false,
            MalformedData = CsvMalformedDataHandling.Throw,
            TrackLineNumbers = true,
            PoolStrings = true,
        };
        using var reader = CsvReader.FromFile(path, reading);
        if (Read(reader, path) is not { } first)
        {
            throw new InvalidDataException($"{path}: expected a table, found no line with text.");
        }
        var names = options.Header ? Array.ConvertAll(first, name => name.Trim()) : [.. first.Select((_, i) => $"c{i}")];
        if (names.GroupBy(name => name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new InvalidDataException($"{path}:1: column '{twice.Key}' stands twice in the header. Rename one.");
        }
        var label = options.LabelColumn is { } labelName ? Column(path, "dataset.label_column", labelName, names) : -1;
        var columns = Choose(path, options, names);
        var rows = new List<TableRow>();
        if (!options.Header)
        {
            Add(first);
        }
        while (Read(reader, path) is { } record)
        {
            Add(record);
        }
        return new TableRows(path, Array.ConvertAll(columns, column => names[column]), rows, options);

        void Add(string[] record)
        {
            var line = checked((int)reader.LineNumber);
            if (record.Length != names.Length)
            {
                throw new InvalidDataException($"{path}:{line}: expected {names.Length} cells as in the first line, found {record.Length}."
                    + (record.Length == 1 ? " Is dataset.delimiter right?" : ""));
            }
            if (label >= 0 && TabularSchema.IsMissing(record[label]))
            {
                throw new InvalidDataException($"{path}:{line}: expected a label in column '{names[label]}', found '{record[label]}'.");
            }
            rows.Add(new TableRow(Array.ConvertAll(columns, column => record[column]), label < 0 ? null : record[label].Trim(), line));
        }
    }

    static string[]? Read(CsvReader reader, string path)
    {
        try
        {
            return reader.Read() ? reader.Current.ToArray() : null;
        }
        catch (CsvFormatException e)
        {
            throw new InvalidDataException(
                $"{path}:{e.LineNumber}: expected quotes to enclose whole cells and to be doubled inside them, found {Reason(e)}.", e);
        }
    }

    /// <summary>"Malformed CSV in record 3 (line 3): a quoted field that is never closed." without what is said already.</summary>
    static string Reason(CsvFormatException e) =>
        e.Message[(e.Message.IndexOf("): ", StringComparison.Ordinal) is >= 0 and var at ? at + 3 : 0)..].TrimEnd('.');

    /// <summary>Positions in <paramref name="names"/> of the columns that make up x.</summary>
    public static int[] Choose(string path, DatasetOptions options, IReadOnlyList<string> names)
    {
        var chosen = options.Columns.Count > 0 ? options.Columns : [.. names.Where(name => name != options.LabelColumn)];
        return chosen.Count == 0
            ? throw new InvalidDataException($"{path}: expected a column beside the label '{options.LabelColumn}', found none.")
            : [.. chosen.Select(name => Column(path, "dataset.columns", name, names))];
    }

    public override string Where(int row) => $"{Path}:{_rows[row].Line}";

    public override void Fit(IReadOnlyList<int> trainingRows) =>
        _schema = new TabularSchema { Columns = [.. _columns.Select((name, column) => Fit(name, column, trainingRows))] };

    public override void Adopt(FileRows training)
    {
        if (training is not TableRows table || !table._columns.SequenceEqual(_columns))
        {
            throw new InvalidDataException(
                $"{Path}: expected the columns of {training.Path}, found {string.Join(", ", _columns)}. Choose with dataset.columns.");
        }
        _schema = table.Schema;
    }

    public override void CopyRow(int row, Span<float> x) => _schema?.Encode(_rows[row].Cells, x, Where(row));

    static int Column(string path, string key, string name, IReadOnlyList<string> names)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i] == name)
            {
                return i;
            }
        }
        throw new UsageException($"{key}: {path} has no column '{name}'.{Nearest.Hint(name, names)}");
    }

    TabularColumn Fit(string name, int column, IReadOnlyList<int> trainingRows)
    {
        var declared = _categorical.Contains(name);
        var categories = new SortedSet<string>(StringComparer.Ordinal);
        var (numbers, texts, firstText) = (0, 0, -1);
        foreach (var row in trainingRows)
        {
            var cell = _rows[row].Cells[column];
            if (TabularSchema.IsMissing(cell))
            {
                continue;
            }
            if (!declared && float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
            {
                numbers++;
                continue;
            }
            texts++;
            firstText = firstText < 0 ? row : firstText;
            categories.Add(cell);
        }
        if (texts == 0)
        {
            return new TabularColumn { Name = name, Kind = ColumnKind.Numeric, AllowMissing = _allowMissing };
        }
        if (numbers > 0)
        {
            throw new InvalidDataException($"{Where(firstText)}: column '{name}': expected a number as in its other cells, found "
                + $"'{_rows[firstText].Cells[column]}'. Correct it, or name the column in dataset.categorical.");
        }
        if (categories.Count > MaxCategories || (!declared && texts >= DistinctTextsThatAreSuspect && categories.Count == texts))
        {
            throw new InvalidDataException(
                $"{Path}: column '{name}' holds {categories.Count} different texts in {texts} rows, too many to one-hot encode. "
                + "Leave it out with dataset.columns, or check dataset.delimiter and dataset.header.");
        }
        return new TabularColumn { Name = name, Kind = ColumnKind.Categorical, Categories = [.. categories], AllowMissing = _allowMissing };
    }
}
