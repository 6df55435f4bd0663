using System.Runtime.InteropServices;

namespace Mim.Models;

/// <summary>Reads the rows (first dimension) of a <c>.npy</c> file one after another as float32. Owns the stream.</summary>
public sealed class NpyReader : IDisposable
{
    const int BufferBytes = 1 << 16;

    readonly Stream _stream;
    readonly string _name;
    readonly byte[] _buffer;
    long _rowsRead;

    /// <param name="stream">A stream at the start of the file; it need not seek.</param>
    /// <param name="name">What error messages call it.</param>
    public NpyReader(Stream stream, string name)
    {
        _stream = stream;
        _name = name;
        var header = NpyHeader.Read(stream, name);
        if (header.Shape.Length == 0)
        {
            throw new InvalidDataException(
                $"{name}: expected rows, found a single number of shape (). Save an array of shape (rows, ...).");
        }
        var rowElements = header.Shape.AsSpan(1).ToArray().Aggregate(1L, (product, size) => product * size);
        if (rowElements is < 1 or > int.MaxValue / sizeof(double))
        {
            throw new InvalidDataException(
                $"{name}: expected rows of 1 to {int.MaxValue / sizeof(double)} elements, found {rowElements} (shape ({string.Join(", ", header.Shape)})).");
        }
        if (stream.CanSeek && stream.Length - stream.Position != header.ByteLength)
        {
            throw new InvalidDataException(
                $"{name}: expected {header.ByteLength} bytes for shape ({string.Join(", ", header.Shape)}), found {stream.Length - stream.Position}. Write it again.");
        }
        Type = header.Type;
        Shape = header.Shape;
        RowSize = (int)rowElements;
        _buffer = Type == NpyType.Float32 ? [] : new byte[BufferBytes];
    }

    public NpyType Type { get; }
    public long[] Shape { get; }
    public long Rows => Shape[0];

    /// <summary>Elements of one row.</summary>
    public int RowSize { get; }

    public static NpyReader Open(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, BufferBytes, FileOptions.SequentialScan);
        try
        {
            return new NpyReader(stream, path);
        }
        catch (InvalidDataException)
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Fills <paramref name="buffer"/> with as many whole rows as fit and remain.</summary>
    /// <returns>The number of rows; 0 at the end.</returns>
    /// <exception cref="InvalidDataException">The file ends before the header's number of rows.</exception>
    public int ReadRows(Span<float> buffer)
    {
        if (buffer.Length < RowSize)
        {
            throw new ArgumentException($"Expected room for a row of {RowSize}, found {buffer.Length}.", nameof(buffer));
        }
        var rows = (int)Math.Min(buffer.Length / RowSize, Rows - _rowsRead);
        var values = buffer[..(rows * RowSize)];
        if (Type == NpyType.Float32)
        {
            NpyHeader.ReadExactly(_stream, MemoryMarshal.AsBytes(values), _name, Where(rows));
        }
        else
        {
            var size = NpyHeader.SizeOf(Type);
            while (values.Length > 0)
            {
                var count = Math.Min(values.Length, _buffer.Length / size);
                NpyHeader.ReadExactly(_stream, _buffer.AsSpan(0, count * size), _name, Where(rows));
                NpyHeader.ToSingle(Type, _buffer.AsSpan(0, count * size), values[..count]);
                values = values[count..];
            }
        }
        _rowsRead += rows;
        return rows;
    }

    public void Dispose() => _stream.Dispose();

    string Where(int rows) => $"rows {_rowsRead} to {_rowsRead + rows - 1} of {Rows}";
}
