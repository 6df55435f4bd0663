using System.Diagnostics;
using System.Globalization;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class ShardSinkTests : IDisposable
{
    static readonly ModelManifest s_model = SumEmbedder.Model(new string('a', 64), "1-aaaaaaaa") with { ZSize = 2 };

    readonly TemporaryFolder _folder = new();

    public static TheoryData<ShardFormat> Formats => [ShardFormat.Jsonl, ShardFormat.Npy];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Full_journals_become_shards_that_hold_every_row_once_with_its_space(ShardFormat format)
    {
        await using (var sink = await OpenAsync("z", format))
        {
            await WriteAsync(sink, Enumerable.Range(0, 25));
            await WriteAsync(sink, Enumerable.Range(20, 10));
        }
        Assert.Equal(["shard-000001", "shard-000002"], Shards("z", format));
        var sets = Sets("z", format);
        Assert.Equal([25, 5], sets.Select(set => set.Rows));
        Assert.All(sets, set => Assert.Equal(s_model.SpaceId, set.SpaceId));
        AssertRows(Enumerable.Range(0, 30).Select(key => (key, key)), sets);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task After_a_crash_the_next_worker_goes_on_and_what_was_cut_short_does_not_count(ShardFormat format)
    {
        await using var crashing = await OpenAsync("z", format);
        await WriteAsync(crashing, Enumerable.Range(0, 23));
        await WriteAsync(crashing, Enumerable.Range(23, 7));
        // What the disk holds when the process dies in the middle of a line.
        Copy("z", "after");
        var journal = _folder["after/.open.jsonl"];
        File.AppendAllText(journal, """{"id":"00000000-0000-0000-0000-0000""");
        await using (var next = await OpenAsync("after", format))
        {
            await WriteAsync(next, Enumerable.Range(27, 8)); // three that were not acknowledged, and five that are new
        }
        AssertRows(Enumerable.Range(0, 35).Select(key => (key, key)), Sets("after", format));
        Assert.Equal(0, new FileInfo(journal).Length);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_crash_between_a_shard_and_its_journal_s_end_neither_loses_nor_repeats_a_row(ShardFormat format)
    {
        await using var crashing = await OpenAsync("z", format, rows: 50);
        await WriteAsync(crashing, Enumerable.Range(0, 10));
        Copy("z", "before");
        await crashing.DisposeAsync(); // publishes shard 1 and empties the journal
        File.Copy(_folder["before/.open.jsonl"], _folder["z/.open.jsonl"], overwrite: true);
        await using (var next = await OpenAsync("z", format, rows: 50))
        {
            await WriteAsync(next, [10]);
        }
        AssertRows(Enumerable.Range(0, 11).Select(key => (key, key)), Sets("z", format));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_later_revision_replaces_the_row_in_its_shard_and_an_earlier_one_does_not(ShardFormat format)
    {
        await using (var sink = await OpenAsync("z", format, rows: 10))
        {
            await WriteAsync(sink, Enumerable.Range(0, 10), revision: 5);
            await WriteAsync(sink, [3], value: 300, revision: 6);
            await WriteAsync(sink, [4], value: 400, revision: 4);
            await WriteAsync(sink, [3], value: 301, revision: 5);
            await WriteAsync(sink, [6], revision: 8);
            await WriteAsync(sink, [6], value: 600, revision: 7);
        }
        await using (var sink = await OpenAsync("z", format, rows: 10))
        {
            await WriteAsync(sink, [5], value: 500, revision: 5);
        }
        Assert.Equal(["shard-000001"], Shards("z", format));
        AssertRows(Enumerable.Range(0, 10).Select(key => (key, key switch { 3 => 300, 5 => 500, _ => key })), Sets("z", format));
    }

    /// <summary>F13 of the failure catalogue.</summary>
    [Theory]
    [InlineData(5)]
    [InlineData(50)]
    public async Task A_folder_that_holds_another_space_is_refused(int rows)
    {
        await using (var sink = await OpenAsync("z", ShardFormat.Npy, rows))
        {
            await WriteAsync(sink, Enumerable.Range(0, 7));
            Copy("z", "open");
        }
        var foreign = s_model with { SpaceId = new string('b', 64) };
        foreach (var folder in (string[])["z", "open"])
        {
            await using ShardSink other = new(_folder[folder], ShardFormat.Npy, rows);
            var fault = await Assert.ThrowsAsync<InvalidDataException>(() => other.OpenAsync(foreign, CancellationToken.None).AsTask());
            Assert.Contains($"expected vectors of space {foreign.SpaceId}, found space {s_model.SpaceId}", fault.Message, StringComparison.Ordinal);
            Assert.Equal(SinkFault.Fatal, other.FaultOf(fault));
        }
        // What was refused has lost nothing: the right worker finds every acknowledged row.
        await (await OpenAsync("open", ShardFormat.Npy, rows)).DisposeAsync();
        AssertRows(Enumerable.Range(0, 7).Select(key => (key, key)), Sets("open", ShardFormat.Npy));
        await using var swapped = await OpenAsync("z", ShardFormat.Npy, rows);
        await Assert.ThrowsAsync<InvalidDataException>(() => swapped.WriteAsync(new(foreign, [Row(1, 1, 0)]), CancellationToken.None).AsTask());
    }

    [Fact]
    public async Task Two_workers_cannot_write_into_one_folder_and_the_second_waits_for_the_first()
    {
        await using var first = await OpenAsync("z", ShardFormat.Jsonl);
        await using ShardSink second = new(_folder["z"], ShardFormat.Jsonl);
        var fault = await Assert.ThrowsAsync<IOException>(() => second.OpenAsync(s_model, CancellationToken.None).AsTask());
        Assert.Equal(SinkFault.Transient, second.FaultOf(fault));
        await first.DisposeAsync();
        await second.OpenAsync(s_model, CancellationToken.None);
    }

    /// <summary>After a failed fsync the system takes the pages for written: a second one would succeed, and say nothing.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_disk_that_fails_ends_the_worker_and_what_it_may_not_have_is_written_when_it_comes_again(ShardFormat format)
    {
        var flushes = 0;
        var sink = await OpenAsync("z", format, flushToDisk: journal => journal.Flush(++flushes == 2 ? throw new IOException("Input/output error") : true));
        await WriteAsync(sink, [1, 2]);
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => WriteAsync(sink, [3, 4]));
        Assert.Contains("what was written did not reach the disk: Input/output error", fault.Message, StringComparison.Ordinal);
        Assert.Equal(SinkFault.Fatal, sink.FaultOf(fault));
        await sink.DisposeAsync();
        Assert.Equal(2, flushes);
        Assert.Empty(Shards("z", format));
        Assert.Equal(2, File.ReadLines(_folder["z/.open.jsonl"]).Count());
        await using (var next = await OpenAsync("z", format))
        {
            await WriteAsync(next, [3, 4]);
        }
        AssertRows(Enumerable.Range(1, 4).Select(key => (key, key)), Sets("z", format));
    }

    async Task<ShardSink> OpenAsync(string folder, ShardFormat format, int rows = 20, Action<FileStream>? flushToDisk = null)
    {
        ShardSink sink = new(_folder[folder], format, rows, flushToDisk);
        await sink.OpenAsync(s_model, CancellationToken.None);
        return sink;
    }

    static async Task WriteAsync(ShardSink sink, IEnumerable<int> keys, int? value = null, long revision = 0)
    {
        await sink.WriteAsync(new(s_model, [.. keys.Select(key => Row(key, value ?? key, revision))]), CancellationToken.None);
        await sink.FlushAsync(CancellationToken.None);
    }

    static VectorRow Row(int key, int value, long revision)
    {
        float[] x = [value];
        var name = key.ToString(CultureInfo.InvariantCulture);
        return new(RecordId.Of(s_model.SpaceId, "test", name), "test", name, $"label {key % 2}", RecordId.ContentHash(x, null), revision, x, (float[])[value, value + 0.25f]);
    }

    string[] Shards(string folder, ShardFormat format) =>
        [.. Directory.EnumerateFiles(_folder[folder], format == ShardFormat.Npy ? "shard-*.npy" : "shard-*.jsonl").Select(Path.GetFileNameWithoutExtension).OfType<string>().Order()];

    EmbeddingSet[] Sets(string folder, ShardFormat format) =>
        [.. Shards(folder, format).Select(shard => EmbeddingSet.Read(_folder[$"{folder}/{shard}.{(format == ShardFormat.Npy ? "npy" : "jsonl")}"]))];

    /// <summary>The shards, read by the contract's own reader, hold each key once with its value.</summary>
    static void AssertRows(IEnumerable<(int Key, int Value)> expected, EmbeddingSet[] sets)
    {
        Assert.Equal(
            expected.Select(row => (RecordId.Of(s_model.SpaceId, "test", row.Key.ToString(CultureInfo.InvariantCulture)).ToString(), (float)row.Value, row.Value + 0.25f, $"label {row.Key % 2}"))
                .Order(),
            sets.SelectMany(set => Enumerable.Range(0, set.Rows).Select(row => (set.Ids![row], set.Row(row)[0], set.Row(row)[1], set.Labels![row]))).Order());
    }

    void Copy(string from, string to)
    {
        // Not File.Copy: the journal is locked against every .NET process, this one included.
        using var copy = Process.Start("cp", ["-r", _folder[from], _folder[to]]);
        copy.WaitForExit();
        Assert.Equal(0, copy.ExitCode);
    }
}
