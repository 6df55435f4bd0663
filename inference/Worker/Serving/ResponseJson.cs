using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Mim.Inference;

/// <summary>JSON in pooled memory, so that an answer goes out in one piece whose length is known.</summary>
sealed class ResponseJson : IBufferWriter<byte>, IDisposable
{
    const int FirstBytes = 1 << 12;

    byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
    int _length;

    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _length);

    /// <summary>Answers with an object of these members.</summary>
    public static Task Write(HttpContext context, int status, Action<Utf8JsonWriter> members) => Write(context, status, json =>
    {
        json.WriteStartObject();
        members(json);
        json.WriteEndObject();
    }, "application/json");

    /// <summary>Answers with this value.</summary>
    public static async Task Write(HttpContext context, int status, Action<Utf8JsonWriter> value, string contentType)
    {
        using ResponseJson body = new();
        using (var json = new Utf8JsonWriter(body))
        {
            value(json);
        }
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body._length;
        await context.Response.Body.WriteAsync(body.Written, context.RequestAborted);
    }

    public static Task Error(HttpContext context, int status, string message) => Write(context, status, json => json.WriteString("error", message));

    /// <summary>An error that passes: who asks again in a second may be answered.</summary>
    public static Task Later(HttpContext context, int status, string message)
    {
        context.Response.Headers.RetryAfter = "1";
        return Error(context, status, message);
    }

    public void Advance(int count) => _length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsMemory(_length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _buffer.AsSpan(_length);
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _length = 0;
    }

    void Reserve(int sizeHint)
    {
        var needed = _length + Math.Max(sizeHint, 1);
        if (needed > _buffer.Length)
        {
            var longer = ArrayPool<byte>.Shared.Rent(Math.Max(needed, _buffer.Length * 2));
            Written.CopyTo(longer);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = longer;
        }
    }
}
