using System.Globalization;
using Mim.Models;

namespace Mim.Inference;

/// <summary>Labels from a <c>.npy</c> of integers, (N) or (N, 1), given to rows in order.</summary>
sealed class Labels
{
    readonly string _path;
    readonly long[] _values;
    long _next;

    public Labels(string path)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"--labels {path}: there is no such file.");
        }
        var array = Npy.Read(path);
        if (array.Shape is not ([_] or [_, 1]))
        {
            throw new InvalidDataException($"{path}: expected labels of shape (N), found ({string.Join(", ", array.Shape)}).");
        }
        if (array.Type is NpyType.Float32 or NpyType.Float64)
        {
            throw new InvalidDataException($"{path}: expected integer labels, found {array.Type}. Convert them with numpy's astype('int64').");
        }
        _path = path;
        _values = array.ToInt64();
    }

    /// <summary>Refuses at once where the number of rows is known in advance.</summary>
    public void Expect(long? rows)
    {
        if (rows is { } count && count != _values.Length)
        {
            throw new InvalidDataException($"{_path}: expected {count} labels, one a row, found {_values.Length}.");
        }
    }

    public void Attach(RowBlock block)
    {
        if (_next + block.Rows > _values.Length)
        {
            throw new InvalidDataException($"{_path}: expected a label for row {_values.Length}, found {_values.Length} labels.");
        }
        for (var i = 0; i < block.Rows; i++)
        {
            if (block.Labels[i] is { } label)
            {
                throw new UsageException($"--labels {_path}: row {_next} has the label '{label}' already. Leave --labels out, or the labels out of the input.");
            }
            block.Labels[i] = _values[_next++].ToString(CultureInfo.InvariantCulture);
        }
    }

    public void End() => Expect(_next);
}
