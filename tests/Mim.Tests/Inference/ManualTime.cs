namespace Mim.Tests.Inference;

/// <summary>Time that passes when a test says so.</summary>
sealed class ManualTime : TimeProvider
{
    /// <summary>Of real time: what is never waited for is a red test, not one that hangs.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    readonly Lock _gate = new();
    readonly List<Timer> _timers = [];
    TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    TimeSpan _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now.Ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + _now;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Timer timer = new(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Waits until somebody waits for this long.</summary>
    public async Task AwaitedAsync(TimeSpan dueTime)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (IsAwaited(dueTime))
            {
                return;
            }
            await changed.WaitAsync(s_patience);
        }
    }

    public void Advance(TimeSpan time)
    {
        Timer[] due;
        lock (_gate)
        {
            _now += time;
            due = [.. _timers.Where(timer => timer.Due <= _now)];
            foreach (var timer in due)
            {
                timer.Rewind();
            }
        }
        foreach (var timer in due)
        {
            timer.Fire();
        }
    }

    bool IsAwaited(TimeSpan dueTime)
    {
        lock (_gate)
        {
            return _timers.Any(timer => timer.Wait == dueTime);
        }
    }

    sealed class Timer(ManualTime time, Action fire) : ITimer
    {
        TimeSpan _period;

        public TimeSpan Wait { get; private set; }
        public TimeSpan Due { get; private set; }

        public void Fire() => fire();

        public void Rewind()
        {
            if (_period == Timeout.InfiniteTimeSpan || _period == TimeSpan.Zero)
            {
                time._timers.Remove(this);
            }
            else
            {
                Due += _period;
            }
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    (Wait, Due, _period) = (dueTime, time._now + dueTime, period);
                    time._timers.Add(this);
                }
            }
            Interlocked.Exchange(ref time._changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
            return true;
        }

        public void Dispose()
        {
            lock (time._gate)
            {
                time._timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
