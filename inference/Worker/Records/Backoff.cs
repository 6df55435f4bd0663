namespace Mim.Inference;

/// <summary>
/// Waiting before another try: twice as long each time, and between half and all of it, so that workers that failed together do not come back
/// together.
/// </summary>
sealed class Backoff(TimeProvider time, Random random)
{
    static readonly TimeSpan s_first = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan s_longest = TimeSpan.FromSeconds(10);

    /// <param name="tries">How many have failed, from 1.</param>
    public Task WaitAsync(int tries, CancellationToken cancellationToken) => Task.Delay(After(tries), time, cancellationToken);

    public TimeSpan After(int tries)
    {
        var full = s_first * Math.Min(Math.Pow(2, tries - 1), s_longest / s_first);
        return full * (0.5 + random.NextDouble() / 2);
    }
}
