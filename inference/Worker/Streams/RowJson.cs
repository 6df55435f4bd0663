using System.Buffers;
using System.Text;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>One row as a JSON object: <c>{"id"?, "x": [...], "label"?}</c>; of codes, <c>{"id"?, "z": [...], "label"?, "space_id"?}</c>.</summary>
static class RowJson
{
    static readonly string[] s_keys = ["id", "label"];

    /// <summary>What one line says besides its values.</summary>
    public record struct Attributes(string? Id, string? Label);

    /// <summary>
    /// What a row may be long. A float32 in shortest round-trip form has at most 15 characters and a comma; the rest is for ids and indentation.
    /// </summary>
    public static int MaxBytes(RowContract contract) => checked((1 << 20) + contract.Width * 64);

    /// <summary>Reads one line into <paramref name="values"/>.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public static string? Fault(ReadOnlySpan<byte> line, RowContract contract, Span<float> values, out Attributes attributes)
    {
        attributes = default;
        try
        {
            var reader = new Utf8JsonReader(line);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return $"expected an object with '{contract.Tensor}', found {Describe(reader.TokenType)}.";
            }
            var found = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals(contract.Tensor))
                {
                    if (found)
                    {
                        return $"'{contract.Tensor}' occurs twice.";
                    }
                    found = true;
                    reader.Read();
                    if (Values(ref reader, contract, values) is { } fault)
                    {
                        return fault;
                    }
                }
                else if (Attribute(ref reader, contract, ref attributes) is { } fault)
                {
                    return fault;
                }
            }
            reader.Read();
            return found ? null : $"'{contract.Tensor}' is missing.";
        }
        catch (JsonException e)
        {
            return $"not a JSON object on one line: it breaks at byte {e.BytePositionInLine}.";
        }
        catch (InvalidOperationException)
        {
            return StrictJson.BadText;
        }
    }

    static string? Attribute(ref Utf8JsonReader reader, RowContract contract, ref Attributes attributes)
    {
        var key = reader.GetString() ?? "";
        reader.Read();
        var text = reader.TokenType switch
        {
            JsonTokenType.String => reader.GetString(),
            JsonTokenType.Number => Encoding.UTF8.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan),
            _ => null,
        };
        switch (key)
        {
            case "id" or "label" when text is null && reader.TokenType != JsonTokenType.Null:
                return $"'{key}': expected a string or a number, found {Describe(reader.TokenType)}.";
            case "id":
                attributes.Id = text;
                return null;
            case "label":
                attributes.Label = text;
                return null;
            case var provenance when contract.SpaceId is not null && EmbeddingFormats.ProvenanceKeys.Contains(provenance) && text is not null:
                return null;
            case "space_id" when contract.SpaceId is not null:
                return text == contract.SpaceId ? null : $"expected a code of space {contract.SpaceId}, found space '{text}'. Encode the data again with this model.";
            default:
                return $"unknown key '{key}'.{Nearest.Hint(key, contract.SpaceId is null ? [.. s_keys, contract.Tensor] : [.. s_keys, contract.Tensor, "space_id"])}";
        }
    }

    /// <summary>Numbers, nested in any way, row-major; null is a missing value.</summary>
    static string? Values(ref Utf8JsonReader reader, RowContract contract, Span<float> values)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return $"'{contract.Tensor}': expected an array of {contract.Width} numbers, found {Describe(reader.TokenType)}.";
        }
        var count = 0;
        for (var depth = 1; depth > 0;)
        {
            reader.Read();
            switch (reader.TokenType)
            {
                case JsonTokenType.StartArray:
                    depth++;
                    continue;
                case JsonTokenType.EndArray:
                    depth--;
                    continue;
                case JsonTokenType.Number when count >= values.Length || reader.TryGetSingle(out values[count]):
                    break;
                case JsonTokenType.Null:
                    if (count < values.Length)
                    {
                        values[count] = float.NaN;
                    }
                    break;
                default:
                    return $"{contract.Tensor}[{count}]: expected a float32, found {Describe(reader.TokenType)}.";
            }
            count++;
        }
        return count == values.Length ? null : $"'{contract.Tensor}': expected {contract.Width} values, found {count}.";
    }

    static string Describe(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.Null => "null",
        _ => "nothing",
    };
}
