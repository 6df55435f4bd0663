using System.IO.Compression;
using Mim.Training;

namespace Mim.Tests.Data;

public sealed class IdxFileTests : IDisposable
{
    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The example of the format's description: 2×3 unsigned bytes.
    static byte[] Small => [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 250, 251, 252];

    [Theory]
    [InlineData("small-idx2-ubyte", false)]
    [InlineData("small-idx2-ubyte.gz", true)]
    public void Elements_come_back_with_their_shape(string name, bool gzip)
    {
        var idx = IdxFile.Read(_folder.Write(name, gzip ? GZip(Small) : Small));
        Assert.Equal([2, 3], idx.Shape);
        var row = new float[3];
        idx.CopyRow(1, row);
        Assert.Equal([250f, 251f, 252f], row);
    }

    // The same two numbers, 1 and -2 (255 and 254 unsigned), in every element type, big-endian.
    [Theory]
    [InlineData(0x09, "01FE")]
    [InlineData(0x0B, "0001FFFE")]
    [InlineData(0x0C, "00000001FFFFFFFE")]
    [InlineData(0x0D, "3F800000C0000000")]
    [InlineData(0x0E, "3FF0000000000000C000000000000000")]
    public void Every_element_type_is_read_big_endian(int type, string elements)
    {
        var idx = IdxFile.Read(_folder.Write("x-idx2", [0, 0, (byte)type, 2, 0, 0, 0, 1, 0, 0, 0, 2, .. Convert.FromHexString(elements)]));
        var row = new float[2];
        idx.CopyRow(0, row);
        Assert.Equal([1f, -2f], row);
    }

    [Theory]
    [InlineData("0001080100000001AA", "expected IDX")]
    [InlineData("0000070100000001AA", "expected IDX")]
    [InlineData("0000", "truncated")]
    [InlineData("00000802000000020000", "truncated")]
    [InlineData("000008010000000401020304FF", "found more")]
    [InlineData("0000080100000000", "found 0 as number 1")]
    [InlineData("00000803FFFFFFFFFFFFFFFFFFFFFFFF", "expected dimensions")]
    [InlineData("000008010000000401", "found 1")]
    public void A_bad_file_is_refused_by_name(string hex, string expected)
    {
        var path = _folder.Write("bad-idx", Convert.FromHexString(hex));
        var error = Assert.Throws<InvalidDataException>(() => IdxFile.Read(path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gzip_file_cut_anywhere_is_refused_by_name()
    {
        var whole = GZip([0, 0, 8, 1, 0, 0, 1, 0, .. Enumerable.Range(0, 256).Select(i => (byte)(i * 37))]);
        foreach (var length in new[] { 3, 12, whole.Length / 2, whole.Length - 12 })
        {
            var path = _folder.Write($"cut{length}-idx1.gz", whole[..length]);
            Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => IdxFile.Read(path)).Message, StringComparison.Ordinal);
        }
        var text = _folder.Write("text-idx1.gz", "not gzip at all"u8.ToArray());
        Assert.StartsWith(text, Assert.Throws<InvalidDataException>(() => IdxFile.Read(text)).Message, StringComparison.Ordinal);
    }

    // Counts of the digits in MNIST's test labels, and the count of 1,000 a class that Fashion-MNIST states.
    [DataFact("mnist/t10k-labels-idx1-ubyte.gz", "mnist/t10k-images-idx3-ubyte.gz", "fashion-mnist/t10k-labels-idx1-ubyte.gz")]
    public void The_real_files_hold_what_they_are_known_to_hold()
    {
        Assert.Equal([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009], Counts("mnist/t10k-labels-idx1-ubyte.gz"));
        Assert.Equal(Enumerable.Repeat(1000, 10), Counts("fashion-mnist/t10k-labels-idx1-ubyte.gz"));
        Assert.Equal([10000, 28, 28], IdxFile.Read(DataFactAttribute.PathOf("mnist/t10k-images-idx3-ubyte.gz")).Shape);
    }

    static int[] Counts(string name) =>
        [.. IdxFile.Read(DataFactAttribute.PathOf(name)).Elements.CountBy(label => label).OrderBy(count => count.Key).Select(count => count.Value)];

    static byte[] GZip(byte[] bytes)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Optimal, leaveOpen: true))
        {
            gzip.Write(bytes);
        }
        return memory.ToArray();
    }
}
