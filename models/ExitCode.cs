namespace Mim.Models;

/// <summary>What every executable of the solution returns to its shell.</summary>
public static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int Usage = 2;
    public const int Gate = 3;
}

/// <summary>The caller asked for something that cannot be done as asked: a flag, a configuration key, an input file. Ends the process with exit code 2.</summary>
public sealed class UsageException : Exception
{
    public UsageException(string message)
        : base(message)
    {
    }

    public UsageException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
