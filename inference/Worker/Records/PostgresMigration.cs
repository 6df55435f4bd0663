using System.Runtime.CompilerServices;
using Mim.Models;
using Npgsql;

namespace Mim.Inference;

/// <summary>
/// Moves a table into another model's space: the new rows grow beside the old ones, which are read and written meanwhile, and take their name when
/// none is missing. The old table stays, under the name of its space; migrating back is migrating to its model.
/// </summary>
/// <param name="database">Not disposed of.</param>
/// <param name="table">See <see cref="PostgresTable.IsName"/>.</param>
public sealed class PostgresMigration(NpgsqlDataSource database, string table)
{
    /// <summary>Digits of a space in the name of its table, as in a version's.</summary>
    const int SpaceDigits = 8;

    const int Batch = 512;

    /// <summary>The name that the table of a space has while the other has this one's.</summary>
    public string NameOf(string spaceId)
    {
        var name = $"{table}_{spaceId[..SpaceDigits]}";
        return PostgresTable.IsName(name) ? name : throw new UsageException($"table {table}: its name is too long to append a space to. Rename it first.");
    }

    /// <summary>The space that the table holds now.</summary>
    /// <exception cref="InvalidDataException">There is no such table, it is none of ours, or it has rows without features.</exception>
    public async Task<string> SpaceAsync(CancellationToken cancellationToken)
    {
        await using (NpgsqlCommand find = new(PostgresTable.FindTable, await database.OpenConnectionAsync(cancellationToken)) { Parameters = { new() { Value = table } } })
        await using (find.Connection)
        await using (var reader = await find.ExecuteReaderAsync(cancellationToken))
        {
            if (!await reader.ReadAsync(cancellationToken))
            {
                throw new InvalidDataException($"table {table}: there is none. 'mim work' makes it.");
            }
            return PostgresTable.SpaceOf(reader.IsDBNull(0) ? null : reader.GetString(0))
                ?? throw new InvalidDataException($"table {table}: expected one that 'mim work' made, found one without the constraint {PostgresTable.SpaceConstraint}.");
        }
    }

    /// <summary>Embeds every row that the new table lacks. Interrupted, it goes on where it was.</summary>
    /// <param name="embed">x (rows, X) → z (rows, Z).</param>
    /// <returns>How many.</returns>
    public async Task<long> CopyAsync(ModelManifest model, Func<float[], float[]> embed, Action<long> progress, CancellationToken cancellationToken)
    {
        await RequireFeaturesAsync(model, cancellationToken);
        await using PostgresSink sink = new(database, NameOf(model.SpaceId), keepsX: true, index: true, ownsDatabase: false);
        await sink.OpenAsync(model, cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        return await CopyAsync(connection, sink, model, embed, progress, cancellationToken);
    }

    /// <summary>
    /// Gives the new rows the table's name. Nobody writes from here to the end, and what was written since is embedded first; readers see the old rows
    /// or the new ones. A worker of the old model is refused afterwards, with its records still in the queue.
    /// </summary>
    /// <returns>The name of the old rows.</returns>
    public async Task<string> CutOverAsync(ModelManifest model, Func<float[], float[]> embed, CancellationToken cancellationToken)
    {
        var (old, next) = (NameOf(await SpaceAsync(cancellationToken)), NameOf(model.SpaceId));
        await using PostgresSink sink = new(database, next, keepsX: true, index: true, ownsDatabase: false);
        await sink.OpenAsync(model, cancellationToken);
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, $"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE", cancellationToken);
        await CopyAsync(connection, sink, model, embed, _ => { }, cancellationToken);
        await ExecuteAsync(connection, $"ALTER TABLE {table} RENAME TO {WithoutSchema(old)}", cancellationToken);
        await ExecuteAsync(connection, $"ALTER TABLE {next} RENAME TO {WithoutSchema(table)}", cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return old;
    }

    static string WithoutSchema(string name) => name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];

    static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    async Task RequireFeaturesAsync(ModelManifest model, CancellationToken cancellationToken)
    {
        await using var command = database.CreateCommand($"SELECT count(*) FILTER (WHERE x IS NULL), count(*) FILTER (WHERE cardinality(x) <> {model.XDim}) FROM {table}");
        command.CommandTimeout = 0;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        if (reader.GetInt64(0) is > 0 and var missing)
        {
            throw new InvalidDataException($"table {table}: {missing} rows were stored without features (x=false). Embed them from their source, into a new table.");
        }
        if (reader.GetInt64(1) is > 0 and var other)
        {
            throw new InvalidDataException($"table {table}: {other} rows have other than the {model.XDim} features that {model.Name} takes.");
        }
    }

    async Task<long> CopyAsync(
        NpgsqlConnection connection, PostgresSink sink, ModelManifest model, Func<float[], float[]> embed, Action<long> progress, CancellationToken cancellationToken)
    {
        var copied = 0L;
        List<VectorRow> rows = [];
        await foreach (var row in MissingAsync(connection, model, cancellationToken))
        {
            rows.Add(row);
            if (rows.Count == Batch)
            {
                await WriteAsync();
            }
        }
        if (rows.Count > 0)
        {
            await WriteAsync();
        }
        return copied;

        async Task WriteAsync()
        {
            var z = embed([.. rows.SelectMany(row => row.X.ToArray())]);
            var made = rows.Select((row, at) => row with { Z = z.AsMemory(at * model.ZSize, model.ZSize) }).ToArray();
            if (Array.Find(made, row => row.Z.Span.ContainsAny(float.NaN, float.PositiveInfinity, float.NegativeInfinity)) is { } bad)
            {
                throw new InvalidDataException($"table {table}: row {bad.Id} (key '{bad.Key}'): {model.Name}'s code of it is not finite. Delete the row, or take another model.");
            }
            await sink.WriteAsync(new(model, made), cancellationToken);
            copied += rows.Count;
            progress(copied);
            rows.Clear();
        }
    }

    /// <summary>Rows of which the new table has nothing as late, without their codes.</summary>
    async IAsyncEnumerable<VectorRow> MissingAsync(NpgsqlConnection connection, ModelManifest model, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new($"""
            SELECT source, key, label, content_sha256, revision, x FROM {table} AS o WHERE NOT EXISTS (
                SELECT FROM {NameOf(model.SpaceId)} AS n WHERE n.source = o.source AND n.key = o.key
                AND (n.revision > o.revision OR (n.revision = o.revision AND n.content_sha256 = o.content_sha256)))
            """, connection)
        {
            CommandTimeout = 0,
        };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var (source, key) = (reader.GetString(0), reader.GetString(1));
            yield return new(
                RecordId.Of(model.SpaceId, source, key), source, key, reader.IsDBNull(2) ? null : reader.GetString(2), reader.GetFieldValue<byte[]>(3),
                reader.GetInt64(4), reader.GetFieldValue<float[]>(5), default);
        }
    }
}
