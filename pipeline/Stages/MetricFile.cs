using System.Text.Json;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>The numbers of a JSON file, by dotted path. Booleans count as 0 and 1; texts, nulls and lists are no metrics.</summary>
public static class MetricFile
{
    public static SortedDictionary<string, double> Read(string path)
    {
        var values = new SortedDictionary<string, double>(StringComparer.Ordinal);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            Collect(document.RootElement, "", values);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}:{e.LineNumber + 1}: expected a JSON file of metrics. {StrictJson.Reason(e)}", e);
        }
        return values;
    }

    /// <summary>Times and rates belong to the machine and the moment: they are shown, never compared.</summary>
    public static bool IsTiming(string key) => key.EndsWith("seconds", StringComparison.Ordinal) || key.EndsWith("per_second", StringComparison.Ordinal);

    static void Collect(JsonElement element, string path, SortedDictionary<string, double> values)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Number:
                values[path] = element.GetDouble();
                break;
            case JsonValueKind.True or JsonValueKind.False:
                values[path] = element.GetBoolean() ? 1 : 0;
                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    Collect(property.Value, path.Length == 0 ? property.Name : $"{path}.{property.Name}", values);
                }
                break;
        }
    }
}
