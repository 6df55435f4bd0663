namespace Mim.Inference;

/// <summary>Finds the items that make a batch fail, so that they do not take their neighbours with them: log₂ n more attempts for one of n.</summary>
static class Bisection
{
    /// <param name="attempt">Tries the items [first, first + count); the fault, or null when all went well.</param>
    /// <param name="alone">Called with an item that fails by itself, and its fault.</param>
    public static async Task RunAsync(int first, int count, Func<int, int, ValueTask<Exception?>> attempt, Func<int, Exception, ValueTask> alone)
    {
        if (count == 0 || await attempt(first, count) is not { } fault)
        {
            return;
        }
        if (count == 1)
        {
            await alone(first, fault);
            return;
        }
        var half = count / 2;
        await RunAsync(first, half, attempt, alone);
        await RunAsync(first + half, count - half, attempt, alone);
    }
}
