using System.Buffers.Binary;
using System.Collections;
using System.Security.Cryptography;
using System.Text;
using Mim.Models;
using Npgsql;

namespace Mim.Inference;

/// <summary>What became of every record, read from the table and from the dead-letter queue themselves.</summary>
public sealed record ChaosVerdict
{
    public required int Good { get; init; }

    public required int Poison { get; init; }

    /// <summary>Rows of the table, whatever is in them.</summary>
    public required int Rows { get; init; }

    /// <summary>Rows that are none of a good record, or have another id, hash, model version or code than it.</summary>
    public required int Wrong { get; init; }

    /// <summary>Of the rows, those that each version of the model made.</summary>
    public required IReadOnlyDictionary<string, int> RowsOf { get; init; }

    /// <summary>Good records without a row.</summary>
    public required int Lost { get; init; }

    /// <summary>Poison that is in the dead-letter queue with the reason that is its own, attempts and model version.</summary>
    public required int Dead { get; init; }

    /// <summary>Dead letters beyond one a record: a worker died between rejecting and acknowledging.</summary>
    public required int DeadTwice { get; init; }

    /// <summary>Dead letters of good records, or for another reason.</summary>
    public required int WronglyDead { get; init; }

    /// <summary>Records left in the source's queue.</summary>
    public required long Left { get; init; }

    public bool Holds => Rows == Good && Wrong == 0 && Lost == 0 && Dead == Poison && WronglyDead == 0 && Left == 0;

    internal static async Task<ChaosVerdict> ReadAsync(
        NpgsqlDataSource database, string table, RabbitAddress source, ChaosRecords records, ChaosModel model, ModelManifest[] versions, CancellationToken cancellationToken)
    {
        var rowsOf = versions.ToDictionary(version => version.Version!, _ => 0);
        BitArray seen = new(records.Count);
        var (rows, wrong) = (0, 0);
        await using (var connection = await database.OpenConnectionAsync(cancellationToken))
        await using (NpgsqlCommand command = new($"SELECT id, key, label, space_id, model_version, content_sha256, x, z FROM {table}", connection))
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                rows++;
                if (records.Record(reader.GetString(1)) is { } record && !records.IsPoison(record) && !seen[record]
                    && IsRight(reader, record, source.Queue, records, model, versions[0].SpaceId)
                    && rowsOf.TryGetValue(reader.GetString(4), out var ofVersion))
                {
                    seen[record] = true;
                    rowsOf[reader.GetString(4)] = ofVersion + 1;
                }
                else
                {
                    wrong++;
                }
            }
        }
        BitArray dead = new(records.Count);
        var (twice, wronglyDead) = (0, 0);
        RabbitDeadLetters queue = new(source);
        // Not looked at, which holds all of them at once, longer than this broker lets anybody hold one.
        await foreach (var letter in queue.TakeAsync(cancellationToken))
        {
            if (records.Record(letter.Key) is { } record && records.IsPoison(record) && letter.Attempts > 0
                && letter.Reason.StartsWith(records.Reason(record), StringComparison.Ordinal) && rowsOf.ContainsKey(letter.ModelVersion ?? ""))
            {
                twice += dead[record] ? 1 : 0;
                dead[record] = true;
            }
            else
            {
                wronglyDead++;
            }
        }
        return new()
        {
            Good = records.Good,
            Poison = records.Poison,
            Rows = rows,
            Wrong = wrong,
            RowsOf = rowsOf,
            Lost = records.Good - CountOf(seen),
            Dead = CountOf(dead),
            DeadTwice = twice,
            WronglyDead = wronglyDead,
            Left = await queue.LeftAsync(cancellationToken),
        };
    }

    static bool IsRight(NpgsqlDataReader row, int record, string source, ChaosRecords records, ChaosModel model, string space)
    {
        var x = new float[ChaosModel.X];
        records.Features(record, x);
        Span<double> z = stackalloc double[ChaosModel.Z];
        model.Encode(x, z);
        var stored = row.GetFieldValue<float[]>(7);
        if (stored.Length != z.Length || !row.GetFieldValue<float[]>(6).AsSpan().SequenceEqual(x))
        {
            return false;
        }
        for (var i = 0; i < z.Length; i++)
        {
            if (!(Math.Abs(stored[i] - z[i]) <= Parity.EngineTolerance * (1 + Math.Abs(z[i]))))
            {
                return false;
            }
        }
        return row.GetGuid(0) == RecordId.Of(space, source, ChaosRecords.Key(record)) && row.GetString(2) == ChaosRecords.Label(record)
            && row.GetString(3) == space
            && row.GetFieldValue<byte[]>(5).AsSpan().SequenceEqual(HashOf(x, ChaosRecords.Label(record)));
    }

    /// <summary>As <see cref="RecordId.ContentHash"/> is documented, by other means: the code that is judged is no judge.</summary>
    static byte[] HashOf(float[] x, string label)
    {
        var values = new byte[x.Length * sizeof(float)];
        for (var i = 0; i < x.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(values.AsSpan(i * sizeof(float)), x[i]);
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(values);
        hash.AppendData(Encoding.UTF8.GetBytes(label));
        return hash.GetHashAndReset();
    }

    static int CountOf(BitArray bits)
    {
        var words = new int[(bits.Count + 31) / 32];
        bits.CopyTo(words, 0);
        return words.Sum(word => int.PopCount(word));
    }
}
