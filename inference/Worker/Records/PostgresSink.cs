using Mim.Models;
using Npgsql;
using NpgsqlTypes;

namespace Mim.Inference;

/// <summary>
/// A table of PostgreSQL. Rows are copied into a staging table and merged from there by id, in one transaction: a crash on either side leaves all or
/// none of them, and none twice.
/// </summary>
/// <param name="database">Disposed of with the sink that owns it.</param>
/// <param name="table">See <see cref="PostgresTable.IsName"/>.</param>
/// <param name="keepsX">Whether to store the features, too.</param>
/// <param name="index">Whether to index codes where pgvector is there.</param>
public sealed class PostgresSink(NpgsqlDataSource database, string table, bool keepsX, bool index, bool ownsDatabase = true) : IVectorSink
{
    NpgsqlConnection? _connection;
    PostgresTable? _table;

    public async ValueTask OpenAsync(ModelManifest model, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await ExecuteAsync(connection, PostgresTable.Lock, cancellationToken);
        await using NpgsqlCommand extension = new(PostgresTable.FindExtension, connection);
        var hasVector = await extension.ExecuteScalarAsync(cancellationToken) is true;
        var (exists, constraint, codeType) = await FindAsync(connection, cancellationToken);
        // A table that is older than the extension keeps its type.
        PostgresTable wanted = new(table, model.SpaceId, model.ZSize, hasVector && !(exists && codeType == "real[]"), keepsX);
        if (exists)
        {
            wanted.Require(constraint, codeType);
        }
        else
        {
            await ExecuteAsync(connection, wanted.Create, cancellationToken);
            if (index && wanted.CreateIndex is { } createIndex)
            {
                await ExecuteAsync(connection, createIndex, cancellationToken);
            }
        }
        await transaction.CommitAsync(cancellationToken);
        _table = wanted;
    }

    public async ValueTask WriteAsync(VectorBatch batch, CancellationToken cancellationToken)
    {
        var target = _table ?? throw new InvalidOperationException("The sink is not open.");
        if (batch.Model.SpaceId != target.SpaceId)
        {
            throw new InvalidDataException(
                $"table {table}: holds space {target.SpaceId}; the model that was swapped in makes vectors of space {batch.Model.SpaceId}. Run 'mim migrate' first.");
        }
        try
        {
            var connection = await ConnectAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await StageAsync(connection, batch, cancellationToken);
            await ExecuteAsync(connection, target.Merge, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        catch
        {
            // Whether it was the connection or the rows: the next try begins clean.
            await DisconnectAsync();
            throw;
        }
    }

    /// <summary>A commit is on the disk.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public SinkFault FaultOf(Exception e) => e switch
    {
        PostgresException { SqlState: PostgresErrorCodes.CheckViolation, ConstraintName: PostgresTable.SpaceConstraint } => SinkFault.Fatal,
        // Classes of SQLSTATE: data, integrity; then connection, resources, operator, system, and what a failover leaves read-only.
        PostgresException { SqlState: ['2', '2' or '3', ..] } => SinkFault.Row,
        PostgresException { SqlState: ['0', '8', ..] or ['5', '3' or '7' or '8', ..] or PostgresErrorCodes.ReadOnlySqlTransaction } => SinkFault.Transient,
        NpgsqlException { IsTransient: true } => SinkFault.Transient,
        PostgresException => SinkFault.Fatal,
        NpgsqlException or IOException or TimeoutException => SinkFault.Transient,
        _ => SinkFault.Fatal,
    };

    public async ValueTask DisposeAsync()
    {
        await DisconnectAsync();
        if (ownsDatabase)
        {
            await database.DisposeAsync();
        }
    }

    static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    async Task<(bool Exists, string? Constraint, string? CodeType)> FindAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using NpgsqlCommand command = new(PostgresTable.FindTable, connection) { Parameters = { new() { Value = table } } };
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? (true, reader.IsDBNull(0) ? null : reader.GetString(0), reader.IsDBNull(1) ? null : reader.GetString(1))
            : (false, null, null);
    }

    async Task<NpgsqlConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_connection is null)
        {
            _connection = await database.OpenConnectionAsync(cancellationToken);
            await ExecuteAsync(_connection, PostgresTable.CreateStaging, cancellationToken);
        }
        return _connection;
    }

    async Task DisconnectAsync()
    {
        if (_connection is { } connection)
        {
            _connection = null;
            await connection.DisposeAsync();
        }
    }

    async Task StageAsync(NpgsqlConnection connection, VectorBatch batch, CancellationToken cancellationToken)
    {
        await using var import = await connection.BeginBinaryImportAsync(PostgresTable.Copy, cancellationToken);
        foreach (var row in batch.Rows)
        {
            await import.StartRowAsync(cancellationToken);
            await import.WriteAsync(row.Id, NpgsqlDbType.Uuid, cancellationToken);
            await import.WriteAsync(row.Source, NpgsqlDbType.Text, cancellationToken);
            await import.WriteAsync(row.Key, NpgsqlDbType.Text, cancellationToken);
            await WriteAsync(import, row.Label, cancellationToken);
            await import.WriteAsync(batch.Model.SpaceId, NpgsqlDbType.Text, cancellationToken);
            await import.WriteAsync(batch.Model.Name, NpgsqlDbType.Text, cancellationToken);
            await WriteAsync(import, batch.Model.Version, cancellationToken);
            await import.WriteAsync(row.ContentHash, NpgsqlDbType.Bytea, cancellationToken);
            await import.WriteAsync(row.Revision, NpgsqlDbType.Bigint, cancellationToken);
            if (keepsX)
            {
                await import.WriteAsync(row.X.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Real, cancellationToken);
            }
            else
            {
                await import.WriteNullAsync(cancellationToken);
            }
            await import.WriteAsync(row.Z.ToArray(), NpgsqlDbType.Array | NpgsqlDbType.Real, cancellationToken);
        }
        await import.CompleteAsync(cancellationToken);
    }

    static Task WriteAsync(NpgsqlBinaryImporter import, string? text, CancellationToken cancellationToken) =>
        text is null ? import.WriteNullAsync(cancellationToken) : import.WriteAsync(text, NpgsqlDbType.Text, cancellationToken);
}
