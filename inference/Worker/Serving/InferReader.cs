using System.Text;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>A forward reader of a request's JSON that says in the caller's words what it expected; numbers of a tensor go past it.</summary>
ref struct InferReader(ReadOnlySpan<byte> text)
{
    /// <summary>What well-formed requests say: they need no string of their own.</summary>
    static readonly (byte[] Utf8, string Text)[] s_words =
    [
        .. new[]
        {
            "name", "parameters", "inputs", "outputs", "shape", "datatype", "data", "binary_data", "binary_data_size", "binary_data_output", "FP32", "id",
            TensorNames.X, TensorNames.Z, TensorNames.ZMean, TensorNames.ZLogVar, TensorNames.XMean,
        }.Select(word => (Encoding.UTF8.GetBytes(word), word)),
    ];

    readonly ReadOnlySpan<byte> _text = text;
    Utf8JsonReader _json = new(text);
    int _skipped;

    /// <summary>Bytes read.</summary>
    public readonly int Position => _skipped + (int)_json.BytesConsumed;

    public readonly int Left => _text.Length - Position;

    /// <summary>The next property's name, or null at the end of its object.</summary>
    public string? NextKey()
    {
        _json.Read();
        return _json.TokenType == JsonTokenType.PropertyName ? Word() : null;
    }

    /// <summary>Steps into an array's next item, or past its end.</summary>
    public bool NextObject(string what)
    {
        _json.Read();
        return _json.TokenType switch
        {
            JsonTokenType.StartObject => true,
            JsonTokenType.EndArray => false,
            var found => throw new InvalidDataException($"{what}: expected an array of objects, found {found}."),
        };
    }

    public void Expect(JsonTokenType type, string what)
    {
        _json.Read();
        if (_json.TokenType != type)
        {
            throw new InvalidDataException($"{what}: expected {type}, found {_json.TokenType}.");
        }
    }

    public string? Text(string what)
    {
        Expect(JsonTokenType.String, what);
        return Word();
    }

    public long Integer(string what)
    {
        _json.Read();
        return _json.TokenType == JsonTokenType.Number && _json.TryGetInt64(out var value) && value >= 0
            ? value
            : throw new InvalidDataException($"{what}: expected an integer of 0 or more, found {_json.TokenType}.");
    }

    public bool Boolean(string what)
    {
        _json.Read();
        return _json.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            var found => throw new InvalidDataException($"{what}: expected true or false, found {found}."),
        };
    }

    public long[] Sizes(string what)
    {
        const int maxRank = 16;
        List<long> sizes = [];
        Expect(JsonTokenType.StartArray, what);
        while (_json.Read() && _json.TokenType != JsonTokenType.EndArray)
        {
            sizes.Add(_json.TokenType == JsonTokenType.Number && _json.TryGetInt64(out var size) && size >= 0 && sizes.Count < maxRank
                ? size
                : throw new InvalidDataException($"{what}: expected at most {maxRank} sizes of 0 or more."));
        }
        return [.. sizes];
    }

    /// <summary>An array of numbers, into rented memory.</summary>
    public int Numbers(ref float[] values)
    {
        Expect(JsonTokenType.StartArray, "inputs.data");
        var state = _json.CurrentState;
        // For the reader, whose state is inside the array, what comes next is its end.
        _skipped = JsonNumbers.Read(_text, Position, ref values, out var count);
        _json = new Utf8JsonReader(_text[_skipped..], isFinalBlock: true, state);
        _json.Read();
        return count;
    }

    /// <summary>Passes over the next value.</summary>
    public void Skip()
    {
        _json.Read();
        _json.Skip();
    }

    /// <summary>Anything after the object is a <see cref="JsonException"/>.</summary>
    public void End() => _json.Read();

    readonly string? Word()
    {
        if (!_json.ValueIsEscaped)
        {
            foreach (var (utf8, word) in s_words)
            {
                if (_json.ValueSpan.SequenceEqual(utf8))
                {
                    return word;
                }
            }
        }
        return _json.GetString();
    }
}
