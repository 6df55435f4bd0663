using Mim.Models;

namespace Mim.Inference;

/// <summary>Rows of a <c>.npy</c> array [N, ...]: any shape with the right number of elements in a row.</summary>
sealed class NpyRows : RowReader
{
    readonly NpyReader _reader;
    long _first;
    long _next;

    public NpyRows(Stream stream, string name, RowContract contract)
        : base(name, contract)
    {
        _reader = new NpyReader(stream, name);
        if (_reader.RowSize != contract.Width)
        {
            throw new InvalidDataException(
                $"{name}: expected rows of {contract.Width} values ({contract.Tensor}), found shape ({string.Join(", ", _reader.Shape)}).");
        }
        if (contract.SpaceId is not null && EmbeddingSet.SpaceBeside(name) is { } space && space != contract.SpaceId)
        {
            throw new InvalidDataException($"{name}: expected codes of space {contract.SpaceId}, found space {space}. Encode the data again with this model.");
        }
    }

    public override long? Total => _reader.Rows;

    public override void Dispose() => _reader.Dispose();

    protected override int Fill(RowBlock block)
    {
        var rows = _reader.ReadRows(block.All);
        (_first, _next) = (_next, _next + rows);
        return rows;
    }

    protected override string Where(int rowInBlock) => $"{Name}: row {_first + rowInBlock}";
}
