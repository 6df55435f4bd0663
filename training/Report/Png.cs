using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Mim.Training;

/// <summary>PNG (ISO/IEC 15948), 8 bits a channel, not interlaced, no ancillary chunks: the same pixels give the same bytes.</summary>
public static class Png
{
    /// <summary>Grey or RGB, with alpha.</summary>
    const byte GreyAlpha = 4, RgbAlpha = 6;

    /// <summary>x^32 + x^26 + … + 1, bits reversed, as in Annex D.</summary>
    const uint Polynomial = 0xEDB88320;

    static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    static readonly uint[] s_crc = [.. Enumerable.Range(0, 256).Select(n =>
    {
        var c = (uint)n;
        for (var bit = 0; bit < 8; bit++)
        {
            c = (c & 1) != 0 ? Polynomial ^ (c >> 1) : c >> 1;
        }
        return c;
    })];

    /// <param name="pixels">(height, width, channels), row-major; the last channel is alpha.</param>
    /// <param name="width">Pixels of a line.</param>
    /// <param name="channels">2: grey and alpha; 4: red, green, blue and alpha.</param>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int channels)
    {
        if (channels is not (2 or 4) || width < 1 || pixels.IsEmpty || pixels.Length % (width * channels) != 0)
        {
            throw new ArgumentException($"PNG: expected whole lines of {width} pixels with 2 or 4 channels, found {pixels.Length} bytes and {channels} channels.");
        }
        var stride = width * channels;
        using var lines = new MemoryStream();
        using (var zlib = new ZLibStream(lines, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var line = 0; line < pixels.Length; line += stride)
            {
                zlib.WriteByte(0); // no filter
                zlib.Write(pixels.Slice(line, stride));
            }
        }
        using var png = new MemoryStream();
        png.Write(Signature);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], pixels.Length / stride);
        (header[8], header[9]) = (8, channels == 2 ? GreyAlpha : RgbAlpha);
        Chunk(png, "IHDR", header);
        Chunk(png, "IDAT", lines.GetBuffer().AsSpan(0, (int)lines.Length));
        Chunk(png, "IEND", []);
        return png.ToArray();
    }

    static void Chunk(MemoryStream png, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        png.Write(word);
        Encoding.ASCII.GetBytes(type, word);
        png.Write(word);
        png.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(word, ~Crc(Crc(uint.MaxValue, word), data));
        png.Write(word);
    }

    static uint Crc(uint crc, ReadOnlySpan<byte> data)
    {
        foreach (var value in data)
        {
            crc = s_crc[(crc ^ value) & 0xFF] ^ (crc >> 8);
        }
        return crc;
    }
}
