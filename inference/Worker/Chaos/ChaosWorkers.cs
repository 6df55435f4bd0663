using Mim.Models;

namespace Mim.Inference;

/// <summary>The workers of a run, those that they replaced, and what was done to them.</summary>
/// <param name="start">One more.</param>
/// <param name="log">Hears of a worker that did not end as it should.</param>
public sealed class ChaosWorkers(int count, Func<ChaosWorker> start, TextWriter log) : IDisposable
{
    readonly ChaosWorker[] _workers = new ChaosWorker[count];
    readonly List<ChaosWorker> _retired = [];
    readonly HttpClient _http = new();

    public int Count => count;

    public int Kills { get; private set; }

    public int Drains { get; private set; }

    /// <summary>Workers that did not end with 0 on SIGTERM.</summary>
    public int DrainsFailed { get; private set; }

    /// <summary>As those counted that lived to say it.</summary>
    public long Redelivered => _retired.Sum(worker => worker.Redelivered);

    /// <summary>Processor time of those that work now, in seconds.</summary>
    public double ProcessorSeconds => _workers.Sum(worker => ProcessTree.ProcessorSeconds(worker.Id));

    public void Start()
    {
        for (var worker = 0; worker < count; worker++)
        {
            _workers[worker] = start();
        }
    }

    /// <summary>Waits for a worker that is still starting: it has no record that a fault could take from it.</summary>
    public async Task ReadyAsync(int worker, CancellationToken cancellationToken)
    {
        if (!await _workers[worker].Ready.WaitAsync(cancellationToken))
        {
            await _workers[worker].EndedAsync(cancellationToken);
            RequireAlive();
        }
    }

    /// <summary>kill −9, once it is ready.</summary>
    public async Task KillAsync(int worker, CancellationToken cancellationToken)
    {
        await ReadyAsync(worker, cancellationToken);
        await _workers[worker].KillAsync().WaitAsync(cancellationToken);
        Kills++;
        Replace(worker);
    }

    /// <summary>A rolling restart.</summary>
    public async Task RollAsync(CancellationToken cancellationToken)
    {
        for (var worker = 0; worker < count; worker++)
        {
            await DrainAsync(_workers[worker], cancellationToken);
            Replace(worker);
        }
    }

    /// <summary>Has each load the promoted version of the model while it works.</summary>
    public async Task SwapAsync(string version, CancellationToken cancellationToken)
    {
        foreach (var worker in _workers)
        {
            await worker.Ready.WaitAsync(cancellationToken);
            if (await worker.SwapAsync(_http, cancellationToken) is var found && found != version)
            {
                throw new InvalidOperationException($"a worker told to load the promoted version {version} has {found}");
            }
        }
    }

    public async Task EndAsync(CancellationToken cancellationToken)
    {
        foreach (var worker in _workers)
        {
            await DrainAsync(worker, cancellationToken);
            _retired.Add(worker);
        }
    }

    public void RequireAlive()
    {
        if (_workers.FirstOrDefault(worker => worker.HasExited) is { } ended)
        {
            throw new InvalidOperationException($"a worker ended by itself with exit code {ended.ExitCode}. Its last words:\n{ended.LastWords}");
        }
    }

    public void Dispose()
    {
        foreach (var worker in _workers.OfType<ChaosWorker>().Concat(_retired).Distinct())
        {
            worker.Dispose();
        }
        _http.Dispose();
    }

    /// <summary>One that is still starting has nothing to drain, and ends as the signal has it.</summary>
    async Task DrainAsync(ChaosWorker worker, CancellationToken cancellationToken)
    {
        await worker.Ready.WaitAsync(cancellationToken);
        if (await worker.DrainAsync() is not ExitCode.Done and var code)
        {
            DrainsFailed++;
            log.WriteLine($"a worker that was told to stop ended with {code}. Its last words:\n{worker.LastWords}");
        }
        Drains++;
    }

    void Replace(int worker)
    {
        _retired.Add(_workers[worker]);
        _workers[worker] = start();
    }
}
