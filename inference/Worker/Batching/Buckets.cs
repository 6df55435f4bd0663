namespace Mim.Inference;

/// <summary>
/// The sizes that batches are padded to. An engine plans (and on a GPU measures) for each new shape, so shapes are few.
/// </summary>
public static class Buckets
{
    const int Exact = 8;

    /// <summary>
    /// Every size up to 8, then four for each doubling: padding is below a quarter of a batch. Ascending; the last is <paramref name="maxRows"/>.
    /// </summary>
    public static int[] UpTo(int maxRows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, 1);
        List<int> sizes = [];
        for (int size = 1, step = 1; size < maxRows; size += step)
        {
            sizes.Add(size);
            step = size == Exact * step ? 2 * step : step;
        }
        return [.. sizes, maxRows];
    }

    /// <summary>Four times apart, for sizes that are dear: padding is below three quarters of a batch. Ascending; the last is <paramref name="maxRows"/>.</summary>
    public static int[] Apart(int maxRows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxRows, 1);
        List<int> sizes = [];
        for (var size = 1L; size < maxRows; size *= 4)
        {
            sizes.Add((int)size);
        }
        return [.. sizes, maxRows];
    }
}
