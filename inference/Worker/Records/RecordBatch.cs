using Mim.Models;

namespace Mim.Inference;

/// <summary>Records that travel together: read, embedded, written and acknowledged as one, unless one of them is at fault.</summary>
sealed class RecordBatch
{
    readonly List<Item> _items = [];
    readonly List<(SourceRecord Record, string Reason)> _faults = [];
    readonly RowContract _contract;
    readonly int _zSize;
    readonly float[] _x;
    readonly float[] _z;

    public RecordBatch(IReadOnlyList<SourceRecord> records, RowContract contract, int zSize)
    {
        Records = records;
        (_contract, _zSize) = (contract, zSize);
        // Not reused: a row's features and code are the sink's until it has them.
        (_x, _z) = (new float[records.Count * contract.Width], new float[records.Count * zSize]);
        foreach (var record in records)
        {
            var x = _x.AsSpan(_items.Count * contract.Width, contract.Width);
            if (Parse(record, x, out var key, out var label) is { } fault)
            {
                _faults.Add((record, fault));
            }
            else
            {
                _items.Add(new Item(record, key, label));
            }
        }
    }

    public IReadOnlyList<SourceRecord> Records { get; }

    /// <summary>Records that could be read.</summary>
    public IReadOnlyList<Item> Items => _items;

    /// <summary>Records that will be dead letters.</summary>
    public IReadOnlyList<(SourceRecord Record, string Reason)> Faults => _faults;

    /// <summary>Ends when every item has a model or is at fault.</summary>
    public Task Embedded { get; set; } = Task.CompletedTask;

    public ReadOnlyMemory<float> X(int first, int count) => _x.AsMemory(first * _contract.Width, count * _contract.Width);

    public Memory<float> Z(int first, int count) => _z.AsMemory(first * _zSize, count * _zSize);

    public void Fault(Item item, string reason)
    {
        item.IsAtFault = true;
        _faults.Add((item.Record, reason));
    }

    /// <summary>The rows to write, by the model that made them: two, if it was swapped meanwhile.</summary>
    public IEnumerable<(VectorBatch Batch, Item[] Items)> Rows(string source)
    {
        foreach (var group in _items.Index().Where(entry => !entry.Item.IsAtFault).GroupBy(entry => entry.Item.Model))
        {
            var model = group.Key ?? throw new System.Diagnostics.UnreachableException("A row without fault has a model.");
            yield return (new VectorBatch(model, [.. group.Select(entry => Row(model, source, entry.Index, entry.Item))]), [.. group.Select(entry => entry.Item)]);
        }
    }

    VectorRow Row(ModelManifest model, string source, int index, Item item)
    {
        var x = X(index, 1);
        return new(
            RecordId.Of(model.SpaceId, source, item.Key), source, item.Key, item.Label, RecordId.ContentHash(x.Span, item.Label), item.Record.Revision, x,
            Z(index, 1), item.Record.TraceParent);
    }

    string? Parse(SourceRecord record, Span<float> x, out string key, out string? label)
    {
        var (bytes, most) = (record.Body.Length, RowJson.MaxBytes(_contract));
        RowJson.Attributes attributes = default;
        var fault = bytes > most
            ? $"expected at most {most} bytes, as in a file for this model, found {bytes}."
            : RowJson.Fault(record.Body.Span, _contract, x, out attributes);
        (key, label) = (record.Key ?? attributes.Id ?? "", attributes.Label);
        if (fault is not null)
        {
            return fault;
        }
        if (_contract.BadValue(x) is { } bad)
        {
            return $"{_contract.Tensor}[{bad.Index}]: {bad.Fault}";
        }
        return key.Length == 0 ? "expected a key, without which the record cannot be told from another: found neither the source's nor an 'id'." : null;
    }

    /// <summary>A record that could be read.</summary>
    public sealed class Item(SourceRecord record, string key, string? label)
    {
        public SourceRecord Record => record;

        public string Key => key;

        public string? Label => label;

        /// <summary>The model that embedded it; null before.</summary>
        public ModelManifest? Model { get; set; }

        public bool IsAtFault { get; set; }
    }
}
