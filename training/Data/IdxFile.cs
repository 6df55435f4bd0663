using System.Buffers.Binary;
using System.IO.Compression;

namespace Mim.Training;

/// <summary>
/// An IDX file: two zero bytes, an element type, the number of dimensions, the dimensions as big-endian uint32, the elements, big-endian.
/// </summary>
public sealed record IdxFile(IReadOnlyList<int> Shape, byte[] Elements, byte Type)
{
    internal const byte UInt8 = 0x08, Int8 = 0x09, Int16 = 0x0B, Int32 = 0x0C, Float32 = 0x0D, Float64 = 0x0E;

    const int MaxDimensions = 8;

    public int Rows => Shape[0];

    public int RowSize => Shape.Skip(1).Aggregate(1, (product, size) => product * size);

    /// <summary>Reads a file, decompressing it if its name ends in <c>.gz</c>.</summary>
    public static IdxFile Read(string path)
    {
        using var file = File.OpenRead(path);
        if (!path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
        {
            return Read(file, path);
        }
        using var stream = new GZipStream(file, CompressionMode.Decompress);
        try
        {
            return Read(stream, path);
        }
        catch (InvalidDataException e) when (e.Message.Length > 0 && !e.Message.StartsWith(path, StringComparison.Ordinal))
        {
            throw new InvalidDataException(
                $"{path}: expected a gzip file, found other bytes. Fetch it again.", e);
        }
    }

    static IdxFile Read(Stream stream, string path)
    {
        var head = new byte[4];
        ReadExactly(stream, head, path, "a header of 4 bytes");
        if (head is not [0, 0, UInt8 or Int8 or Int16 or Int32 or Float32 or Float64, >= 1 and <= MaxDimensions])
        {
            throw new InvalidDataException($"{path}: expected IDX (00 00, a type 08-0E, 1-{MaxDimensions} dimensions), "
                + $"found {Convert.ToHexString(head)}. Is it another format?");
        }
        var sizes = new byte[4 * head[3]];
        ReadExactly(stream, sizes, path, $"{head[3]} dimensions");
        var shape = new int[head[3]];
        var bytes = (long)ElementSize(head[2]);
        for (var i = 0; i < shape.Length; i++)
        {
            var size = BinaryPrimitives.ReadUInt32BigEndian(sizes.AsSpan(4 * i));
            bytes = size is 0 || bytes > Array.MaxLength / size
                ? throw new InvalidDataException(
                    $"{path}: expected dimensions of 1 to {Array.MaxLength} bytes in all, found {size} as number {i + 1}.")
                : bytes * size;
            shape[i] = (int)size;
        }
        var elements = new byte[bytes];
        ReadExactly(stream, elements, path, $"{string.Join('×', shape)} elements");
        if (stream.ReadByte() >= 0)
        {
            throw new InvalidDataException(
                $"{path}: expected {bytes} bytes of {string.Join('×', shape)} elements, found more. Its header is wrong.");
        }
        return new IdxFile(shape, elements, head[2]);
    }

    /// <summary>Row i as float32, [RowSize].</summary>
    public void CopyRow(int row, Span<float> x)
    {
        var size = ElementSize(Type);
        var bytes = Elements.AsSpan(row * RowSize * size, RowSize * size);
        for (var j = 0; j < x.Length; j++)
        {
            x[j] = Type switch
            {
                UInt8 => bytes[j],
                Int8 => (sbyte)bytes[j],
                Int16 => BinaryPrimitives.ReadInt16BigEndian(bytes[(2 * j)..]),
                Int32 => BinaryPrimitives.ReadInt32BigEndian(bytes[(4 * j)..]),
                Float32 => BinaryPrimitives.ReadSingleBigEndian(bytes[(4 * j)..]),
                _ => (float)BinaryPrimitives.ReadDoubleBigEndian(bytes[(8 * j)..]),
            };
        }
    }

    static int ElementSize(byte type) => type switch
    {
        UInt8 or Int8 => 1,
        Int16 => 2,
        Int32 or Float32 => 4,
        _ => 8,
    };

    static void ReadExactly(Stream stream, Span<byte> buffer, string path, string what)
    {
        var read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (read < buffer.Length)
        {
            throw new InvalidDataException(
                $"{path}: expected {what} ({buffer.Length} bytes), found {read}. The file is truncated; fetch it again.");
        }
    }
}
