using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.Inference;

/// <summary>How the finished files of a <see cref="ShardSink"/> are laid out.</summary>
public enum ShardFormat
{
    /// <summary>shard-000001.jsonl: a vector a line.</summary>
    Jsonl,

    /// <summary>shard-000001.npy, with its sidecar and, one a line, where its rows come from (shard-000001.rows.jsonl).</summary>
    Npy,
}

/// <summary>
/// A folder of files that each appear whole. Rows are appended to a journal and are safe when it has been flushed; a full journal becomes a shard.
/// A crash loses neither: the next worker goes on with the journal. A row that is replaced is replaced in its shard, which is then written anew.
/// </summary>
/// <remarks>Ids and hashes of all rows are kept in memory, about 150 bytes each. One worker at a time, because the journal is locked.</remarks>
/// <param name="flushToDisk">Brings the journal to the disk, or throws an <see cref="IOException"/>; null: fsync.</param>
public sealed partial class ShardSink(string folder, ShardFormat format, int rowsInShard = ShardSink.DefaultRows, Action<FileStream>? flushToDisk = null)
    : IVectorSink
{
    public const int DefaultRows = 1 << 16;

    const string JournalName = ".open.jsonl";

    /// <summary>Longer than any line that is written: 2^20 numbers of 16 characters.</summary>
    const int MaxLineBytes = 1 << 25;

    readonly Dictionary<Guid, (int Shard, byte[] Hash, long Revision)> _stored = [];
    readonly Dictionary<Guid, StoredRow> _open = [];
    readonly ArrayBufferWriter<byte> _lines = new();
    readonly Action<FileStream> _flushToDisk = flushToDisk ?? (journal => journal.Flush(flushToDisk: true));
    ModelManifest? _model;
    FileStream? _journal;
    int _shards;

    /// <summary>Whether all of the journal is in memory, and the disk has not failed, without which it must not be emptied.</summary>
    bool _isRead;

    /// <summary>Where the journal ends; what a failed write left behind it does not count.</summary>
    long _length;

    /// <summary>How much of it the disk has.</summary>
    long _flushed;

    public ValueTask OpenAsync(ModelManifest model, CancellationToken cancellationToken)
    {
        (_model, _isRead) = (model, false);
        Directory.CreateDirectory(folder);
        _stored.Clear();
        _open.Clear();
        // Locked first: whoever else writes here may be about to publish a shard.
        _journal?.Dispose();
        _journal = new FileStream(Path.Combine(folder, JournalName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        // What is flushed to a file without a name is lost.
        AtomicFile.FlushFolder(folder);
        _shards = Shards().Select(shard => shard.Number).DefaultIfEmpty(0).Max();
        foreach (var (number, path) in Shards())
        {
            foreach (var row in ReadLines(path))
            {
                _stored[row.Id] = (number, row.ContentHash, row.Revision);
            }
        }
        ReadJournal(_journal);
        (_isRead, _flushed) = (true, _length);
        return ValueTask.CompletedTask;
    }

    public ValueTask WriteAsync(VectorBatch batch, CancellationToken cancellationToken)
    {
        var (model, journal) = Opened();
        RequireSpace(batch.Model.SpaceId, "this worker's model");
        List<StoredRow> rows = [];
        Dictionary<Guid, long> revisions = [];
        _lines.ResetWrittenCount();
        foreach (var row in batch.Rows)
        {
            // Of one batch, too, a later revision may come first.
            if (IsNews(row.Id, row.Revision, row.ContentHash) && row.Revision >= revisions.GetValueOrDefault(row.Id, long.MinValue))
            {
                revisions[row.Id] = row.Revision;
                VectorJson.Write(_lines, batch.Model, row, withZ: true);
                _lines.Write("\n"u8);
                rows.Add(new(row.Id, row.Source, row.Key, row.Label, model.SpaceId, batch.Model.Name, batch.Model.Version, row.ContentHash, row.Revision, row.Z.ToArray()));
            }
        }
        journal.SetLength(_length);
        journal.Position = _length;
        journal.Write(_lines.WrittenSpan);
        journal.Flush();
        _length = journal.Position;
        foreach (var row in rows)
        {
            Keep(row);
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        var (_, journal) = Opened();
        FlushToDisk(journal);
        if (_open.Count >= rowsInShard)
        {
            Publish(journal);
        }
        return ValueTask.CompletedTask;
    }

    /// <summary>A full disk may be emptied, and another worker may leave the folder. A journal that could not be flushed is no <see cref="IOException"/>.</summary>
    public SinkFault FaultOf(Exception e) => e is IOException ? SinkFault.Transient : SinkFault.Fatal;

    /// <summary>What is in the journal becomes a shard of its own; one that could not be read, or is another space's, stays as it is.</summary>
    public ValueTask DisposeAsync()
    {
        if (_journal is { } journal)
        {
            try
            {
                if (_isRead)
                {
                    FlushToDisk(journal);
                    Publish(journal);
                }
            }
            finally
            {
                journal.Dispose();
                _journal = null;
            }
        }
        return ValueTask.CompletedTask;
    }

    void ReadJournal(FileStream journal)
    {
        Utf8Lines lines = new(journal, MaxLineBytes);
        var whole = WholeLines(journal);
        journal.Position = 0;
        while (lines.Number < whole && lines.TryRead(out var line))
        {
            var row = VectorJson.Read(line, $"{journal.Name}:{lines.Number}");
            RequireSpace(row.SpaceId, $"{journal.Name}:{lines.Number}");
            // Rows of a shard that was published just before a crash are there already.
            if (IsNews(row.Id, row.Revision, row.ContentHash))
            {
                Keep(row);
            }
        }
    }

    /// <summary>How many lines end; the rest of one that a crash cut short was never acknowledged. Sets where the journal ends.</summary>
    long WholeLines(FileStream journal)
    {
        var (lines, position) = (0L, 0L);
        _length = 0;
        var buffer = new byte[1 << 16];
        journal.Position = 0;
        for (int read; (read = journal.Read(buffer)) > 0; position += read)
        {
            var present = buffer.AsSpan(0, read);
            lines += present.Count((byte)'\n');
            _length = present.LastIndexOf((byte)'\n') is >= 0 and var last ? position + last + 1 : _length;
        }
        return lines;
    }

    bool IsNews(Guid id, long revision, byte[] hash) => !_stored.TryGetValue(id, out var stored)
        || revision > stored.Revision || (revision == stored.Revision && !hash.AsSpan().SequenceEqual(stored.Hash));

    void Keep(StoredRow row)
    {
        _open[row.Id] = row;
        var shard = _stored.TryGetValue(row.Id, out var stored) ? stored.Shard : 0;
        _stored[row.Id] = (shard, row.ContentHash, row.Revision);
    }

    /// <summary>Rows that replace others go into the shards that have these, the rest into a new one. Then the journal begins anew.</summary>
    void Publish(FileStream journal)
    {
        foreach (var replaced in _open.Values.GroupBy(row => _stored[row.Id].Shard).OrderByDescending(group => group.Key))
        {
            var number = replaced.Key;
            if (number > 0)
            {
                Write(number, [.. ReadShard(number).Select(row => _open.GetValueOrDefault(row.Id, row))]);
                continue;
            }
            // Counted when it is there: one that was cut short is written again under its number.
            number = _shards + 1;
            Write(number, [.. replaced]);
            _shards = number;
            foreach (var row in replaced)
            {
                _stored[row.Id] = _stored[row.Id] with { Shard = number };
            }
        }
        _open.Clear();
        journal.SetLength(0);
        (_length, _flushed) = (0, 0);
        FlushToDisk(journal);
    }

    /// <summary>
    /// Never tried again: after a failure the system takes what did not reach the disk for written, and the next attempt would succeed without it.
    /// Nor may whoever reads the journal next find those rows, which are not acknowledged and come again.
    /// </summary>
    void FlushToDisk(FileStream journal)
    {
        try
        {
            _flushToDisk(journal);
            _flushed = _length;
        }
        catch (IOException e)
        {
            _isRead = false;
            TryCut(journal, _flushed);
            throw new InvalidOperationException(
                $"{journal.Name}: what was written did not reach the disk: {e.Message} What of it is not there comes again. Look after the disk, then start the worker again.", e);
        }
    }

    static void TryCut(FileStream journal, long length)
    {
        try
        {
            journal.SetLength(length);
        }
        catch (IOException)
        {
            // A disk that is read-only by now, as after an error it should be: the cache goes with it.
        }
    }

    void Write(int number, IReadOnlyList<StoredRow> rows)
    {
        var model = Opened().Model;
        if (format == ShardFormat.Npy)
        {
            // Before the rows' own file: a crash between the two leaves hashes that differ from the journal's, and the shard is written again.
            using var writer = EmbeddingWriter.Create(PathOf(number), EmbeddingFormat.Npy, model.SpaceId, model.Name, model.ZSize, model.Version);
            var labelled = rows.All(row => row.Label is not null);
            foreach (var row in rows)
            {
                writer.Write(row.Z, row.Id.ToString(), labelled ? row.Label : null);
            }
            writer.Complete();
        }
        AtomicFile.Write(RowsPathOf(number), stream =>
        {
            foreach (var row in rows)
            {
                _lines.ResetWrittenCount();
                var made = model with { Name = row.Model, Version = row.ModelVersion };
                VectorRow line = new(row.Id, row.Source, row.Key, row.Label, row.ContentHash, row.Revision, default, row.Z);
                VectorJson.Write(_lines, made, line, withZ: format == ShardFormat.Jsonl);
                _lines.Write("\n"u8);
                stream.Write(_lines.WrittenSpan);
            }
        });
    }

    IEnumerable<StoredRow> ReadShard(int number)
    {
        var rows = ReadLines(RowsPathOf(number));
        if (format == ShardFormat.Jsonl)
        {
            return rows;
        }
        var codes = EmbeddingSet.Read(PathOf(number));
        return rows.Select((row, index) => row with { Z = codes.Row(index).ToArray() });
    }

    List<StoredRow> ReadLines(string path)
    {
        List<StoredRow> rows = [];
        using var stream = File.OpenRead(path);
        Utf8Lines lines = new(stream, MaxLineBytes);
        while (lines.TryRead(out var line))
        {
            var row = VectorJson.Read(line, $"{path}:{lines.Number}");
            if (rows.Count == 0)
            {
                RequireSpace(row.SpaceId, path);
            }
            rows.Add(row);
        }
        return rows;
    }

    /// <summary>Finished shards and the files that say where their rows come from. One that lacks either file was cut short: its rows are in the journal.</summary>
    IEnumerable<(int Number, string Rows)> Shards() =>
        from path in Directory.EnumerateFiles(folder)
        let match = ShardName().Match(Path.GetFileName(path))
        where match.Success
        let number = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
        where Path.GetFileName(path) == Path.GetFileName(RowsPathOf(number)) && File.Exists(PathOf(number))
        orderby number
        select (number, path);

    string PathOf(int number) => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"shard-{number:D6}.{(format == ShardFormat.Npy ? "npy" : "jsonl")}"));

    string RowsPathOf(int number) => format == ShardFormat.Jsonl ? PathOf(number) : Path.ChangeExtension(PathOf(number), "rows.jsonl");

    (ModelManifest Model, FileStream Journal) Opened() => _model is { } model && _journal is { } journal
        ? (model, journal)
        : throw new InvalidOperationException("The sink is not open.");

    void RequireSpace(string spaceId, string where)
    {
        if (_model is { } model && spaceId != model.SpaceId)
        {
            throw new InvalidDataException(
                $"{where}: expected vectors of space {model.SpaceId}, found space {spaceId}. Write each space into a folder of its own.");
        }
    }

    [GeneratedRegex(@"^shard-(\d{6,9})\.(?:rows\.)?jsonl$")]
    private static partial Regex ShardName();
}
