namespace Mim.Inference;

/// <summary>
/// Where records come from. Whoever reads acknowledges or rejects every record; one that is neither is delivered again, to this reader or the
/// next. One reader at a time, which may acknowledge while it reads.
/// </summary>
public interface IRecordSource : IAsyncDisposable
{
    /// <summary>A part of every stored vector's id: the same for all workers on one source, and without NUL.</summary>
    string Name { get; }

    /// <summary>Waits for a record, then adds what is there. A source hands out no more than it may have unacknowledged.</summary>
    /// <returns>How many; 0 at the end.</returns>
    ValueTask<int> ReadAsync(List<SourceRecord> records, int max, CancellationToken cancellationToken);

    /// <summary>Lets the records go: the sink has them. One that has been delivered again meanwhile is passed over.</summary>
    ValueTask AcknowledgeAsync(IReadOnlyList<SourceRecord> records, CancellationToken cancellationToken);

    /// <summary>Puts the record where somebody can look at it, then lets it go.</summary>
    ValueTask RejectAsync(SourceRecord record, Rejection rejection, CancellationToken cancellationToken);
}

/// <summary>One delivery of a record. A source derives from it what it needs to acknowledge.</summary>
public class SourceRecord
{
    /// <summary>One JSON object, as a line of a .jsonl file: <c>{"id"?, "x": […], "label"?}</c>.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The same at every delivery, and of no other record; null: the body's id is.</summary>
    public string? Key { get; init; }

    /// <summary>Of two records with one key the higher is the later; equal ones may overwrite each other.</summary>
    public long Revision { get; init; }

    /// <summary>Deliveries so far, this one included.</summary>
    public int Attempt { get; init; } = 1;

    /// <summary>When it was sent, if the source says.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>W3C trace context of whoever sent it.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>Why a record became a dead letter.</summary>
/// <param name="Attempts">Deliveries until then.</param>
/// <param name="Model">The model that was in service.</param>
/// <param name="ModelVersion">Null for a package that is not published.</param>
public sealed record Rejection(string Reason, int Attempts, string Model, string? ModelVersion, string SpaceId, DateTimeOffset At);
