using System.Diagnostics;
using System.Globalization;
using Mim.Models;
using Npgsql;

namespace Mim.Inference;

/// <summary>
/// One run: a private broker, a private database, workers that are processes of their own, and faults that come when so much is done. The seed says which
/// worker dies when; what the machine makes of it differs from run to run, the verdict must not.
/// </summary>
sealed class ChaosRun : IAsyncDisposable
{
    const string Table = "codes";
    const string Queue = "records";

    static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);

    /// <summary>So long without a change ends the run: whatever is missing then is lost, or stuck.</summary>
    static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(20);
    /// <summary>A broker that has not looked for so long does not look.</summary>
    static readonly TimeSpan s_overdue = TimeSpan.FromSeconds(60);

    static readonly TimeSpan s_stuck = TimeSpan.FromMinutes(4);

    readonly ChaosOptions _options;
    readonly TextWriter _log;
    readonly Random _random;
    readonly PrivateBroker _broker;
    readonly PrivateDatabase _database;
    readonly NpgsqlDataSource _rows;
    readonly string _models = Directory.CreateTempSubdirectory("mim-chaos-").FullName;
    readonly ChaosWorker[] _workers;
    readonly List<ChaosWorker> _retired = [];
    int _kills;
    int _drains;
    int _drainsFailed;

    ChaosRun(ChaosOptions options, TextWriter log, PrivateBroker broker, PrivateDatabase database)
    {
        (_options, _log, _broker, _database) = (options, log, broker, database);
        _random = new Random(options.Seed);
        _rows = database.Open();
        _workers = new ChaosWorker[options.Workers];
        Model = new(options.Seed);
        Records = new(options.Seed, options.Records, Model);
        var unpublished = Path.Combine(_models, "package");
        Model.Write(unpublished);
        Package = ModelPackage.Open(new ModelStore(Path.Combine(_models, "store")).Publish(unpublished).Folder);
    }

    ChaosModel Model { get; }

    ChaosRecords Records { get; }

    ModelPackage Package { get; }

    RabbitAddress Source => RabbitAddress.Parse("source", _broker.Address(Queue));

    public static async Task<ChaosRun> StartAsync(ChaosOptions options, TextWriter log, CancellationToken cancellationToken)
    {
        var database = await PrivateDatabase.CreateAsync(cancellationToken);
        try
        {
            return new(options, log, await PrivateBroker.CreateAsync(TimeSpan.FromSeconds(options.ConsumerTimeoutSeconds), cancellationToken), database);
        }
        catch
        {
            await database.DisposeAsync();
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
        for (var worker = 0; worker < _workers.Length; worker++)
        {
            _workers[worker] = Start();
        }
        foreach (var (at, name, inject) in _options.Faults ? Plan() : [])
        {
            if (!await DoneAsync(at, publishing, cancellationToken))
            {
                break;
            }
            var began = Stopwatch.GetTimestamp();
            var what = await inject(cancellationToken);
            _log.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{at,4:P0}  {name,-44} {Stopwatch.GetElapsedTime(began).TotalSeconds,6:F1} s  {what}"));
        }
        await DoneAsync(1, publishing, cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await QuietAsync(cancellationToken);
        foreach (var worker in _workers)
        {
            await DrainAsync(worker, cancellationToken);
            _retired.Add(worker);
        }
        var verdict = await ChaosVerdict.ReadAsync(_rows, Table, Source, Records, Model, Package.Manifest, cancellationToken);
        return new()
        {
            Verdict = verdict,
            Seed = _options.Seed,
            Sent = publisher.Sent,
            Seconds = seconds,
            Workers = _workers.Length,
            Kills = _kills,
            Drains = _drains,
            DrainsFailed = _drainsFailed,
            ConsumerTimeouts = _broker.ConsumerTimeouts,
            ConsumerTimeoutExpected = _options.Faults,
            Redelivered = _retired.Sum(worker => worker.Redelivered),
        };
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var worker in _workers.OfType<ChaosWorker>().Concat(_retired).Distinct())
        {
            worker.Dispose();
        }
        await _rows.DisposeAsync();
        await _broker.DisposeAsync();
        await _database.DisposeAsync();
        Directory.Delete(_models, recursive: true);
    }

    IEnumerable<(double At, string Name, Func<CancellationToken, Task<string>> Inject)> Plan()
    {
        List<(double At, string Name, Func<CancellationToken, Task<string>> Inject)> faults =
        [
            (0.2, "broker killed and started again", BrokerAsync),
            (0.4, "database crashed, a worker killed meanwhile", DatabaseAsync),
            (0.6, "sink slower than the consumer timeout", SlowSinkAsync),
            (0.8, "rolling restart", RollAsync),
        ];
        for (var kill = 0; kill < _options.Kills; kill++)
        {
            faults.Add((0.02 + (0.93 * _random.NextDouble()), "kill -9 of a worker", KillAsync));
        }
        return faults.OrderBy(fault => fault.At);
    }

    async Task<string> BrokerAsync(CancellationToken cancellationToken)
    {
        await _broker.KillAsync();
        await _broker.StartAsync(cancellationToken);
        return "it has kept what it had confirmed";
    }

    async Task<string> DatabaseAsync(CancellationToken cancellationToken)
    {
        var half = TimeSpan.FromSeconds(_options.DatabaseDownSeconds / 2.0);
        await _database.CrashAsync();
        await Task.Delay(half, cancellationToken);
        var killed = await KillAsync(cancellationToken);
        await Task.Delay(half, cancellationToken);
        await _database.StartAsync(cancellationToken);
        return killed;
    }

    async Task<string> SlowSinkAsync(CancellationToken cancellationToken)
    {
        await using var connection = await _rows.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using NpgsqlCommand command = new($"LOCK TABLE {Table} IN SHARE ROW EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
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

    async Task<string> RollAsync(CancellationToken cancellationToken)
    {
        for (var worker = 0; worker < _workers.Length; worker++)
        {
            await DrainAsync(_workers[worker], cancellationToken);
            Replace(worker);
        }
        return $"{_workers.Length} drained, one after the other";
    }

    async Task<string> KillAsync(CancellationToken cancellationToken)
    {
        var worker = _random.Next(_workers.Length);
        await _workers[worker].KillAsync().WaitAsync(cancellationToken);
        _kills++;
        Replace(worker);
        return string.Create(CultureInfo.InvariantCulture, $"worker {worker + 1} replaced");
    }

    /// <summary>One that is still starting has nothing to drain, and ends as the signal has it.</summary>
    async Task DrainAsync(ChaosWorker worker, CancellationToken cancellationToken)
    {
        await worker.Ready.WaitAsync(cancellationToken);
        if (await worker.DrainAsync() is not ExitCode.Done and var code)
        {
            _drainsFailed++;
            _log.WriteLine($"a worker that was told to stop ended with {code}. Its last words:\n{worker.LastWords()}");
        }
        _drains++;
    }

    ChaosWorker Start() => ChaosWorker.Start(Package.Folder, _broker.Address(Queue), _database.Address(Table), _options.Batch);

    void Replace(int worker)
    {
        _retired.Add(_workers[worker]);
        _workers[worker] = Start();
    }

    /// <summary>Waits until this part of the good records is in the table.</summary>
    /// <returns>False if nothing happens any more.</returns>
    async Task<bool> DoneAsync(double part, Task publishing, CancellationToken cancellationToken)
    {
        var (last, changed) = (-1L, Stopwatch.GetTimestamp());
        while (true)
        {
            RequireAlive();
            if (publishing.IsFaulted)
            {
                await publishing;
            }
            var rows = await RowsAsync(cancellationToken) ?? last;
            if (rows >= part * Records.Good)
            {
                return true;
            }
            if (rows != last)
            {
                (last, changed) = (rows, Stopwatch.GetTimestamp());
            }
            var patience = publishing.IsCompleted && await LeftAsync(cancellationToken) == 0 ? s_quiet : s_stuck;
            if (Stopwatch.GetElapsedTime(changed) > patience)
            {
                return false;
            }
            await Task.Delay(s_poll, cancellationToken);
        }
    }

    /// <summary>Waits until the last poison is where it belongs, or nothing happens any more.</summary>
    async Task QuietAsync(CancellationToken cancellationToken)
    {
        RabbitDeadLetters dead = new(Source);
        var (last, changed) = (-1L, Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(changed) < s_quiet)
        {
            RequireAlive();
            var now = await dead.CountAsync(cancellationToken);
            if (now >= Records.Poison && await LeftAsync(cancellationToken) == 0)
            {
                return;
            }
            if (now != last)
            {
                (last, changed) = (now, Stopwatch.GetTimestamp());
            }
            await Task.Delay(s_poll, cancellationToken);
        }
    }

    /// <summary>Null while there is no table, or no database.</summary>
    async Task<long?> RowsAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var command = _rows.CreateCommand($"SELECT count(*) FROM {Table}");
            return await command.ExecuteScalarAsync(cancellationToken) as long?;
        }
        catch (NpgsqlException)
        {
            return null;
        }
    }

    async Task<long?> LeftAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await new RabbitDeadLetters(Source).LeftAsync(cancellationToken);
        }
        catch (Exception e) when (RabbitSession.Passes(e) && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    void RequireAlive()
    {
        if (_workers.FirstOrDefault(worker => worker.HasExited) is { } ended)
        {
            throw new InvalidOperationException($"a worker ended by itself with exit code {ended.ExitCode}. Its last words:\n{ended.LastWords()}");
        }
    }
}
