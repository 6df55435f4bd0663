using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>A tensor of the Open Inference Protocol v2, JSON form.</summary>
/// <param name="SpaceId">What the caller says of the space of its codes, if anything.</param>
sealed record InferTensor(string Name, string Datatype, long[] Shape, ReadOnlyMemory<float> Data, string? SpaceId);

/// <summary>The body of an infer request. What is wrong with it is an <see cref="InvalidDataException"/> for the caller, never a guess.</summary>
sealed record InferRequest(string? Id, InferTensor Input, IReadOnlyList<string>? Outputs)
{
    public static InferRequest Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            Expect(ref reader, JsonTokenType.StartObject, "the request");
            string? id = null;
            List<InferTensor>? inputs = null;
            List<string>? outputs = null;
            while (NextKey(ref reader) is { } key)
            {
                switch (key)
                {
                    case "id":
                        Expect(ref reader, JsonTokenType.String, "id");
                        id = reader.GetString();
                        break;
                    case "inputs":
                        inputs = Inputs(ref reader);
                        break;
                    case "outputs":
                        outputs = OutputNames(ref reader);
                        break;
                    case "parameters":
                        reader.Skip();
                        break;
                    default:
                        throw new InvalidDataException($"unknown key '{key}'; expected id, inputs, outputs or parameters.");
                }
            }
            // Anything after the object is a JsonException.
            reader.Read();
            return inputs switch
            {
                null => throw new InvalidDataException("'inputs' is missing."),
                [var input] => new(id, input, outputs),
                _ => throw new InvalidDataException($"'inputs': expected one tensor, x to encode or z to decode, found {inputs.Count}."),
            };
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"not a JSON request: it breaks at line {e.LineNumber + 1}, byte {e.BytePositionInLine}.", e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidDataException($"not a JSON request: {StrictJson.BadText}", e);
        }
    }

    static List<InferTensor> Inputs(ref Utf8JsonReader reader)
    {
        List<InferTensor> tensors = [];
        Expect(ref reader, JsonTokenType.StartArray, "inputs");
        while (NextObject(ref reader, "inputs"))
        {
            string? name = null, datatype = null, space = null;
            long[]? shape = null;
            ReadOnlyMemory<float>? data = null;
            while (NextKey(ref reader) is { } key)
            {
                switch (key)
                {
                    case "name":
                        Expect(ref reader, JsonTokenType.String, "inputs.name");
                        name = reader.GetString();
                        break;
                    case "datatype":
                        Expect(ref reader, JsonTokenType.String, "inputs.datatype");
                        datatype = reader.GetString();
                        break;
                    case "shape":
                        shape = Shape(ref reader);
                        break;
                    case "data":
                        data = Data(ref reader);
                        break;
                    case "parameters":
                        space = Space(ref reader);
                        break;
                    default:
                        throw new InvalidDataException($"inputs: unknown key '{key}'; expected name, shape, datatype, data or parameters.");
                }
            }
            tensors.Add(new(
                name ?? throw new InvalidDataException("inputs: 'name' is missing."),
                datatype ?? throw new InvalidDataException("inputs: 'datatype' is missing."),
                shape ?? throw new InvalidDataException("inputs: 'shape' is missing."),
                data ?? throw new InvalidDataException("inputs: 'data' is missing."),
                space));
        }
        return tensors;
    }

    static List<string> OutputNames(ref Utf8JsonReader reader)
    {
        List<string> names = [];
        Expect(ref reader, JsonTokenType.StartArray, "outputs");
        while (NextObject(ref reader, "outputs"))
        {
            string? name = null;
            while (NextKey(ref reader) is { } key)
            {
                if (key == "name")
                {
                    Expect(ref reader, JsonTokenType.String, "outputs.name");
                    name = reader.GetString();
                }
                else
                {
                    reader.Skip();
                }
            }
            names.Add(name ?? throw new InvalidDataException("outputs: 'name' is missing."));
        }
        return names;
    }

    static string? Space(ref Utf8JsonReader reader)
    {
        string? space = null;
        Expect(ref reader, JsonTokenType.StartObject, "inputs.parameters");
        while (NextKey(ref reader) is { } key)
        {
            if (key == "space_id")
            {
                Expect(ref reader, JsonTokenType.String, "inputs.parameters.space_id");
                space = reader.GetString();
            }
            else
            {
                reader.Skip();
            }
        }
        return space;
    }

    static long[] Shape(ref Utf8JsonReader reader)
    {
        List<long> sizes = [];
        Expect(ref reader, JsonTokenType.StartArray, "inputs.shape");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            sizes.Add(reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var size) && size >= 0
                ? size
                : throw new InvalidDataException("inputs.shape: expected sizes of 0 or more."));
        }
        return [.. sizes];
    }

    /// <summary>Flat or nested, row-major; null is a missing value.</summary>
    static ReadOnlyMemory<float> Data(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartArray, "inputs.data");
        var values = new float[256];
        var count = 0;
        for (var depth = 1; depth > 0 && reader.Read();)
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartArray:
                    depth++;
                    continue;
                case JsonTokenType.EndArray:
                    depth--;
                    continue;
            }
            if (count == values.Length)
            {
                Array.Resize(ref values, count * 2);
            }
            values[count] = reader.TokenType switch
            {
                JsonTokenType.Number when reader.TryGetSingle(out var value) => value,
                JsonTokenType.Null => float.NaN,
                _ => throw new InvalidDataException($"inputs.data[{count}]: expected a float32, found {reader.TokenType}."),
            };
            count++;
        }
        return values.AsMemory(0, count);
    }

    static string? NextKey(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;
    }

    /// <summary>Steps into an array's next item, or past its end.</summary>
    static bool NextObject(ref Utf8JsonReader reader, string what)
    {
        reader.Read();
        return reader.TokenType switch
        {
            JsonTokenType.StartObject => true,
            JsonTokenType.EndArray => false,
            var found => throw new InvalidDataException($"{what}: expected an array of objects, found {found}."),
        };
    }

    static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string what)
    {
        reader.Read();
        if (reader.TokenType != type)
        {
            throw new InvalidDataException($"{what}: expected {type}, found {reader.TokenType}.");
        }
    }
}
