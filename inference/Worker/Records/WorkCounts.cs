namespace Mim.Inference;

/// <summary>How many records a worker has handled since it started; read while it counts.</summary>
public sealed class WorkCounts
{
    long _read;
    long _redelivered;
    long _written;
    long _retried;
    long _deadLettered;

    public long Read => Interlocked.Read(ref _read);

    /// <summary>Of those read, how many somebody had read before.</summary>
    public long Redelivered => Interlocked.Read(ref _redelivered);

    public long Written => Interlocked.Read(ref _written);

    /// <summary>A record counts as often as its write was tried again.</summary>
    public long Retried => Interlocked.Read(ref _retried);

    public long DeadLettered => Interlocked.Read(ref _deadLettered);

    internal void AddRead(int records, int redelivered)
    {
        Interlocked.Add(ref _read, records);
        Interlocked.Add(ref _redelivered, redelivered);
    }

    internal void AddWritten(int records) => Interlocked.Add(ref _written, records);

    internal void AddRetried(int records) => Interlocked.Add(ref _retried, records);

    internal void AddDeadLettered() => Interlocked.Increment(ref _deadLettered);
}
