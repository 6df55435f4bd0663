using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>What a server must answer to one request: one that answers something else is fast for nothing.</summary>
/// <param name="codes">Of a bare run over the request's rows.</param>
/// <param name="isText">Numbers as JSON; else as binary tensors.</param>
public sealed class ExpectedAnswer(float[] codes, bool isText)
{
    static readonly SearchValues<byte> s_numbers = SearchValues.Create("0123456789+-.eE,[] \t\r\n"u8);

    /// <summary>Whether there are as many numbers as there must be and all are finite: for every answer, at the price of a glance.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Glance(ReadOnlySpan<byte> body)
    {
        if (isText)
        {
            var found = CountOfNumbers(body);
            return found == codes.Length ? null : $"expected {codes.Length} numbers, found {found}.";
        }
        if (!Json(body).EndsWith("}"u8))
        {
            return $"expected {codes.Length} values behind a JSON object, found {body.Length} bytes in all.";
        }
        return TensorPrimitives.IsFiniteAll<float>(Values(body)) ? null : "a value is not finite.";
    }

    /// <summary>Whether the numbers are those of the bare run.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public string? Compare(ReadOnlySpan<byte> body)
    {
        if (Glance(body) is { } fault)
        {
            return fault;
        }
        var found = isText ? Parse(body) : Values(body);
        // A peer's engine is another build, and a batch blocks its sums in another way than a request alone.
        var parity = Parity.Compare(found, codes, Parity.EngineTolerance, Parity.EngineTolerance);
        return parity.Passed ? null : $"expected the codes of the rows that were sent, found others: they differ by {parity.MaxAbs:G3}.";
    }

    ReadOnlySpan<byte> Json(ReadOnlySpan<byte> body) => body[..Math.Max(0, body.Length - (codes.Length * sizeof(float)))];

    ReadOnlySpan<float> Values(ReadOnlySpan<byte> body) => MemoryMarshal.Cast<byte, float>(body[Json(body).Length..]);

    /// <summary>Up to the first that is none, as NaN in any spelling is.</summary>
    static int CountOfNumbers(ReadOnlySpan<byte> body)
    {
        var data = "\"data\":"u8;
        var at = body.IndexOf(data);
        if (at < 0)
        {
            return 0;
        }
        var numbers = body[(at + data.Length)..];
        if (numbers.IndexOfAnyExcept(s_numbers) is >= 0 and var end)
        {
            numbers = numbers[..end];
        }
        // A comma at the end stands before the next key.
        return numbers.IndexOfAnyInRange((byte)'0', (byte)'9') < 0 ? 0 : numbers.TrimEnd(", \r\n\t"u8).Count((byte)',') + 1;
    }

    static float[] Parse(ReadOnlySpan<byte> body)
    {
        Utf8JsonReader reader = new(body);
        using var json = JsonDocument.ParseValue(ref reader);
        return [.. json.RootElement.GetProperty("outputs")[0].GetProperty("data").EnumerateArray().Select(value => value.GetSingle())];
    }
}
