using System.Diagnostics;
using System.Globalization;
using Mim.Models;
using Npgsql;

namespace Mim.Inference;

/// <summary>A cluster of PostgreSQL; it may crash and be started again.</summary>
public sealed class PrivateDatabase : IAsyncDisposable
{
    const string Versions = "/usr/lib/postgresql";

    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    readonly PrivateServer _server = new("postgres");
    readonly int _port = PrivateServer.FreePort();
    readonly string _password = Guid.NewGuid().ToString("N");
    Process? _postmaster;

    PrivateDatabase()
    {
    }

    /// <summary>What to install, if that is needed.</summary>
    public static string? Missing => Programs is null ? "there is no postgresql. As root: apt-get install -y postgresql" : null;

    /// <summary>The newest version's.</summary>
    static string? Programs => !Directory.Exists(Versions) ? null : Directory.EnumerateDirectories(Versions)
        .Where(folder => File.Exists(Path.Combine(folder, "bin", "initdb")))
        .OrderByDescending(folder => int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0)
        .Select(folder => Path.Combine(folder, "bin"))
        .FirstOrDefault();

    public static async Task<PrivateDatabase> CreateAsync(CancellationToken cancellationToken)
    {
        var programs = Programs ?? throw new UsageException(Missing ?? "");
        PrivateDatabase database = new();
        try
        {
            var password = database._server.Write("password", database._password);
            var initdb = database._server.Start(
                Path.Combine(programs, "initdb"),
                ["--pgdata=data", "--username=mim", $"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
            await initdb.WaitForExitAsync(cancellationToken);
            if (initdb.ExitCode != 0)
            {
                throw new InvalidOperationException(
                    $"initdb ended with {initdb.ExitCode}: {await File.ReadAllTextAsync(Path.Combine(database._server.Folder, "output.log"), cancellationToken)}");
            }
            await database.StartAsync(cancellationToken);
            return database;
        }
        catch
        {
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>The address of one of its tables, with the password.</summary>
    public string Address(string table) => string.Create(CultureInfo.InvariantCulture, $"postgres://mim:{_password}@127.0.0.1:{_port}/postgres?table={table}");

    public NpgsqlDataSource Open() => PostgresAddress.Parse("database", Address("none")).Open();

    /// <summary>Starts it, or starts it again.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        _postmaster = _server.Start(
            Path.Combine(Programs ?? "", "postgres"),
            ["-D", "data", "-p", _port.ToString(CultureInfo.InvariantCulture), "-k", _server.Folder, "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=64MB"]);
        await using var database = Open();
        await _server.WaitAsync(
            _postmaster, async () => await (await database.OpenConnectionAsync(cancellationToken)).DisposeAsync(), e => e is NpgsqlException, s_patience, cancellationToken);
    }

    public double ProcessorSeconds => _server.ProcessorSeconds;

    /// <summary>Ends every connection at once; what was committed is there after the next start.</summary>
    public Task CrashAsync() => _postmaster is { } postmaster ? PrivateServer.EndAsync(postmaster, PrivateServer.Quit) : Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        // Before the processes are killed: a postmaster that is killed leaves its shared memory.
        try
        {
            await CrashAsync();
        }
        finally
        {
            await _server.DisposeAsync();
        }
    }
}
