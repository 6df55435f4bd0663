using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed class DataOperationsCatalog
{
    internal DataOperationsCatalog()
    {
    }

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, SchemaDefinition? schemaDefinition = null)
        where TRow : class
    {
        TRow[] rows = [.. data];
        var definition = schemaDefinition ?? SchemaDefinition.Create(typeof(TRow), SchemaDefinition.Direction.Read);
        List<DataViewSchema.Column> columns = [];
        List<Array> values = [];
        foreach (var column in definition)
        {
            columns.Add(new(column.ColumnName, column.ColumnType, columns.Count));
            var read = Reader(typeof(TRow), column.MemberName);
            values.Add(column.ColumnType switch
            {
                VectorDataViewType vector => Array.ConvertAll(rows, r => Sized((float[]?)read(r) ?? [], vector, column.ColumnName)),
                TextDataViewType => Array.ConvertAll(rows, r => (string?)read(r) ?? ""),
                NumberDataViewType => Array.ConvertAll(rows, r => (float?)read(r) ?? float.NaN),
                var other => throw new NotSupportedException($"column '{column.ColumnName}': the stand-in for Microsoft.ML cannot load {other}."),
            });
        }
        return new ColumnarView(new(columns), [.. values], rows.Length);
    }

    public IEnumerable<TRow> CreateEnumerable<TRow>(
        IDataView data, bool reuseRowObject, bool ignoreMissingColumns = false, SchemaDefinition? schemaDefinition = null)
        where TRow : class, new()
    {
        var view = ColumnarView.Of(data);
        List<(PropertyInfo Property, Array Values)> bound = [];
        foreach (var property in typeof(TRow).GetProperties().Where(p => p.GetSetMethod() is not null))
        {
            var name = schemaDefinition?.Find(c => c.MemberName == property.Name)?.ColumnName ?? property.Name;
            if (view.Schema.GetColumnOrNull(name) is { } column)
            {
                bound.Add((property, view.Values(column)));
            }
            else if (!ignoreMissingColumns)
            {
                throw new InvalidOperationException($"Column '{name}' not found in the data view");
            }
        }
        return Rows();

        IEnumerable<TRow> Rows()
        {
            var shared = new TRow();
            for (var row = 0; row < view.Rows; row++)
            {
                var target = reuseRowObject ? shared : new TRow();
                foreach (var (property, values) in bound)
                {
                    var value = values.GetValue(row);
                    property.SetValue(target, value is float[] vector ? vector.Clone() : value);
                }
                yield return target;
            }
        }
    }

    static Func<object, object?> Reader(Type row, string member) =>
        row.GetProperty(member) is { } property ? property.GetValue
        : row.GetField(member) is { } field ? field.GetValue
        : throw new ArgumentOutOfRangeException(nameof(member), $"{row} has no public property or field '{member}'");

    static float[] Sized(float[] vector, VectorDataViewType type, string column) =>
        !type.IsKnownSize || vector.Length == type.Size
            ? vector
            : throw new InvalidOperationException($"column '{column}': expected vectors of {type.Size} items, found one of {vector.Length}");
}
