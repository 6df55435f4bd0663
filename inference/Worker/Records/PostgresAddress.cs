using Mim.Models;
using Npgsql;

namespace Mim.Inference;

/// <summary>
/// A table of PostgreSQL: <c>postgres://USER:PASSWORD@HOST:PORT/DATABASE?table=NAME</c>, with <c>x</c> (true: the features are stored) and
/// <c>index</c> (true) after it. Without a password PGPASSWORD or the password file counts.
/// </summary>
public sealed record PostgresAddress
{
    const int DefaultPort = 5432;

    static readonly string[] s_keys = ["table", "x", "index", "sslmode"];

    PostgresAddress(string connectionString, string table, bool keepsX, bool index, string text)
    {
        (ConnectionString, Table, KeepsX, HasIndex, Text) = (connectionString, table, keepsX, index, text);
    }

    public string ConnectionString { get; }

    public string Table { get; }

    public bool KeepsX { get; }

    public bool HasIndex { get; }

    string Text { get; }

    public static PostgresAddress Parse(string flag, string text)
    {
        var (uri, query) = AddressQuery.Split(flag, text, s_keys);
        var table = query.GetValueOrDefault("table") ?? "";
        if (!PostgresTable.IsName(table))
        {
            throw new UsageException(
                $"{flag}: {AddressQuery.Redacted(text)}: expected '?table=NAME' with a name of a-z, 0-9 and _ (SCHEMA.NAME with a schema), found '{table}'.");
        }
        NpgsqlConnectionStringBuilder connection = new()
        {
            Host = uri.Host,
            Port = uri.Port > 0 ? uri.Port : DefaultPort,
            Database = uri.AbsolutePath.Trim('/') is { Length: > 0 } database ? Uri.UnescapeDataString(database) : null,
            ApplicationName = "mim",
        };
        if (uri.UserInfo.Split(':', 2) is [{ Length: > 0 } user, .. var password])
        {
            connection.Username = Uri.UnescapeDataString(user);
            connection.Password = password is [var secret] ? Uri.UnescapeDataString(secret) : null;
        }
        if (query.GetValueOrDefault("sslmode") is { } mode)
        {
            connection.SslMode = Enum.TryParse<SslMode>(mode.Replace("-", "", StringComparison.Ordinal), ignoreCase: true, out var parsed)
                ? parsed
                : throw new UsageException($"{flag}: sslmode: expected disable, prefer, require, verify-ca or verify-full, found '{mode}'.");
        }
        return new(
            connection.ConnectionString, table, AddressQuery.Flag(flag, query, "x", true), AddressQuery.Flag(flag, query, "index", true), AddressQuery.Redacted(text));
    }

    public NpgsqlDataSource Open() => NpgsqlDataSource.Create(ConnectionString);

    public override string ToString() => Text;
}
