using System.IO.Compression;
using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class NpzTests
{
    // Oracle: numpy 1.24.2. python3 -c "import numpy as np,io,base64; b=io.BytesIO();
    //   np.savez(b,w=np.array([1,2],dtype='<f4'),n=np.array([7],dtype='<i8')); print(base64.b64encode(b.getvalue()).decode())"
    const string Stored =
        "UEsDBBQAAAAAAAAAIQCayqvniAAAAIgAAAAFABQAdy5ucHkBABAAiAAAAAAAAACIAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdz"
        + "aGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAKAACAPwAAAEBQSwMEFAAAAAAAAAAhALmTe5iIAAAAiAAAAAUA"
        + "FABuLm5weQEAEACIAAAAAAAAAIgAAAAAAAAAk05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAg"
        + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoHAAAAAAAAAFBLAQIUAxQAAAAAAAAAIQCayqvniAAAAIgAAAAFAAAAAAAAAAAAAACAAQAAAAB3Lm5weVBLAQIUAxQA"
        + "AAAAAAAAIQC5k3uYiAAAAIgAAAAFAAAAAAAAAAAAAACAAb8AAABuLm5weVBLBQYAAAAAAgACAGYAAAB+AQAAAAA=";

    // The same with np.savez_compressed.
    const string Deflated =
        "UEsDBBQAAAAIAAAAIQCayqvnTAAAAIgAAAAFABQAdy5ucHkBABAAiAAAAAAAAABMAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5"
        + "GkY6mjoKtQoUAC4GhgZ7BgYGBwBQSwMEFAAAAAgAAAAhALmTe5hIAAAAiAAAAAUAFABuLm5weQEAEACIAAAAAAAAAEgAAAAAAAAAm+wX6hsQychQxlCtnpJanFykbqWgbpNpoa6joJ6WX1RSlJgX"
        + "n1+UkgoSd0vMKU4FihdnJBakAvkahjqaOgq1ChQALnYGCAAAUEsBAhQDFAAAAAgAAAAhAJrKq+dMAAAAiAAAAAUAAAAAAAAAAAAAAIABAAAAAHcubnB5UEsBAhQDFAAAAAgAAAAhALmTe5hIAAAA"
        + "iAAAAAUAAAAAAAAAAAAAAIABgwAAAG4ubnB5UEsFBgAAAAACAAIAZgAAAAIBAAAAAA==";

    [Theory]
    [InlineData(Stored)]
    [InlineData(Deflated)]
    public void Archives_of_numpy_are_read(string base64)
    {
        var arrays = Npz.Read(new MemoryStream(Convert.FromBase64String(base64)), "a.npz");
        Assert.Equal(["n", "w"], arrays.Keys.Order());
        Assert.Equal([1f, 2f], arrays["w"].ToSingle());
        Assert.Equal([7L], arrays["n"].ToInt64());
    }

    [Fact]
    public void Equal_arrays_give_equal_files_that_read_back()
    {
        using var folder = new TemporaryFolder();
        KeyValuePair<string, NpyArray>[] arrays = [new("encoder.weight", NpyArray.From([1f, float.NaN], 2, 1)), new("step", NpyArray.From([1L << 60], 1))];
        Npz.Write(folder["a.npz"], arrays);
        Npz.Write(folder["b.npz"], arrays);
        Assert.Equal(File.ReadAllBytes(folder["a.npz"]), File.ReadAllBytes(folder["b.npz"]));
        var read = Npz.Read(folder["a.npz"]);
        Assert.Equal(arrays[0].Value.Bytes, read["encoder.weight"].Bytes);
        Assert.Equal(1L << 60, read["step"].ToInt64()[0]);
    }

    [Theory]
    [InlineData("../evil.npy")]
    [InlineData("a/../../evil.npy")]
    [InlineData("/etc/evil.npy")]
    [InlineData("..\\evil.npy")]
    [InlineData("C:evil.npy")]
    public void An_entry_that_leaves_the_archive_is_refused(string entry) =>
        Assert.Contains("outside", Refusal(archive => Add(archive, entry, [1, 2, 3])), StringComparison.Ordinal);

    [Fact]
    public void An_entry_that_is_no_array_is_refused() => Assert.Contains("run.sh", Refusal(archive => Add(archive, "run.sh", [1])), StringComparison.Ordinal);

    [Fact]
    public void An_array_that_occurs_twice_is_refused()
    {
        var array = Npz.Read(new MemoryStream(Convert.FromBase64String(Stored)), "a.npz")["w"];
        using var folder = new TemporaryFolder();
        Npy.Write(folder["w.npy"], array);
        var bytes = File.ReadAllBytes(folder["w.npy"]);
        Assert.Contains("twice", Refusal(archive =>
        {
            Add(archive, "w.npy", bytes);
            Add(archive, "w.npy", bytes);
        }), StringComparison.Ordinal);
    }

    /// <summary>300 MiB of zeros deflate to 300 KiB.</summary>
    [Fact]
    public void A_bomb_is_refused_before_it_is_inflated()
    {
        using var bomb = new MemoryStream();
        using (var archive = new ZipArchive(bomb, ZipArchiveMode.Create, leaveOpen: true))
        {
            using var entry = archive.CreateEntry("w.npy", CompressionLevel.Fastest).Open();
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 300; i++)
            {
                entry.Write(zeros);
            }
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("times the archive", Assert.Throws<InvalidDataException>(() => Npz.Read(bomb, "a.npz")).Message, StringComparison.Ordinal);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    static string Refusal(Action<ZipArchive> fill)
    {
        using var stream = new MemoryStream();
        using (var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            fill(archive);
        }
        return Assert.Throws<InvalidDataException>(() => Npz.Read(stream, "a.npz")).Message;
    }

    static void Add(ZipArchive archive, string name, byte[] bytes)
    {
        using var entry = archive.CreateEntry(name).Open();
        entry.Write(bytes);
    }
}
