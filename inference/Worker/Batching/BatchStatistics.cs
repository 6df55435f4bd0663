using System.Diagnostics;

namespace Mim.Inference;

/// <summary>How often something happened, and how long it took in all. Written by any thread.</summary>
public sealed class TimedCount
{
    long _count;
    long _ticks;

    public long Count => Interlocked.Read(ref _count);

    public long Nanoseconds => (long)(Interlocked.Read(ref _ticks) * (1e9 / Stopwatch.Frequency));

    /// <param name="ticks">Of <see cref="Stopwatch"/>.</param>
    public void Add(long ticks)
    {
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _ticks, ticks);
    }
}

/// <summary>The three times of the runs of one batch size.</summary>
public sealed record BatchSizeStatistics(int Rows)
{
    public TimedCount Input { get; } = new();
    public TimedCount Infer { get; } = new();
    public TimedCount Output { get; } = new();
}

/// <summary>What a batcher did since it began, as Triton's statistics extension counts: requests in rows and runs, and where their time went.</summary>
public sealed class BatchStatistics
{
    readonly BatchSizeStatistics?[] _sizes;
    long _rows;
    long _lastRun;

    public BatchStatistics(int maxRows)
    {
        _sizes = new BatchSizeStatistics?[maxRows + 1];
    }

    /// <summary>Rows that were computed for requests that were answered.</summary>
    public long Rows => Interlocked.Read(ref _rows);

    /// <summary>When the latest run ended, in Unix milliseconds; 0 before the first.</summary>
    public long LastRun => Interlocked.Read(ref _lastRun);

    /// <summary>Requests that were answered, from being accepted to that.</summary>
    public TimedCount Success { get; } = new();

    /// <summary>Requests that were not: the engine failed, or they were cancelled, late or abandoned.</summary>
    public TimedCount Fail { get; } = new();

    /// <summary>Requests that waited for their first run.</summary>
    public TimedCount Queue { get; } = new();

    /// <summary>Runs, and their time before the engine.</summary>
    public TimedCount Input { get; } = new();

    /// <summary>Runs, and their time in the engine.</summary>
    public TimedCount Infer { get; } = new();

    /// <summary>Runs, and their time behind the engine.</summary>
    public TimedCount Output { get; } = new();

    /// <summary>The sizes that have occurred, before padding, ascending.</summary>
    public IEnumerable<BatchSizeStatistics> Sizes => _sizes.OfType<BatchSizeStatistics>();

    internal void Answered(int rows) => Interlocked.Add(ref _rows, rows);

    /// <summary>Counts a run; on the inference thread alone.</summary>
    internal void Ran(int rows, long started, long filled, long computed, long scattered)
    {
        var size = _sizes[rows] ??= new(rows);
        Count(size.Input, Input, filled - started);
        Count(size.Infer, Infer, computed - filled);
        Count(size.Output, Output, scattered - computed);
        Interlocked.Exchange(ref _lastRun, TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
    }

    static void Count(TimedCount size, TimedCount all, long ticks)
    {
        size.Add(ticks);
        all.Add(ticks);
    }
}
