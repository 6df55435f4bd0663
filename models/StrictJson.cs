using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Mim.Models;

/// <summary>
/// JSON files with a fixed set of keys: every key of the record must be there and no other, none twice, nulls only where the record allows them.
/// A key that the record leaves out when it is null, or false, may be missing.
/// Keys are the properties' names in snake_case.
/// </summary>
public static class StrictJson
{
    /// <summary>What the reader's InvalidOperationException means: the syntax is right, and a text in it is none.</summary>
    public const string BadText = "a text in it is not UTF-8, or has an escape for half of a surrogate pair.";

    const int MaxDepth = 16;

    static readonly string[] s_position = [" Path: ", " LineNumber: "];

    static readonly (Type Type, string Words)[] s_kinds =
    [
        (typeof(int), "an integer"), (typeof(long), "an integer"), (typeof(double), "a number"), (typeof(float), "a number"), (typeof(string), "a text"),
        (typeof(bool), "true or false"),
    ];

    static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
        MaxDepth = MaxDepth,
        WriteIndented = true,
        NewLine = "\n",
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

    /// <param name="utf8">The file's contents.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="InvalidDataException">Names the file and the key.</exception>
    public static T Read<T>(ReadOnlySpan<byte> utf8, string name)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
            using (var document = JsonDocument.ParseValue(ref reader))
            {
                CheckKeys(document.RootElement, s_options.GetTypeInfo(typeof(T)), name, "");
            }
            return JsonSerializer.Deserialize<T>(utf8, s_options) ?? throw new InvalidDataException(
                $"{name}: expected an object, found null.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{name}{(e.LineNumber is { } line ? $":{line + 1}" : "")}: {Describe(e)}", e);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidDataException($"{name}: {BadText}", e);
        }
    }

    public static void Write<T>(string path, T value) => AtomicFile.Write(path, stream =>
    {
        stream.Write(ToUtf8(value));
        stream.WriteByte((byte)'\n');
    });

    internal static byte[] ToUtf8<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, s_options);

    /// <summary>What is wrong, without the position that follows it in the message, counted from 0.</summary>
    public static string Reason(JsonException e)
    {
        var words = s_position.Select(word => e.Message.IndexOf(word, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(e.Message.Length);
        return e.Message[..words.Min()];
    }

    static string Describe(JsonException e)
    {
        const string notConverted = "The JSON value could not be converted to ";
        var reason = !e.Message.StartsWith(notConverted, StringComparison.Ordinal) ? Reason(e)
            : s_kinds.FirstOrDefault(kind => e.Message[notConverted.Length..].StartsWith($"{kind.Type.FullName}.", StringComparison.Ordinal)).Words is { } expected
            ? $"expected {expected}, found another type of value."
            : "expected another type of value.";
        return e.Path is null or "$" ? reason : $"key '{(e.Path.StartsWith("$.", StringComparison.Ordinal) ? e.Path[2..] : e.Path)}': {reason}";
    }

    static void CheckKeys(JsonElement element, JsonTypeInfo type, string name, string path)
    {
        switch (type.Kind)
        {
            case JsonTypeInfoKind.Object when element.ValueKind == JsonValueKind.Object:
                CheckObject(element, type, name, path);
                break;
            case JsonTypeInfoKind.Enumerable when element.ValueKind == JsonValueKind.Array && type.ElementType is { } elementType:
                CheckItems(element, s_options.GetTypeInfo(elementType), name, path);
                break;
            case JsonTypeInfoKind.Dictionary when element.ValueKind == JsonValueKind.Object && type.ElementType is { } valueType:
                foreach (var entry in element.EnumerateObject())
                {
                    RefuseNull(entry.Value, valueType, name, Join(path, entry.Name));
                }
                break;
        }
    }

    static void CheckItems(JsonElement array, JsonTypeInfo type, string name, string path)
    {
        var index = 0;
        foreach (var item in array.EnumerateArray())
        {
            // Arrays of plain values can be long: no path is put together for them unless it is needed.
            if (item.ValueKind == JsonValueKind.Null || type.Kind != JsonTypeInfoKind.None)
            {
                RefuseNull(item, type.Type, name, $"{path}[{index}]");
                CheckKeys(item, type, name, $"{path}[{index}]");
            }
            index++;
        }
    }

    static void CheckObject(JsonElement element, JsonTypeInfo type, string name, string path)
    {
        foreach (var entry in element.EnumerateObject())
        {
            var property = type.Properties.FirstOrDefault(property => property.Name == entry.Name);
            if (property is null)
            {
                throw new InvalidDataException($"{name}: unknown key '{Join(path, entry.Name)}'.{Nearest.Hint(entry.Name, Keys(type.Properties))}");
            }
            CheckKeys(entry.Value, s_options.GetTypeInfo(property.PropertyType), name, Join(path, entry.Name));
        }
        foreach (var key in Keys(type.Properties.Where(property => !MayBeMissing(property))))
        {
            if (!element.TryGetProperty(key, out _))
            {
                throw new InvalidDataException($"{name}: key '{Join(path, key)}' is missing.");
            }
        }
    }

    /// <summary>The serialiser looks at the nullability of properties, not of what is in a list.</summary>
    static void RefuseNull(JsonElement element, Type type, string name, string path)
    {
        if (element.ValueKind == JsonValueKind.Null && !type.IsValueType)
        {
            throw new InvalidDataException($"{name}: key '{path}': expected a value, found null.");
        }
    }

    static IEnumerable<string> Keys(IEnumerable<JsonPropertyInfo> properties) =>
        properties.Where(property => property.Get is not null).Select(property => property.Name);

    static bool MayBeMissing(JsonPropertyInfo property) =>
        property.AttributeProvider?.GetCustomAttributes(typeof(JsonIgnoreAttribute), inherit: false) is
            [JsonIgnoreAttribute { Condition: JsonIgnoreCondition.WhenWritingNull or JsonIgnoreCondition.WhenWritingDefault }];

    static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
