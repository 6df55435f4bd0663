using System.Globalization;
using System.Text.Json.Serialization;

namespace Mim.Models;

public enum ColumnKind
{
    Numeric,
    Categorical,
}

/// <summary>One column of a table as the model was trained on it.</summary>
public sealed record TabularColumn
{
    public required string Name { get; init; }
    public required ColumnKind Kind { get; init; }

    /// <summary>The values seen in training, in the order of their one-hot positions; empty for a numeric column.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    /// <summary>Whether a missing cell is passed on: as NaN, which an impute step replaces, or as a one-hot of zeros.</summary>
    public bool AllowMissing { get; init; }

    [JsonIgnore]
    public int Width => Kind == ColumnKind.Numeric ? 1 : Categories.Count;
}

/// <summary>How the cells of a table's row become x: numeric cells as they are, categorical ones one-hot.</summary>
public sealed record TabularSchema
{
    /// <summary>What spreadsheets and data frames write for "no value".</summary>
    static readonly string[] s_missing = ["", "NA", "N/A", "NaN", "nan", "null"];

    public required IReadOnlyList<TabularColumn> Columns { get; init; }

    /// <summary>Elements of x.</summary>
    [JsonIgnore]
    public int Width => Columns.Sum(column => column.Width);

    public static bool IsMissing(ReadOnlySpan<char> cell)
    {
        cell = cell.Trim();
        foreach (var word in s_missing)
        {
            if (cell.SequenceEqual(word))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Writes one row.</summary>
    /// <param name="cells">One per column, in the schema's order.</param>
    /// <param name="x"><see cref="Width"/> elements.</param>
    /// <param name="where">File and line, for messages.</param>
    /// <exception cref="InvalidDataException">A cell is not a number, not a known category, or missing where that is not allowed.</exception>
    public void Encode(ReadOnlySpan<string> cells, Span<float> x, string where)
    {
        if (cells.Length != Columns.Count)
        {
            throw new InvalidDataException($"{where}: expected {Columns.Count} columns, found {cells.Length}.");
        }
        if (x.Length != Width)
        {
            throw new ArgumentException($"Expected room for {Width} elements, found {x.Length}.", nameof(x));
        }
        for (var i = 0; i < cells.Length; i++)
        {
            var column = Columns[i];
            if (column.Kind == ColumnKind.Numeric)
            {
                x[0] = Number(column, cells[i], where);
            }
            else
            {
                OneHot(column, cells[i], x[..column.Width], where);
            }
            x = x[column.Width..];
        }
    }

    /// <summary>What is wrong with the schema for an x of <paramref name="xDim"/> elements, or null.</summary>
    public string? Fault(int xDim)
    {
        if (Columns.Count == 0)
        {
            return "expected at least one column, found none.";
        }
        if (Columns.GroupBy(column => column.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            return $"column '{twice.Key}' occurs twice.";
        }
        foreach (var column in Columns)
        {
            if (column.Kind == ColumnKind.Numeric != (column.Categories.Count == 0))
            {
                return $"column '{column.Name}': a categorical column has categories and a numeric one has none; found {column.Categories.Count}.";
            }
            if (column.Categories.Distinct(StringComparer.Ordinal).Count() != column.Categories.Count)
            {
                return $"column '{column.Name}': a category occurs twice.";
            }
        }
        return Width == xDim ? null : $"expected columns of {xDim} features together, found {Width}.";
    }

    static float Number(TabularColumn column, string cell, string where)
    {
        if (IsMissing(cell))
        {
            return column.AllowMissing
                ? float.NaN
                : throw new InvalidDataException(
                    $"{where}: column '{column.Name}': the cell is missing ('{cell}'). Fill it, or train with missing: mean.");
        }
        return float.TryParse(cell, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && float.IsFinite(value)
            ? value
            : throw new InvalidDataException($"{where}: column '{column.Name}': expected a finite number, found '{cell}'.");
    }

    static void OneHot(TabularColumn column, string cell, Span<float> x, string where)
    {
        x.Clear();
        for (var i = 0; i < x.Length; i++)
        {
            if (column.Categories[i] == cell)
            {
                x[i] = 1;
                return;
            }
        }
        if (!(column.AllowMissing && IsMissing(cell)))
        {
            throw new InvalidDataException(
                $"{where}: column '{column.Name}': the model was not trained on category '{cell}'.{Nearest.Hint(cell, column.Categories)}");
        }
    }
}
