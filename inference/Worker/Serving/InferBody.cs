using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Http;

namespace Mim.Inference;

/// <summary>
/// The body of a request. One that came in a single block of the connection stays there until it is disposed of, so that a binary tensor is copied once,
/// from that block into the batch. Any other is copied into pooled memory first, where the bytes behind the JSON header begin on a float's boundary.
/// </summary>
public sealed class InferBody : IDisposable
{
    /// <summary>A header is a claim; memory grows with what arrives.</summary>
    const int MaxFirstBytes = 1 << 16;

    readonly int _start;
    readonly int _headerLength;
    readonly BlockFloats? _block;
    readonly PipeReader? _reader;
    readonly SequencePosition _end;
    readonly ByteBudget? _budget;
    float[] _buffer;
    int _length;

    /// <summary>Of the budget.</summary>
    long _taken;

    InferBody(int? headerLength, int bytes, ByteBudget? budget = null)
    {
        _budget = budget;
        _headerLength = headerLength ?? int.MaxValue;
        _start = -(headerLength ?? 0) & (sizeof(float) - 1);
        _buffer = ArrayPool<float>.Shared.Rent((_start + bytes) / sizeof(float) + 1);
    }

    /// <param name="reader">Keeps the block until it may go on.</param>
    /// <param name="body">In one piece.</param>
    InferBody(int? headerLength, PipeReader reader, ReadOnlySequence<byte> body)
    {
        (_headerLength, _reader, _end, _buffer, _length) = (headerLength ?? int.MaxValue, reader, body.End, [], (int)body.Length);
        _block = new(body.First, Math.Min(_headerLength, _length));
    }

    /// <summary>The JSON; all of the body unless a header said where binary data begin.</summary>
    public ReadOnlySpan<byte> Header => Bytes.Slice(_start, Math.Min(_headerLength, _length));

    /// <summary>Bytes behind the JSON.</summary>
    public int BinaryBytes => _length - Header.Length;

    /// <summary>The whole floats behind the JSON.</summary>
    public ReadOnlyMemory<float> Binary => _block is { } block
        ? block.Memory
        : _buffer.AsMemory((_start + Header.Length) / sizeof(float), BinaryBytes / sizeof(float));

    Span<byte> Bytes => _block is { } block ? block.Bytes : MemoryMarshal.AsBytes(_buffer.AsSpan());

    /// <param name="request">Its body is read to the end.</param>
    /// <param name="headerLength">Length of the JSON, if something follows it; null otherwise.</param>
    /// <param name="maxBytes">Longest body.</param>
    /// <param name="budget">For this body and others.</param>
    /// <returns>No body when it is too long, or when there is no room in the budget.</returns>
    public static async ValueTask<(InferBody? Body, bool IsTooLong)> ReadAsync(HttpRequest request, int? headerLength, int maxBytes, ByteBudget budget)
    {
        if (request.ContentLength > maxBytes)
        {
            return (null, IsTooLong: true);
        }
        var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
        while (!read.IsCompleted && request.ContentLength <= SocketBlocks.BlockBytes)
        {
            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
        }
        if (read.IsCompleted && read.Buffer.IsSingleSegment && read.Buffer.Length <= maxBytes)
        {
            return (new(headerLength, request.BodyReader, read.Buffer), IsTooLong: false);
        }
        InferBody body = new(headerLength, (int)Math.Min(request.ContentLength ?? 0, MaxFirstBytes), budget);
        try
        {
            while (true)
            {
                var isTooLong = read.Buffer.Length > maxBytes - body._length;
                if (isTooLong || !budget.TryTake(read.Buffer.Length))
                {
                    // The server reads on to the end of the body, so that the connection can be asked again.
                    request.BodyReader.AdvanceTo(read.Buffer.End);
                    body.Dispose();
                    return (null, isTooLong);
                }
                body._taken += read.Buffer.Length;
                body.Append(read.Buffer);
                request.BodyReader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return (body, IsTooLong: false);
                }
                read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            }
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    /// <summary>A body that is in memory already.</summary>
    public static InferBody Of(ReadOnlySpan<byte> bytes, int? headerLength)
    {
        InferBody body = new(headerLength, bytes.Length);
        bytes.CopyTo(body.Bytes[body._start..]);
        body._length = bytes.Length;
        return body;
    }

    public void Dispose()
    {
        if (_reader is not null)
        {
            _reader.AdvanceTo(_end);
            return;
        }
        ArrayPool<float>.Shared.Return(_buffer);
        _budget?.Give(_taken);
        _taken = 0;
        _buffer = [];
        _length = 0;
    }

    void Append(ReadOnlySequence<byte> bytes)
    {
        var needed = _start + _length + (int)bytes.Length;
        if (needed > Bytes.Length)
        {
            var longer = ArrayPool<float>.Shared.Rent(Math.Max(_buffer.Length * 2, needed / sizeof(float) + 1));
            _buffer.CopyTo(longer, 0);
            ArrayPool<float>.Shared.Return(_buffer);
            _buffer = longer;
        }
        bytes.CopyTo(Bytes[(_start + _length)..]);
        _length += (int)bytes.Length;
    }

    /// <summary>A block's bytes as floats, which begin anywhere: the processors that this runs on read them there.</summary>
    /// <param name="first">The byte where they begin.</param>
    sealed class BlockFloats(ReadOnlyMemory<byte> bytes, int first) : MemoryManager<float>
    {
        public Span<byte> Bytes => MemoryMarshal.AsMemory(bytes).Span;

        public override Span<float> GetSpan() => MemoryMarshal.Cast<byte, float>(Bytes[first..]);

        public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
