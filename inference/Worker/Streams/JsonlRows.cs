namespace Mim.Inference;

/// <summary>Rows of a JSONL file; empty lines are passed over.</summary>
sealed class JsonlRows(Stream stream, string name, RowContract contract) : RowReader(name, contract)
{
    readonly Utf8Lines _lines = new(stream, RowJson.MaxBytes(contract));
    readonly List<long> _numbers = [];

    public override void Dispose() => stream.Dispose();

    protected override int Fill(RowBlock block)
    {
        _numbers.Clear();
        var rows = 0;
        while (rows < block.Capacity && _lines.TryRead(out var line))
        {
            if (line.IsEmpty)
            {
                continue;
            }
            _numbers.Add(_lines.Number);
            if (RowJson.Fault(line, Contract, block.Row(rows), out var attributes) is { } fault)
            {
                throw new InvalidDataException($"{Where(rows)}: {fault}");
            }
            (block.Ids[rows], block.Labels[rows]) = (attributes.Id, attributes.Label);
            rows++;
        }
        return rows;
    }

    protected override string Where(int rowInBlock) => $"{Name}:{_numbers[rowInBlock]}";
}
