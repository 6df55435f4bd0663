using Mim.Inference;

namespace Mim.Pipeline.Tests;

/// <summary>A RabbitMQ node and a PostgreSQL cluster of these tests alone; each test takes queues and tables of its own.</summary>
public sealed class Servers : IAsyncLifetime
{
    PrivateBroker? _broker;
    PrivateDatabase? _database;

    public PrivateBroker Broker => _broker ?? throw new InvalidOperationException("The broker was not started.");

    public PrivateDatabase Database => _database ?? throw new InvalidOperationException("The database was not started.");

    public async Task InitializeAsync()
    {
        if (ServerFactAttribute.Missing is null)
        {
            _database = await PrivateDatabase.CreateAsync(CancellationToken.None);
            _broker = await PrivateBroker.CreateAsync(TimeSpan.FromMinutes(30), CancellationToken.None);
        }
    }

    public async Task DisposeAsync()
    {
        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }
}

[CollectionDefinition(Name)]
public sealed class OnServers : ICollectionFixture<Servers>
{
    public const string Name = "servers";
}

/// <summary>A test on real servers; skipped, with the reason, where their programs are absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class ServerFactAttribute : FactAttribute
{
    public ServerFactAttribute()
    {
        Skip = Missing;
    }

    public static string? Missing => PrivateBroker.Missing ?? PrivateDatabase.Missing;
}
