namespace Mim.Models;

/// <summary>Whole <c>.npy</c> files. For data that need not fit into memory there are <see cref="NpyReader"/> and <see cref="NpyWriter"/>.</summary>
public static class Npy
{
    public static NpyArray Read(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, path, stream.Length);
    }

    /// <summary>Reads from memory; <paramref name="name"/> is what error messages call it.</summary>
    public static NpyArray Read(byte[] bytes, string name)
    {
        using var stream = new MemoryStream(bytes, writable: false);
        return Read(stream, name, bytes.Length);
    }

    public static void Write(string path, NpyArray array) => AtomicFile.Write(path, stream => Write(stream, array));

    internal static byte[] ToBytes(NpyArray array)
    {
        using var stream = new MemoryStream();
        Write(stream, array);
        return stream.ToArray();
    }

    internal static void Write(Stream stream, NpyArray array)
    {
        stream.Write(new NpyHeader(array.Type, array.Shape).ToBytes());
        stream.Write(array.Bytes);
    }

    /// <summary>The number of bytes present is compared with the header's before anything is allocated.</summary>
    internal static NpyArray Read(Stream stream, string name, long length)
    {
        var header = NpyHeader.Read(stream, name);
        var present = length - header.HeaderLength;
        if (present != header.ByteLength)
        {
            throw new InvalidDataException(
                $"{name}: expected {header.ByteLength} bytes for shape ({string.Join(", ", header.Shape)}) of {NpyHeader.Describe(header.Type)}, found {present}. Write it again.");
        }
        if (present > Array.MaxLength)
        {
            throw new InvalidDataException(
                $"{name}: {present} bytes do not fit into one array of at most {Array.MaxLength}. Split it, or stream it.");
        }
        var bytes = new byte[present];
        NpyHeader.ReadExactly(stream, bytes, name, "the elements");
        return new NpyArray(header.Type, header.Shape, bytes);
    }
}
