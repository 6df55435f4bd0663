using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>
/// The stand-in's model file: a zip with 'stand-in.json', which says what it is, and 'model.json'. It shares no entry with the real package's files
/// ('TransformerChain/…', 'TrainingInfo/Version.txt'), so that neither package takes one for its own. The same model gives the same bytes.
/// </summary>
static class StandInModel
{
    const string MarkerEntry = "stand-in.json";
    const string ModelEntry = "model.json";
    const string Format = "mim stand-in for Microsoft.ML";
    const int Version = 1;

    /// <summary>Above any model this package can train on one machine; bounds what a crafted file can make us inflate.</summary>
    const long MaximumBytes = 256L << 20;

    static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    public static void Write(IEnumerable<ModelStep> steps, DataViewSchema schema, Stream stream)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        Add(zip, MarkerEntry, new Marker(Format, Version));
        Add(zip, ModelEntry, new Model([.. schema.Columns.Select(StoredColumn.Of)], [.. steps]));
    }

    public static (ModelStep[] Steps, DataViewSchema Schema) Read(Stream stream)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        if (zip.GetEntry(MarkerEntry) is null)
        {
            var real = zip.Entries.Any(e => e.FullName.Replace('\\', '/') is "TrainingInfo/Version.txt" || e.FullName.StartsWith("TransformerChain", StringComparison.Ordinal));
            throw new FormatException(real
                ? "this is a model file of the real Microsoft.ML package: the stand-in cannot read it. Use a build with the real package (MimEngines=cpu or cuda)."
                : $"Corrupt model file: expected entry '{MarkerEntry}', found {(zip.Entries.Count == 0 ? "none" : string.Join(", ", zip.Entries.Take(5).Select(e => $"'{e.FullName}'")))}.");
        }
        var marker = Get<Marker>(zip, MarkerEntry);
        if (marker != new Marker(Format, Version))
        {
            throw new FormatException($"Corrupt model file: expected {Format} {Version}, found {marker.Format} {marker.Version}.");
        }
        var model = Get<Model>(zip, ModelEntry);
        return model.Steps.Length > 0
            ? (model.Steps, new(model.InputSchema.Select((c, k) => c.ToColumn(k))))
            : throw new FormatException("Corrupt model file: no steps.");
    }

    static void Add<T>(ZipArchive zip, string name, T content)
    {
        var entry = zip.CreateEntry(name);
        entry.LastWriteTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
        using var stream = entry.Open();
        JsonSerializer.Serialize(stream, content, s_json);
    }

    static T Get<T>(ZipArchive zip, string name)
    {
        var entry = zip.GetEntry(name) ?? throw new FormatException($"Corrupt model file: expected entry '{name}', found none.");
        if (entry.Length > MaximumBytes)
        {
            throw new FormatException($"Corrupt model file: '{name}' claims {entry.Length} bytes, expected at most {MaximumBytes}.");
        }
        using var stream = entry.Open();
        try
        {
            // The stream ends at the length that the entry claims: the check above bounds the inflated size.
            return JsonSerializer.Deserialize<T>(stream, s_json) ?? throw new FormatException($"Corrupt model file: '{name}' is null.");
        }
        catch (JsonException e)
        {
            throw new FormatException($"Corrupt model file: '{name}': {e.Message}", e);
        }
    }

    sealed record Marker(string Format, int Version);

    sealed record Model(StoredColumn[] InputSchema, ModelStep[] Steps);

    sealed record StoredColumn(string Name, string Type, int Size)
    {
        public static StoredColumn Of(DataViewSchema.Column column) => column.Type switch
        {
            VectorDataViewType vector => new(column.Name, "vector_of_single", vector.Size),
            TextDataViewType => new(column.Name, "text", 0),
            KeyDataViewType key => new(column.Name, "key", key.Count),
            _ => new(column.Name, "single", 0),
        };

        public DataViewSchema.Column ToColumn(int index) => Type switch
        {
            "vector_of_single" when Size >= 0 => new(Name, new VectorDataViewType(NumberDataViewType.Single, Size), index),
            "text" => new(Name, TextDataViewType.Instance, index),
            "key" => new(Name, new KeyDataViewType(Size), index),
            "single" => new(Name, NumberDataViewType.Single, index),
            _ => throw new FormatException($"Corrupt model file: column '{Name}' has the unknown type '{Type}'."),
        };
    }
}
