using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Mim.Models;

/// <summary>
/// What makes a stored vector the same vector when its record comes again: an id that follows from the space, the source and the record's key, and a
/// hash of what was encoded.
/// </summary>
public static class RecordId
{
    /// <summary>Drawn once, for this project. Another value would give every stored vector another id.</summary>
    static readonly Guid s_namespace = new("6f0d8b52-3c1e-4a57-9a2b-0d8e5c7f41b6");

    /// <summary>UUIDv5 of (space, source, key). A source has no NUL in its name, so no two triples write the same bytes.</summary>
    public static Guid Of(string spaceId, string source, string key)
    {
        if (source.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"Expected the name of a source without NUL, found '{source}'.", nameof(source));
        }
        var space = Version5(s_namespace, Encoding.UTF8.GetBytes(spaceId));
        return Version5(space, Encoding.UTF8.GetBytes($"{source}\0{key}"));
    }

    /// <summary>RFC 9562, section 5.5: SHA-1 over the namespace and the name.</summary>
    [SuppressMessage("Security", "CA5350", Justification = "The RFC's algorithm. It gives names, and protects nothing.")]
    public static Guid Version5(Guid space, ReadOnlySpan<byte> name)
    {
        const int Bytes = 16;
        var input = new byte[Bytes + name.Length];
        space.TryWriteBytes(input, bigEndian: true, out _);
        name.CopyTo(input.AsSpan(Bytes));
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
        SHA1.HashData(input, hash);
        hash[6] = (byte)((hash[6] & 0x0F) | 0x50);
        hash[8] = (byte)((hash[8] & 0x3F) | 0x80);
        return new Guid(hash[..Bytes], bigEndian: true);
    }

    /// <summary>SHA-256 over x as little-endian float32, then the label's UTF-8 if there is one. Equal hashes need not be stored again.</summary>
    public static byte[] ContentHash(ReadOnlySpan<float> x, string? label)
    {
        var text = Encoding.UTF8.GetBytes(label ?? "");
        var length = x.Length * sizeof(float) + text.Length;
        var bytes = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            // Linux x64, which this project runs on alone, is little-endian.
            MemoryMarshal.AsBytes(x).CopyTo(bytes);
            text.CopyTo(bytes.AsSpan(x.Length * sizeof(float)));
            return SHA256.HashData(bytes.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }
}
