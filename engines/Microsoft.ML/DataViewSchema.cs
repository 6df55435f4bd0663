using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed class DataViewSchema
{
    readonly Column[] _columns;

    internal DataViewSchema(IEnumerable<Column> columns) => _columns = [.. columns];

    internal IReadOnlyList<Column> Columns => _columns;

    /// <summary>The last column of that name: an earlier one is hidden by it.</summary>
    public Column this[string name] =>
        GetColumnOrNull(name) ?? throw new ArgumentOutOfRangeException(nameof(name), $"Column '{name}' not found. There are: {Names}.");

    public Column? GetColumnOrNull(string name)
    {
        for (var k = _columns.Length - 1; k >= 0; k--)
        {
            if (_columns[k].Name == name)
            {
                return _columns[k];
            }
        }
        return null;
    }

    string Names => string.Join(", ", _columns.Select(c => $"'{c.Name}'"));

    public readonly struct Column
    {
        internal Column(string name, DataViewType type, int index, string[]? keyValues = null, string[]? slotNames = null)
        {
            Name = name;
            Type = type;
            Index = index;
            KeyValues = keyValues;
            SlotNames = slotNames;
        }

        public string Name { get; }

        public DataViewType Type { get; }

        public int Index { get; }

        /// <summary>What the keys 1…n of this column stand for.</summary>
        internal string[]? KeyValues { get; }

        /// <summary>What the items of this vector column are called.</summary>
        internal string[]? SlotNames { get; }
    }
}
