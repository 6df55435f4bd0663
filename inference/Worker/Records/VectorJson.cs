using System.Buffers;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// A stored vector as a line of JSON: <c>{"id", "source", "key", "label"?, "space_id", "model", "model_version"?, "content_sha256", "revision", "z"}</c>.
/// </summary>
static class VectorJson
{
    static readonly JsonReaderOptions s_reader = new() { MaxDepth = 4 };

    /// <param name="withZ">Whether the code stands in the line; of a .npy shard it stands in the array.</param>
    public static void Write(IBufferWriter<byte> output, ModelManifest model, VectorRow row, bool withZ)
    {
        using Utf8JsonWriter json = new(output);
        json.WriteStartObject();
        json.WriteString("id", row.Id);
        json.WriteString("source", row.Source);
        json.WriteString("key", row.Key);
        if (row.Label is not null)
        {
            json.WriteString("label", row.Label);
        }
        json.WriteString("space_id", model.SpaceId);
        json.WriteString("model", model.Name);
        if (model.Version is not null)
        {
            json.WriteString("model_version", model.Version);
        }
        json.WriteString("content_sha256", Convert.ToHexStringLower(row.ContentHash));
        json.WriteNumber("revision", row.Revision);
        if (withZ)
        {
            json.WriteStartArray(TensorNames.Z);
            foreach (var value in row.Z.Span)
            {
                json.WriteNumberValue(value);
            }
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>Reads back what <see cref="Write"/> wrote.</summary>
    /// <param name="where">File and line, for messages.</param>
    public static StoredRow Read(ReadOnlySpan<byte> line, string where)
    {
        try
        {
            Utf8JsonReader reader = new(line, s_reader);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            float[] z = root.TryGetProperty(TensorNames.Z, out var values) ? [.. values.EnumerateArray().Select(value => value.GetSingle())] : [];
            return new(
                root.GetProperty("id").GetGuid(), Text("source"), Text("key"), root.TryGetProperty("label", out var label) ? label.GetString() : null,
                Text("space_id"), Text("model"), root.TryGetProperty("model_version", out var version) ? version.GetString() : null,
                Convert.FromHexString(Text("content_sha256")), root.GetProperty("revision").GetInt64(), z);

            string Text(string key) => root.GetProperty(key).GetString() ?? throw new InvalidDataException($"{where}: key '{key}': expected a text, found null.");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"{where}: expected a vector as the worker writes it ({e.Message.TrimEnd('.')}). Move the file away to start anew.", e);
        }
    }
}

/// <summary>A vector as it was read back.</summary>
sealed record StoredRow(
    Guid Id, string Source, string Key, string? Label, string SpaceId, string Model, string? ModelVersion, byte[] ContentHash, long Revision, float[] Z);
