using System.Text.Json;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// JSON Lines: <c>{"x": [1, 2], "label": "a"}</c> or <c>{"height": 1.8, "colour": "red"}</c> a line; the first line decides which.
/// </summary>
static class JsonLines
{
    const string UsualLabelKey = "label";
    const string IdKey = "id";

    public static FileRows Open(string path, DatasetOptions options)
    {
        List<TableRow> tableRows = [];
        List<string> labels = [];
        List<float> values = [];
        string[]? columns = null;
        int? size = null;
        string? labelKey = null;
        var (number, count) = (0, 0);
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
            {
                continue;
            }
            var where = $"{path}:{number}";
            using var document = Parse(line, where);
            var row = document.RootElement;
            if (row.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidDataException($"{where}: expected an object such as {{\"{options.XKey}\": [1, 2]}}, found {Kind(row)}.");
            }
            if (count++ == 0)
            {
                string[] keys = [.. row.EnumerateObject().Select(property => property.Name)];
                labelKey = options.LabelColumn ?? (keys.Contains(UsualLabelKey) ? UsualLabelKey : null);
                if (!(row.TryGetProperty(options.XKey, out var first) && first.ValueKind == JsonValueKind.Array))
                {
                    string[] features = [.. keys.Where(key => key is not IdKey && key != labelKey)];
                    columns = Array.ConvertAll(TableRows.Choose(path, options, features), column => features[column]);
                }
            }
            var label = labelKey is null ? null : Label(row, labelKey, where);
            if (columns is not null)
            {
                tableRows.Add(new TableRow(Array.ConvertAll(columns, column => Cell(row, column, where)), label, number));
                continue;
            }
            var length = AddNumbers(row, options.XKey, values, where);
            size ??= length;
            if (length != size)
            {
                throw new InvalidDataException(
                    $"{where}: expected {size} numbers in '{options.XKey}' as in the first line, found {length}.");
            }
            if (label is not null)
            {
                labels.Add(label);
            }
        }
        if (columns is not null)
        {
            return new TableRows(path, columns, tableRows, options);
        }
        if (size is not { } width)
        {
            throw new InvalidDataException($"{path}: expected rows, found no line with text.");
        }
        var x = values.ToArray();
        return new ArrayRows(path, count, [width], (row, target) => x.AsSpan(row * width, width).CopyTo(target))
        {
            Labels = labelKey is null ? null : labels,
        };
    }

    static JsonDocument Parse(string line, string where)
    {
        try
        {
            return JsonDocument.Parse(line);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"{where}: expected a line of JSON, found an error at byte {e.BytePositionInLine}. Write one object a line.", e);
        }
    }

    static string Label(JsonElement row, string key, string where) =>
        row.TryGetProperty(key, out var label) && label.ValueKind is JsonValueKind.String or JsonValueKind.Number
            && Text(label) is var text && !TabularSchema.IsMissing(text)
            ? text
            : throw new InvalidDataException($"{where}: expected a label (a text or an integer) under '{key}', "
                + $"found {(row.TryGetProperty(key, out label) ? Kind(label) : "none")}.");

    static string Cell(JsonElement row, string column, string where) =>
        !row.TryGetProperty(column, out var cell)
            ? throw new InvalidDataException($"{where}: expected the key '{column}', found none."
                + Nearest.Hint(column, row.EnumerateObject().Select(property => property.Name)))
            : cell.ValueKind switch
            {
                JsonValueKind.Null => "",
                JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => Text(cell),
                _ => throw new InvalidDataException($"{where}: '{column}': expected a number or a text, found {Kind(cell)}."),
            };

    static int AddNumbers(JsonElement row, string key, List<float> values, string where)
    {
        if (!row.TryGetProperty(key, out var x) || x.ValueKind != JsonValueKind.Array || x.GetArrayLength() == 0)
        {
            throw new InvalidDataException(
                $"{where}: expected an array of numbers under '{key}', found {(row.TryGetProperty(key, out x) ? Kind(x) : "none")}.");
        }
        foreach (var (i, element) in x.EnumerateArray().Index())
        {
            values.Add(element.ValueKind switch
            {
                JsonValueKind.Number => element.GetSingle(),
                JsonValueKind.Null => float.NaN,
                _ => throw new InvalidDataException($"{where}: '{key}[{i}]': expected a number, found {Kind(element)}."),
            });
        }
        return x.GetArrayLength();
    }

    static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() ?? "" : value.GetRawText();

    static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array when value.GetArrayLength() == 0 => "an empty array",
        JsonValueKind.Array => "an array",
        JsonValueKind.Object => "an object",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        _ => value.GetRawText(),
    };
}
