using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Http;

namespace Mim.Inference;

/// <summary>
/// The body of a request, copied once from the connection into pooled memory. It begins where the bytes behind the JSON header fall on a float's
/// boundary, so that a binary tensor goes to the batcher as it lies.
/// </summary>
public sealed class InferBody : IDisposable
{
    /// <summary>A header is a claim; memory grows with what arrives.</summary>
    const int MaxFirstBytes = 1 << 16;

    readonly int _start;
    readonly int _headerLength;
    float[] _buffer;
    int _length;

    InferBody(int? headerLength, int bytes)
    {
        _headerLength = headerLength ?? int.MaxValue;
        _start = -(headerLength ?? 0) & (sizeof(float) - 1);
        _buffer = ArrayPool<float>.Shared.Rent((_start + bytes) / sizeof(float) + 1);
    }

    /// <summary>The JSON; all of the body unless a header said where binary data begin.</summary>
    public ReadOnlySpan<byte> Header => Bytes.Slice(_start, Math.Min(_headerLength, _length));

    /// <summary>Bytes behind the JSON.</summary>
    public int BinaryBytes => _length - Header.Length;

    /// <summary>The whole floats behind the JSON.</summary>
    public ReadOnlyMemory<float> Binary => _buffer.AsMemory((_start + Header.Length) / sizeof(float), BinaryBytes / sizeof(float));

    Span<byte> Bytes => MemoryMarshal.AsBytes(_buffer.AsSpan());

    /// <param name="request">Its body is read to the end.</param>
    /// <param name="headerLength">Length of the JSON, if something follows it; null otherwise.</param>
    /// <param name="maxBytes">Longest body.</param>
    /// <returns>Null when the body is longer.</returns>
    public static async ValueTask<InferBody?> ReadAsync(HttpRequest request, int? headerLength, int maxBytes)
    {
        if (request.ContentLength > maxBytes)
        {
            return null;
        }
        InferBody body = new(headerLength, (int)Math.Min(request.ContentLength ?? 0, MaxFirstBytes));
        try
        {
            while (true)
            {
                var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
                if (read.Buffer.Length > maxBytes - body._length)
                {
                    body.Dispose();
                    return null;
                }
                body.Append(read.Buffer);
                request.BodyReader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return body;
                }
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
        ArrayPool<float>.Shared.Return(_buffer);
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
}
