using System.Text.Json;

namespace Mim.Training;

/// <summary><c>metrics.jsonl</c> as columns over the epochs; what an epoch lacks is NaN. Nested keys are joined with a dot.</summary>
public sealed record TrainingLog(IReadOnlyList<int> Epochs, IReadOnlyDictionary<string, double[]> Columns)
{
    const string EpochKey = "epoch";

    /// <summary>A line that was cut short by a crash ends the file: nothing after the last line feed is read.</summary>
    public static TrainingLog Read(string path)
    {
        var text = File.ReadAllText(path);
        var lines = text.Split('\n')[..^1];
        var epochs = new List<int>();
        var columns = new Dictionary<string, double[]>();
        for (var i = 0; i < lines.Length; i++)
        {
            try
            {
                using var line = JsonDocument.Parse(lines[i]);
                epochs.Add(line.RootElement.GetProperty(EpochKey).GetInt32());
                Collect(line.RootElement, "", i);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
            {
                throw new InvalidDataException($"{path}:{i + 1}: expected an epoch as 'mim train' writes it, found another line. Train again.", e);
            }
        }
        return new TrainingLog(epochs, columns);

        void Collect(JsonElement element, string prefix, int line)
        {
            foreach (var property in element.EnumerateObject())
            {
                var key = prefix + property.Name;
                if (property.Value.ValueKind == JsonValueKind.Object)
                {
                    Collect(property.Value, key + ".", line);
                }
                else if (property.Value.ValueKind == JsonValueKind.Number && key != EpochKey)
                {
                    if (!columns.TryGetValue(key, out var column))
                    {
                        column = new double[lines.Length];
                        column.AsSpan().Fill(double.NaN);
                        columns.Add(key, column);
                    }
                    column[line] = property.Value.GetDouble();
                }
            }
        }
    }

    /// <summary>Points (epoch, value) of a column, without those that it lacks.</summary>
    public IReadOnlyList<(double Epoch, double Value)> Series(string column) => Columns.TryGetValue(column, out var values)
        ? [.. Epochs.Select((epoch, i) => ((double)epoch, values[i])).Where(point => double.IsFinite(point.Item2))]
        : [];
}
