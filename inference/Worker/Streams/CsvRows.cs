using System.Globalization;
using System.Text;
using CsvHelper;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Rows of a delimited file with a header. Columns <c>id</c> and <c>label</c> are carried through. With a schema its columns are found by name
/// and others ignored; without one every other column is a number, in the order of x.
/// </summary>
sealed class CsvRows : RowReader
{
    readonly CsvReader _reader;
    readonly string[] _header;
    readonly int[] _columns;
    readonly string[] _cells;
    readonly int _id;
    readonly int _label;
    readonly int _space;
    readonly List<long> _lines = [];

    public CsvRows(Stream stream, string name, RowContract contract, char delimiter)
        : base(name, contract)
    {
        _reader = CsvReader.Create(stream, new CsvReaderOptions
        {
            Separator = delimiter,
            HasHeader = false,
            MalformedData = CsvMalformedDataHandling.Throw,
            TrackLineNumbers = true,
        });
        _header = Next() ? _reader.Current.ToArray() : throw new InvalidDataException($"{name}: expected a header line, found an empty file.");
        (_id, _label) = (Array.IndexOf(_header, "id"), Array.IndexOf(_header, "label"));
        _space = contract.SpaceId is null ? -1 : Array.IndexOf(_header, "space_id");
        _columns = contract.Schema is { } schema ? [.. schema.Columns.Select(column => Find(column.Name, schema))] : Numeric();
        _cells = new string[_columns.Length];
    }

    public override void Dispose() => _reader.Dispose();

    protected override int Fill(RowBlock block)
    {
        _lines.Clear();
        var rows = 0;
        while (rows < block.Capacity && Next())
        {
            _lines.Add(_reader.LineNumber);
            if (_reader.FieldCount != _header.Length)
            {
                throw new InvalidDataException($"{Where(rows)}: expected {_header.Length} cells as in the header, found {_reader.FieldCount}.");
            }
            if (_space >= 0 && _reader.GetString(_space) != Contract.SpaceId)
            {
                throw new InvalidDataException(
                    $"{Where(rows)}: expected a code of space {Contract.SpaceId}, found space '{_reader.GetString(_space)}'. Encode the data again with this model.");
            }
            Convert(block.Row(rows), rows);
            (block.Ids[rows], block.Labels[rows]) = (Cell(_id), Cell(_label));
            rows++;
        }
        return rows;
    }

    protected override string Where(int rowInBlock) => $"{Name}:{_lines[rowInBlock]}";

    bool Next()
    {
        try
        {
            return _reader.Read();
        }
        catch (CsvFormatException e)
        {
            throw new InvalidDataException(
                $"{Name}:{e.LineNumber}: expected quotes to enclose whole cells and to be doubled inside them, found {Reason(e)}.", e);
        }
    }

    /// <summary>"Malformed CSV in record 3 (line 3): a quoted field that is never closed." without what is said already.</summary>
    static string Reason(CsvFormatException e) =>
        e.Message[(e.Message.IndexOf("): ", StringComparison.Ordinal) is >= 0 and var at ? at + 3 : 0)..].TrimEnd('.');

    void Convert(Span<float> values, int row)
    {
        if (Contract.Schema is { } schema)
        {
            for (var i = 0; i < _columns.Length; i++)
            {
                _cells[i] = _reader.GetString(_columns[i]);
            }
            schema.Encode(_cells, values, Where(row));
            return;
        }
        for (var i = 0; i < _columns.Length; i++)
        {
            var cell = _reader.GetSpan(_columns[i]);
            if (!float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out values[i]))
            {
                var text = Encoding.UTF8.GetString(cell);
                values[i] = TabularSchema.IsMissing(text)
                    ? float.NaN
                    : throw new InvalidDataException($"{Where(row)}: column '{_header[_columns[i]]}': expected a number, found {Shortened(text)}.");
            }
        }
    }

    string? Cell(int column) => column < 0 || _reader.GetSpan(column).IsEmpty ? null : _reader.GetString(column);

    int Find(string column, TabularSchema schema) => Array.IndexOf(_header, column) is >= 0 and var found
        ? found
        : throw new InvalidDataException(
            $"{Name}:1: column '{column}' is missing.{Nearest.Hint(column, _header.Except(schema.Columns.Select(known => known.Name)))}");

    int[] Numeric()
    {
        int[] columns = [.. Enumerable.Range(0, _header.Length).Where(i => i != _id && i != _label && i != _space)];
        return columns.Length == Contract.Width
            ? columns
            : throw new InvalidDataException($"{Name}:1: expected {Contract.Width} columns besides "
                + $"{(_space >= 0 ? "id, label and space_id" : "id and label")} ({Contract.Tensor}), found {columns.Length}.");
    }

    static string Shortened(string text) => text.Length <= 40 ? $"'{text}'" : $"'{text[..40]}'…";
}
