using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class NpyTests
{
    // Oracle for all bytes here: numpy 1.24.2.
    // python3 -c "import numpy as np,io; b=io.BytesIO(); np.save(b,np.array([[1.5,-2,3e-40],[np.inf,0.1,7]],dtype='<f4')); print(b.getvalue().hex())"
    const string Float32File =
        "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028322c2033292c207d20202020"
        + "2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020200a"
        + "0000c03f000000c0474403000000807fcdcccc3d0000e040";

    // The same with np.lib.format.write_array(b, np.array([1,2],dtype='<f4'), version=(2,0)).
    const string Version2File =
        "934e554d50590200740000007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028322c292c207d20202020"
        + "2020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020202020200a"
        + "0000803f00000040";

    static readonly float[] s_values = [1.5f, -2, 3e-40f, float.PositiveInfinity, 0.1f, 7];

    [Fact]
    public void A_float32_matrix_is_written_byte_for_byte_as_numpy_writes_it()
    {
        using var folder = new TemporaryFolder();
        Npy.Write(folder["x.npy"], NpyArray.From(s_values, 2, 3));
        Assert.Equal(Float32File, Convert.ToHexStringLower(File.ReadAllBytes(folder["x.npy"])));
    }

    [Fact]
    public void A_file_of_numpy_is_read_bit_for_bit()
    {
        var array = Npy.Read(Convert.FromHexString(Float32File), "x.npy");
        Assert.Equal(NpyType.Float32, array.Type);
        Assert.Equal([2, 3], array.Shape);
        Assert.Equal(s_values.Select(BitConverter.SingleToInt32Bits), array.ToSingle().Select(BitConverter.SingleToInt32Bits));
        Assert.Equal([1f, 2f], Npy.Read(Convert.FromHexString(Version2File), "x.npy").ToSingle());
    }

    // Elements of np.save: np.array(3.25), np.arange(5), np.array([True,False]), np.array([1,255],'u1'), np.array([-1,2],'<i4').
    [Theory]
    [InlineData("<f8", "()", "0000000000000a40", new[] { 3.25 })]
    [InlineData("<i8", "(5,)", "00000000000000000100000000000000020000000000000003000000000000000400000000000000", new double[] { 0, 1, 2, 3, 4 })]
    [InlineData("|b1", "(2,)", "0100", new double[] { 1, 0 })]
    [InlineData("|u1", "(2,)", "01ff", new double[] { 1, 255 })]
    [InlineData("<i4", "(2,)", "ffffffff02000000", new double[] { -1, 2 })]
    public void Every_type_of_numpy_is_read(string descr, string shape, string elements, double[] expected)
    {
        var text = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".PadRight(117) + "\n";
        byte[] file = [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. System.Text.Encoding.ASCII.GetBytes(text), .. Convert.FromHexString(elements)];
        var array = Npy.Read(file, "x.npy");
        Assert.Equal(expected, array.ToDouble());
        Assert.Equal(Array.ConvertAll(expected, value => (float)value), array.ToSingle());
    }

    [Fact]
    public void Labels_that_are_not_integers_are_refused() =>
        Assert.Contains("astype", Assert.Throws<InvalidDataException>(() => NpyArray.From([1f], 1).ToInt64()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_stream_of_rows_ends_as_the_file_that_numpy_would_have_written()
    {
        using var folder = new TemporaryFolder();
        using (var writer = new NpyWriter(folder["x.npy"], 3))
        {
            writer.WriteRows(s_values.AsSpan(0, 3));
            Assert.False(File.Exists(folder["x.npy"]));
            writer.WriteRows(s_values.AsSpan(3));
            writer.Complete();
        }
        var whole = Npy.Read(folder["x.npy"]);
        Assert.Equal([2, 3], whole.Shape);
        Assert.Equal(s_values, whole.ToSingle());
        Assert.Single(Directory.GetFiles(folder.Root));
    }

    [Fact]
    public void A_writer_that_is_abandoned_leaves_the_old_file_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["x.npy"], "old");
        using (var writer = new NpyWriter(folder["x.npy"], 3))
        {
            writer.WriteRows([1, 2, 3]);
        }
        Assert.Equal("old", File.ReadAllText(folder["x.npy"]));
        Assert.Single(Directory.GetFiles(folder.Root));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public void Rows_are_read_alike_however_many_are_asked_for(int rowsAtOnce)
    {
        using var folder = new TemporaryFolder();
        var values = Enumerable.Range(0, 20 * 6).Select(i => i % 256).ToArray();
        Npy.Write(folder["x.npy"], NpyArray.From(Array.ConvertAll(values, value => (byte)value), 20, 2, 3));
        using var reader = NpyReader.Open(folder["x.npy"]);
        Assert.Equal((20L, 6), (reader.Rows, reader.RowSize));
        List<float> read = [];
        var buffer = new float[rowsAtOnce * 6 + 5];
        for (var rows = reader.ReadRows(buffer); rows > 0; rows = reader.ReadRows(buffer))
        {
            read.AddRange(buffer.AsSpan(0, rows * 6));
        }
        Assert.Equal(values.Select(value => (float)value), read);
    }

    [Fact]
    public void A_pipe_that_ends_early_is_refused_with_the_rows_it_lacks()
    {
        var bytes = Convert.FromHexString(Float32File)[..^2];
        using var reader = new NpyReader(new Pipe(bytes), "stdin");
        var buffer = new float[3];
        Assert.Equal(1, reader.ReadRows(buffer));
        Assert.Contains("stdin: ends within rows 1 to 1 of 2", Assert.Throws<InvalidDataException>(() => reader.ReadRows(buffer)).Message, StringComparison.Ordinal);
    }

    /// <summary>A stream that cannot seek and gives what it has in small pieces.</summary>
    sealed class Pipe(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 5)]);
    }
}
