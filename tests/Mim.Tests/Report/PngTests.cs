using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Mim.Training;

namespace Mim.Tests.Reporting;

public sealed class PngTests
{
    /// <summary>Oracle: the chunk layout of ISO/IEC 15948 read by hand. ReportBrowserTests has Chromium decode the same images.</summary>
    [Fact]
    public void A_sheet_decodes_to_its_pixels()
    {
        var shape = new ImageShape(2, 2, 1, false);
        var (png, width, height) = ImageSheet.Draw([[0, 1, 0.5f, 2], [-1, 1, 1, float.NaN], [1, 0, 0, 1]], shape, 2, 1, 0, 1);
        Assert.Equal((5, 5), (width, height));
        var chunks = Chunks(png);
        Assert.Equal(["IHDR", "IDAT", "IEND"], chunks.Select(chunk => chunk.Type));
        Assert.Equal([0, 0, 0, 5, 0, 0, 0, 5, 8, 4, 0, 0, 0], chunks[0].Data);
        using var zlib = new ZLibStream(new MemoryStream(chunks[1].Data), CompressionMode.Decompress);
        using var lines = new MemoryStream();
        zlib.CopyTo(lines);
        // Filter 0 before each line; pairs of grey and alpha; transparent between images and where the last row ends early.
        byte[] expected =
        [
            0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255,
            0, 128, 255, 255, 255, 0, 0, 255, 255, 0, 255,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 255, 255, 0, 255, 0, 0, 0, 0, 0, 0,
            0, 0, 255, 255, 255, 0, 0, 0, 0, 0, 0,
        ];
        Assert.Equal(expected, lines.ToArray());
    }

    /// <summary>Oracle: the check value of CRC-32/ISO-HDLC, and the one that ends every PNG file.</summary>
    [Fact]
    public void Checksums_are_those_of_the_standard()
    {
        var png = Png.Encode([1, 2, 3, 4], 2, 2);
        Assert.Equal([0xAE, 0x42, 0x60, 0x82], png[^4..]);
        Assert.All(Chunks(png), chunk => Assert.Equal(BitwiseCrc([.. Encoding.ASCII.GetBytes(chunk.Type), .. chunk.Data]), chunk.Crc));
        Assert.Equal(0xCBF43926, BitwiseCrc("123456789"u8.ToArray()));
    }

    [Theory]
    [InlineData(new long[] { 28, 28 }, 1, false)]
    [InlineData(new long[] { 3, 32, 32 }, 3, true)]
    [InlineData(new long[] { 32, 32, 3 }, 3, false)]
    [InlineData(new long[] { 1, 28, 28 }, 1, true)]
    public void Shapes_of_images_are_known(long[] shape, int channels, bool first)
    {
        var image = ImageShape.Of(shape);
        Assert.Equal((channels, first), (image?.Channels, image?.ChannelsFirst ?? !first));
    }

    [Theory]
    [InlineData(new long[] { 784 })]
    [InlineData(new long[] { 2, 2 })]
    [InlineData(new long[] { 5, 28, 28 })]
    public void Other_shapes_are_no_images(long[] shape) => Assert.Null(ImageShape.Of(shape));

    [Fact]
    public void Colours_come_from_either_order_of_channels()
    {
        float[] planes = [1, 1, 1, 1, 0, 0, 0, 0, 0.5f, 0.5f, 0.5f, 0.5f];
        float[] pixels = [.. Enumerable.Range(0, 12).Select(i => planes[((i % 3) * 4) + (i / 3)])];
        Assert.Equal(
            ImageSheet.Draw([planes], new ImageShape(2, 2, 3, true), 1, 1, 0, 1).Png, ImageSheet.Draw([pixels], new ImageShape(2, 2, 3, false), 1, 1, 0, 1).Png);
    }

    static List<(string Type, byte[] Data, uint Crc)> Chunks(byte[] png)
    {
        var chunks = new List<(string, byte[], uint)>();
        for (var at = 8; at < png.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            var data = at + 8;
            chunks.Add((Encoding.ASCII.GetString(png, at + 4, 4), png[data..(data + length)], BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(data + length))));
            at = data + length + 4;
        }
        return chunks;
    }

    static uint BitwiseCrc(byte[] data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }
        return ~crc;
    }
}
