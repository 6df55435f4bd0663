using System.Diagnostics;
using System.Globalization;
using Mim.Models;
using Npgsql;

namespace Mim.Inference;

/// <summary>
/// One run: a private broker, a private database, workers that are processes of their own, and faults that come when so much is done. The seed says which
/// worker dies when; what the machine makes of it differs from run to run, the verdict must not.
/// </summary>
public sealed class ChaosRun : IAsyncDisposable
{
    const string Table = "codes";
    const string Queue = "records";

    /// <summary>The part of all records that is sent, and not yet in the table, when a fault comes.</summary>
    const double Ahead = 0.1;

    /// <summary>The part of a calm run after which its cost is counted: workers compile as they start.</summary>
    const double WarmUp = 0.2;

    static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);

    /// <summary>A broker that has not looked for so long does not look.</summary>
    static readonly TimeSpan s_overdue = TimeSpan.FromSeconds(60);

    readonly ChaosOptions _options;
    readonly TextWriter _log;
    readonly PrivateBroker _broker;
    readonly PrivateDatabase _database;
    readonly NpgsqlDataSource _rows;
    readonly OwnedParts _parts;
    readonly ModelStore _store;
    readonly ChaosWorkers _workers;
    readonly ChaosProgress _progress;

    /// <param name="parts">Holds what it is given, and what it adds.</param>
    ChaosRun(ChaosOptions options, TextWriter log, PrivateBroker broker, PrivateDatabase database, string models, OwnedParts parts)
    {
        (_options, _log, _broker, _database, _parts) = (options, log, broker, database, parts);
        _rows = parts.Add(database.Open());
        var store = Path.Combine(models, "store");
        _store = new(store);
        _workers = new(options.Workers, () => ChaosWorker.Start(store, broker.Address(Queue), database.Address(Table), options.Batch), log);
        parts.Add(_workers.Dispose);
        Model = new(options.Seed);
        Records = new(options.Seed, options.Records, Model);
        _progress = new(_rows, Table, Source, Records, _workers);
        (Before, After) = (Publish(1), Publish(2));
        _store.Promote(ChaosModel.Name, Before.Version!);

        ModelManifest Publish(int seed)
        {
            var unpublished = Path.Combine(models, $"package-{seed}");
            Model.Write(unpublished, seed);
            return ModelPackage.Open(_store.Publish(unpublished).Folder).Manifest;
        }
    }

    ChaosModel Model { get; }

    ChaosRecords Records { get; }

    /// <summary>The version that is promoted at first.</summary>
    ModelManifest Before { get; }

    /// <summary>Another of the same space, which takes its place under load.</summary>
    ModelManifest After { get; }

    RabbitAddress Source => RabbitAddress.Parse("source", _broker.Address(Queue));

    public static async Task<ChaosRun> StartAsync(ChaosOptions options, TextWriter log, CancellationToken cancellationToken)
    {
        OwnedParts parts = new();
        try
        {
            var models = Directory.CreateTempSubdirectory("mim-chaos-").FullName;
            parts.Add(() => Directory.Delete(models, recursive: true));
            var database = parts.Add(await PrivateDatabase.CreateAsync(cancellationToken));
            var broker = parts.Add(await PrivateBroker.CreateAsync(TimeSpan.FromSeconds(options.ConsumerTimeoutSeconds), cancellationToken));
            return new(options, log, broker, database, models, parts);
        }
        catch
        {
            await parts.DisposeAsync();
            throw;
        }
    }

    public async Task<ChaosReport> RunAsync(CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        ChaosPublisher publisher = new(Source, Records);
        var publishing = publisher.RunAsync(ending.Token);
        try
        {
            return await RunAsync(publisher, publishing, start, cancellationToken);
        }
        finally
        {
            await ending.CancelAsync();
            await publishing.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    async Task<ChaosReport> RunAsync(ChaosPublisher publisher, Task publishing, long start, CancellationToken cancellationToken)
    {
        _workers.Start();
        ChaosCost? warm = null;
        if (!_options.Faults)
        {
            publisher.Release(1);
            await _progress.DoneAsync(WarmUp, publishing, cancellationToken);
            warm = await CostAsync(cancellationToken);
        }
        foreach (var (at, name, victim, inject) in _options.Faults ? Plan() : [])
        {
            // Before there are records for the others to finish meanwhile.
            if (victim is { } worker)
            {
                await _workers.ReadyAsync(worker, cancellationToken);
            }
            // A fault is to find records under way, and to leave some that come after it.
            publisher.Release(at + Ahead);
            if (!await _progress.DoneAsync(at, publishing, cancellationToken))
            {
                break;
            }
            var began = Stopwatch.GetTimestamp();
            var what = await inject(() => publisher.Release(at + (2 * Ahead)), cancellationToken);
            _log.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{at,4:P0}  {name,-44} {Stopwatch.GetElapsedTime(began).TotalSeconds,6:F1} s  {what}"));
        }
        publisher.Release(1);
        await _progress.DoneAsync(1, publishing, cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var cost = await CostAsync(cancellationToken) - warm;
        await _progress.QuietAsync(cancellationToken);
        await _workers.EndAsync(cancellationToken);
        var verdict = await ChaosVerdict.ReadAsync(_rows, Table, Source, Records, Model, [Before, After], cancellationToken);
        return new()
        {
            Verdict = verdict,
            Seed = _options.Seed,
            Sent = publisher.Sent,
            Seconds = seconds,
            Workers = _workers.Count,
            Kills = _workers.Kills,
            Drains = _workers.Drains,
            DrainsFailed = _workers.DrainsFailed,
            ConsumerTimeouts = _broker.ConsumerTimeouts,
            FaultsExpected = _options.Faults,
            Redelivered = _workers.Redelivered,
            Cost = cost,
        };
    }

    async Task<ChaosCost> CostAsync(CancellationToken cancellationToken) => new(
        Stopwatch.GetTimestamp(), await _progress.RowsAsync(cancellationToken) ?? 0, _workers.ProcessorSeconds, _broker.ProcessorSeconds, _database.ProcessorSeconds,
        Environment.CpuUsage.TotalTime.TotalSeconds);

    public ValueTask DisposeAsync() => _parts.DisposeAsync();

    /// <summary>By the seed alone.</summary>
    IEnumerable<Fault> Plan()
    {
        Random random = new(_options.Seed);
        var worker = random.Next(_workers.Count);
        List<Fault> faults =
        [
            new(0.2, "broker killed and started again", null, BrokerAsync),
            new(0.4, "database crashed, a worker killed meanwhile", worker, (sendMore, cancellationToken) => DatabaseAsync(worker, sendMore, cancellationToken)),
            new(0.5, "model swapped under load", null, SwapAsync),
            new(0.6, "sink slower than the consumer timeout", null, SlowSinkAsync),
            new(0.8, "rolling restart", null, RollAsync),
        ];
        for (var kill = 0; kill < _options.Kills; kill++)
        {
            var (at, victim) = (0.02 + (0.93 * random.NextDouble()), random.Next(_workers.Count));
            faults.Add(new(at, "kill -9 of a worker", victim, (sendMore, cancellationToken) => KillAsync(victim, sendMore, cancellationToken)));
        }
        return faults.OrderBy(fault => fault.At);
    }

    async Task<string> BrokerAsync(Action sendMore, CancellationToken cancellationToken)
    {
        sendMore();
        await _broker.KillAsync();
        await _broker.StartAsync(cancellationToken);
        return "it has kept what it had confirmed";
    }

    async Task<string> DatabaseAsync(int worker, Action sendMore, CancellationToken cancellationToken)
    {
        var half = TimeSpan.FromSeconds(_options.DatabaseDownSeconds / 2.0);
        await _database.CrashAsync();
        sendMore();
        await Task.Delay(half, cancellationToken);
        var killed = await KillAsync(worker, () => { }, cancellationToken);
        await Task.Delay(half, cancellationToken);
        await _database.StartAsync(cancellationToken);
        return killed;
    }

    async Task<string> SlowSinkAsync(Action sendMore, CancellationToken cancellationToken)
    {
        await using var connection = await _rows.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using NpgsqlCommand command = new($"LOCK TABLE {Table} IN SHARE ROW EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
        sendMore();
        // Until the broker has taken deliveries back, for which a busy one needs longer than the timeout says.
        var before = _broker.ConsumerTimeouts;
        var timeout = TimeSpan.FromSeconds(_options.ConsumerTimeoutSeconds);
        for (var start = Stopwatch.GetTimestamp();
            Stopwatch.GetElapsedTime(start) < timeout || (_broker.ConsumerTimeouts == before && Stopwatch.GetElapsedTime(start) < timeout + s_overdue);)
        {
            await Task.Delay(s_poll, cancellationToken);
        }
        await transaction.RollbackAsync(cancellationToken);
        return "writes waited for a lock";
    }

    async Task<string> SwapAsync(Action sendMore, CancellationToken cancellationToken)
    {
        sendMore();
        // One that is started from now on begins with it.
        _store.Promote(ChaosModel.Name, After.Version!);
        await _workers.SwapAsync(After.Version!, cancellationToken);
        return $"{_workers.Count} workers from {Before.Version} to {After.Version}, none restarted";
    }

    async Task<string> RollAsync(Action sendMore, CancellationToken cancellationToken)
    {
        sendMore();
        await _workers.RollAsync(cancellationToken);
        return $"{_workers.Count} drained, one after the other";
    }

    async Task<string> KillAsync(int worker, Action sendMore, CancellationToken cancellationToken)
    {
        sendMore();
        await _workers.KillAsync(worker, cancellationToken);
        return string.Create(CultureInfo.InvariantCulture, $"worker {worker + 1} replaced");
    }

    /// <param name="At">The part of the good records that is in the table when it comes.</param>
    /// <param name="Victim">The worker that it kills, which must be ready before.</param>
    /// <param name="Inject">Is given what sends as many records more, once they are sure to meet it.</param>
    sealed record Fault(double At, string Name, int? Victim, Func<Action, CancellationToken, Task<string>> Inject);
}
