using Microsoft.Extensions.Logging;

namespace Mim.Inference;

/// <summary>
/// Every message that this assembly logs. In one class, because the logging generator orders several by their hash codes, which change from
/// build to build, and with them the module id that pipeline.lock compares.
/// </summary>
static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information,
        Message = "{Name} {Version} (space {SpaceId}) in service on {Engine}, {Device}, {Threads} threads; goldens replayed, max abs {MaxAbs:G3}")]
    public static partial void Loaded(this ILogger logger, string name, string version, string spaceId, string engine, Device device, int threads, double maxAbs);

    [LoggerMessage(Level = LogLevel.Information, Message = "Threads for requests: {Threads}, and more when that answers more; threads for sockets as batch threads: {Gathering}")]
    public static partial void RequestThreads(this ILogger logger, int threads, int gathering);

    [LoggerMessage(Level = LogLevel.Information, Message = "Listening on {Urls}")]
    public static partial void Listening(this ILogger logger, IEnumerable<string> urls);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name}: the golden rows are late or not what the training engine computed; the worker is not ready")]
    public static partial void CanaryFailed(this ILogger logger, string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Name}: the golden rows pass again")]
    public static partial void CanaryPassed(this ILogger logger, string name);

    [LoggerMessage(Level = LogLevel.Error, Message = "Another model was asked for and refused; the one in service stays: {Reason}")]
    public static partial void SwapRefused(this ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} {Version}: left service before every accepted row was answered")]
    public static partial void RetiredLate(this ILogger logger, string name, string version, Exception e);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run of {Rows} rows failed")]
    public static partial void RunFailed(this ILogger logger, int rows, Exception e);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Inference thread died")]
    public static partial void ThreadDied(this ILogger logger, Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The sink failed, try {Tries}; the worker waits and tries again: {Reason}")]
    public static partial void SinkRetried(this ILogger logger, int tries, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Dead letter: record '{Key}', delivery {Attempt}: {Reason}")]
    public static partial void DeadLettered(this ILogger logger, string? key, string reason, int attempt);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Records read {Read}, written {Written}, dead-lettered {DeadLettered}; redelivered {Redelivered}, retried {Retried}")]
    public static partial void WorkEnded(this ILogger logger, long read, long written, long deadLettered, long redelivered, long retried);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The source cannot be reached, try {Tries}; the worker waits and tries again: {Reason}")]
    public static partial void SourceRetried(this ILogger logger, int tries, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The source was lost, and is opened again when what was read from it is done with: {Reason}")]
    public static partial void SourceLost(this ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The dead-letter queue '{Queue}' refused a record, try {Tries}; the worker waits and tries again")]
    public static partial void DeadLetterRefused(this ILogger logger, string queue, int tries);
}
