using Mim.Models;

namespace Mim.Inference;

/// <summary>Where vectors go. Writing a row again changes nothing, so a record may be delivered any number of times. One writer at a time.</summary>
public interface IVectorSink : IAsyncDisposable
{
    /// <summary>Makes what is missing, and refuses a target that holds vectors of another space.</summary>
    /// <exception cref="InvalidDataException">It does.</exception>
    ValueTask OpenAsync(ModelManifest model, CancellationToken cancellationToken);

    /// <summary>
    /// Writes all rows or none. A row whose id is there is replaced if its revision is higher, or the same and its content differs.
    /// </summary>
    /// <exception cref="InvalidDataException">The rows are of another space than the target's.</exception>
    ValueTask WriteAsync(VectorBatch batch, CancellationToken cancellationToken);

    /// <summary>Returns when what was written survives a crash of this process and of the sink's.</summary>
    ValueTask FlushAsync(CancellationToken cancellationToken);

    /// <summary>What a failed write means.</summary>
    SinkFault FaultOf(Exception e);
}

/// <summary>What to do about a failed write.</summary>
public enum SinkFault
{
    /// <summary>Nobody can write: stop, so that somebody looks.</summary>
    Fatal,

    /// <summary>Later it may succeed.</summary>
    Transient,

    /// <summary>One of the rows is at fault, and will be every time.</summary>
    Row,
}

/// <summary>A vector with what it was made of.</summary>
/// <param name="Id">See <see cref="RecordId.Of"/>.</param>
/// <param name="ContentHash">See <see cref="RecordId.ContentHash"/>.</param>
/// <param name="Revision">See <see cref="SourceRecord.Revision"/>.</param>
/// <param name="TraceParent">W3C trace context of the record.</param>
public sealed record VectorRow(
    Guid Id, string Source, string Key, string? Label, byte[] ContentHash, long Revision, ReadOnlyMemory<float> X, ReadOnlyMemory<float> Z,
    string? TraceParent = null);

/// <summary>Rows that one model made.</summary>
public sealed record VectorBatch(ModelManifest Model, IReadOnlyList<VectorRow> Rows);
