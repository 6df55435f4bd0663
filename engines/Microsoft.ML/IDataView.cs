using Microsoft.ML.Data;

namespace Microsoft.ML;

public interface IDataView
{
    DataViewSchema Schema { get; }
}

/// <summary>
/// Rows by column: float[][] under a vector of Single, string[] under text, uint[] under a key, float[] under Single. Arrays are shared between views and
/// never written to. The real package streams rows through cursors instead; both answer the same questions about the same rows.
/// </summary>
sealed class ColumnarView(DataViewSchema schema, Array[] columns, int rows) : IDataView
{
    public DataViewSchema Schema { get; } = schema;

    public int Rows { get; } = rows;

    public static ColumnarView Of(IDataView data) =>
        data as ColumnarView ?? throw new NotSupportedException($"{data.GetType()}: the stand-in for Microsoft.ML reads only its own data views.");

    public T[] Values<T>(DataViewSchema.Column column) => (T[])columns[column.Index];

    public Array Values(DataViewSchema.Column column) => columns[column.Index];

    public ColumnarView With(params ReadOnlySpan<(string Name, DataViewType Type, Array Values, string[]? KeyValues, string[]? SlotNames)> added)
    {
        List<DataViewSchema.Column> names = [.. Schema.Columns];
        List<Array> values = [.. columns];
        foreach (var (name, type, array, keyValues, slotNames) in added)
        {
            names.Add(new(name, type, names.Count, keyValues, slotNames));
            values.Add(array);
        }
        return new(new(names), [.. values], Rows);
    }

    /// <summary>The rows of a column that must be a vector of Single of known size.</summary>
    public (float[][] Rows, int Size) Vectors(string role, string name)
    {
        var column = Require(role, name);
        return column.Type is VectorDataViewType { IsKnownSize: true } vector && vector.ItemType == NumberDataViewType.Single
            ? (Values<float[]>(column), vector.Size)
            : throw Mismatch(role, name, "known-size vector of Single", column.Type);
    }

    public DataViewSchema.Column Require(string role, string name) =>
        Schema.GetColumnOrNull(name) ?? throw new ArgumentOutOfRangeException(nameof(name), $"Could not find {role} column '{name}'");

    public static ArgumentOutOfRangeException Mismatch(string role, string name, string expected, DataViewType found) =>
        new(nameof(name), $"Schema mismatch for {role} column '{name}': expected {expected}, got {found}");
}
