using System.Collections.Concurrent;

namespace Mim.Training;

/// <summary>
/// Items number first, first + 1, … of a function, made in this order on a thread of their own, at most a given number ahead of <see cref="Take"/>; with
/// none ahead, <see cref="Take"/> makes them. The function must depend on the number alone, so that who calls it, and when, changes nothing. Items are arrays and
/// records: tensors do not cross threads, because grad mode and dispose scopes belong to one.
/// </summary>
public sealed class Prefetch<T> : IDisposable
    where T : class
{
    readonly Func<long, T> _make;
    readonly BlockingCollection<T> _ready = [];
    readonly SemaphoreSlim _free;
    readonly CancellationTokenSource _stop = new();
    readonly Task? _producer;

    /// <param name="ahead">Most items made and not yet taken; 0: no thread.</param>
    /// <param name="first">Number of the first item.</param>
    /// <param name="make">Gives the item of a number.</param>
    public Prefetch(int ahead, long first, Func<long, T> make)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(ahead);
        _make = make;
        _free = new SemaphoreSlim(ahead);
        Next = first;
        if (ahead > 0)
        {
            _producer = Task.Factory.StartNew(() => Produce(first), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }

    /// <summary>Number of the item that is taken next.</summary>
    public long Next { get; private set; }

    /// <summary>Waits for the item. What the function threw for it is thrown here.</summary>
    public T Take()
    {
        if (_producer is null)
        {
            return _make(Next++);
        }
        if (!_ready.TryTake(out var item, Timeout.Infinite))
        {
            _producer.GetAwaiter().GetResult();
            throw new ObjectDisposedException(nameof(Prefetch<T>));
        }
        Next++;
        _free.Release();
        return item;
    }

    /// <summary>Returns when the thread has ended: the item in work is finished first.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        if (_producer is not null)
        {
            // Not the producer itself: what it threw concerns Take alone.
            Task.WhenAny(_producer).Wait();
        }
        _stop.Dispose();
        _free.Dispose();
        _ready.Dispose();
    }

    void Produce(long first)
    {
        try
        {
            for (var i = first; ; i++)
            {
                _free.Wait(_stop.Token);
                _ready.Add(_make(i));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }
        finally
        {
            _ready.CompleteAdding();
        }
    }
}
