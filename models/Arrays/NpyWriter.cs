using System.Runtime.InteropServices;

namespace Mim.Models;

/// <summary>Writes a float32 <c>.npy</c> file whose number of rows is known only at the end. Nothing appears under the name before <see cref="Complete"/>.</summary>
public sealed class NpyWriter : IDisposable
{
    const int BufferBytes = 1 << 16;

    readonly string _path;
    readonly string _temporary;
    readonly long[] _shape;
    readonly long _rowSize;
    readonly FileStream _stream;
    long _rows;

    /// <param name="path">The file to be.</param>
    /// <param name="rowShape">The shape of one row: (Z) for a file of shape (rows, Z); none for (rows,).</param>
    public NpyWriter(string path, params ReadOnlySpan<long> rowShape)
    {
        _shape = [0, .. rowShape];
        _rowSize = 1;
        foreach (var size in rowShape)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(size, 1, nameof(rowShape));
            _rowSize = checked(_rowSize * size);
        }
        _path = path;
        _temporary = AtomicFile.TemporaryFor(path);
        _stream = new FileStream(_temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        _stream.Write(Header());
    }

    /// <summary>Appends whole rows.</summary>
    public void WriteRows(ReadOnlySpan<float> rows)
    {
        if (rows.Length % _rowSize != 0)
        {
            throw new ArgumentException($"Expected whole rows of {_rowSize}, found {rows.Length} elements.", nameof(rows));
        }
        _stream.Write(MemoryMarshal.AsBytes(rows));
        _rows += rows.Length / _rowSize;
    }

    /// <summary>Writes the number of rows into the header, flushes to the disk and gives the file its name.</summary>
    public void Complete()
    {
        _shape[0] = _rows;
        _stream.Position = 0;
        _stream.Write(Header());
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        AtomicFile.Publish(_temporary, _path);
    }

    public void Dispose()
    {
        _stream.Dispose();
        File.Delete(_temporary);
    }

    byte[] Header() => new NpyHeader(NpyType.Float32, _shape).ToBytes(growable: true);
}
