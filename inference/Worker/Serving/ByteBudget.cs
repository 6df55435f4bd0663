namespace Mim.Inference;

/// <summary>Bytes that many may have at once.</summary>
public sealed class ByteBudget(long bytes)
{
    long _left = bytes;

    /// <returns>Whether there were so many.</returns>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _left, -bytes) >= 0)
        {
            return true;
        }
        Give(bytes);
        return false;
    }

    public void Give(long bytes) => Interlocked.Add(ref _left, bytes);
}
