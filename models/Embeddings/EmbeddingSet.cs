using System.Globalization;
using System.Text.Json;

namespace Mim.Models;

/// <summary>The file beside a <c>.npy</c> of embeddings.</summary>
sealed record EmbeddingSidecar(string SpaceId, string Model, string? Version, long Rows, int Dims, IReadOnlyList<string>? Ids, IReadOnlyList<string>? Labels)
{
    public static string PathFor(string embeddings) => embeddings + ".json";
}

/// <summary>Embeddings in memory, with the space that they live in.</summary>
public sealed record EmbeddingSet
{
    public required string SpaceId { get; init; }

    /// <summary>The model's name; empty where the format does not carry it (.jsonl, .csv).</summary>
    public required string Model { get; init; }

    public string? Version { get; init; }
    public required int Rows { get; init; }
    public required int Dims { get; init; }

    /// <summary>Row-major, Rows × Dims.</summary>
    public required float[] Z { get; init; }

    public string[]? Ids { get; init; }
    public string[]? Labels { get; init; }

    public ReadOnlySpan<float> Row(int row) => Z.AsSpan(row * Dims, Dims);

    /// <summary>Refuses vectors of another space, whatever their number of dimensions: distances to them mean nothing.</summary>
    /// <param name="expected">The space of what these embeddings are about to be used with.</param>
    /// <param name="name">The file they came from, for the message.</param>
    public void RequireSpace(string expected, string name)
    {
        if (SpaceId != expected)
        {
            throw new InvalidDataException(
                $"{name}: expected embeddings of space {expected}, found space {SpaceId}{(Model.Length == 0 ? "" : $" (model '{Model}')")}. Encode the data again with the model of space {expected}.");
        }
    }

    /// <summary>The space that the file beside a <c>.npy</c> names; null when there is none, as for codes that no encoder made.</summary>
    public static string? SpaceBeside(string npy)
    {
        var path = EmbeddingSidecar.PathFor(npy);
        return File.Exists(path) ? StrictJson.Read<EmbeddingSidecar>(File.ReadAllBytes(path), path).SpaceId : null;
    }

    public static EmbeddingSet Read(string path)
    {
        var format = EmbeddingFormats.Of(path);
        if (!File.Exists(path))
        {
            throw new UsageException($"{path}: expected a file of embeddings, found {(Directory.Exists(path) ? "a folder" : "nothing")}.");
        }
        return format switch
        {
            EmbeddingFormat.Npy => ReadNpy(path),
            EmbeddingFormat.Jsonl => ReadJsonl(path),
            _ => ReadCsv(path),
        };
    }

    static EmbeddingSet ReadNpy(string path)
    {
        var sidecarPath = EmbeddingSidecar.PathFor(path);
        if (!File.Exists(sidecarPath))
        {
            throw new InvalidDataException(
                $"{path}: expected '{sidecarPath}' beside it, which says the space of the embeddings. Encode the data again, or copy both files.");
        }
        var sidecar = StrictJson.Read<EmbeddingSidecar>(File.ReadAllBytes(sidecarPath), sidecarPath);
        CheckSpace(sidecar.SpaceId, sidecarPath);
        var array = Npy.Read(path);
        if (array.Type != NpyType.Float32 || array.Shape.Length != 2 || array.Shape[0] != sidecar.Rows || array.Shape[1] != sidecar.Dims)
        {
            throw new InvalidDataException(
                $"{path}: expected float32 of shape ({sidecar.Rows}, {sidecar.Dims}) as {sidecarPath} says, found {array.Type} of shape ({string.Join(", ", array.Shape)}).");
        }
        foreach (var (key, values) in new[] { ("ids", sidecar.Ids), ("labels", sidecar.Labels) })
        {
            if (values is not null && values.Count != sidecar.Rows)
            {
                throw new InvalidDataException($"{sidecarPath}: key '{key}': expected {sidecar.Rows} values, found {values.Count}.");
            }
        }
        return new EmbeddingSet
        {
            SpaceId = sidecar.SpaceId,
            Model = sidecar.Model,
            Version = sidecar.Version,
            Rows = (int)sidecar.Rows,
            Dims = sidecar.Dims,
            Z = array.ToSingle(),
            Ids = sidecar.Ids?.ToArray(),
            Labels = sidecar.Labels?.ToArray(),
        };
    }

    static EmbeddingSet ReadJsonl(string path)
    {
        var rows = new Accumulator();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0)
            {
                continue;
            }
            try
            {
                using var document = JsonDocument.Parse(line, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 4 });
                AddJson(document.RootElement, rows, $"{path}:{number}");
            }
            catch (JsonException e)
            {
                throw new InvalidDataException($"{path}:{number}: not a JSON object on one line: it breaks at byte {e.BytePositionInLine}.", e);
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidDataException($"{path}:{number}: {e.Message}", e);
            }
        }
        return rows.ToSet(path);
    }

    static void AddJson(JsonElement row, Accumulator rows, string where)
    {
        if (row.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{where}: expected an object, found {row.ValueKind}.");
        }
        string? id = null, label = null, spaceId = null;
        float[]? z = null;
        foreach (var entry in row.EnumerateObject())
        {
            switch (entry.Name)
            {
                case "id":
                    id = entry.Value.GetString();
                    break;
                case "label":
                    label = entry.Value.GetString();
                    break;
                case "space_id":
                    spaceId = entry.Value.GetString();
                    break;
                case "z":
                    z = [.. entry.Value.EnumerateArray().Select(value => value.TryGetSingle(out var number) ? number : float.NaN)];
                    break;
                case var provenance when EmbeddingFormats.ProvenanceKeys.Contains(provenance):
                    break;
                default:
                    throw new InvalidDataException(
                        $"{where}: unknown key '{entry.Name}'.{Nearest.Hint(entry.Name, ["id", "label", "space_id", "z"])}");
            }
        }
        if (spaceId is null || z is null)
        {
            throw new InvalidDataException($"{where}: key '{(spaceId is null ? "space_id" : "z")}' is missing.");
        }
        rows.Add(z, id, label, spaceId, where);
    }

    static EmbeddingSet ReadCsv(string path)
    {
        using var reader = new StreamReader(path);
        var csv = new CsvReader(reader, path);
        if (csv.Read() is not { } header)
        {
            throw new InvalidDataException($"{path}: expected the header id,label,space_id,z_0,…, found an empty file.");
        }
        var dims = header.Count - 3;
        if (dims < 1 || header is not ["id", "label", "space_id", ..] || !header.Skip(3).SequenceEqual(Enumerable.Range(0, dims).Select(i => $"z_{i}")))
        {
            throw new InvalidDataException(
                $"{path}:1: expected the header id,label,space_id,z_0,z_1,…, found {string.Join(',', header.Take(8))}.");
        }
        var rows = new Accumulator();
        while (csv.Read() is { } cells)
        {
            var where = $"{path}:{csv.Line}";
            if (cells.Count != header.Count)
            {
                throw new InvalidDataException($"{where}: expected {header.Count} cells, found {cells.Count}.");
            }
            var z = new float[dims];
            for (var i = 0; i < dims; i++)
            {
                z[i] = float.TryParse(cells[i + 3], NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : float.NaN;
            }
            rows.Add(z, cells[0].Length == 0 ? null : cells[0], cells[1].Length == 0 ? null : cells[1], cells[2], where);
        }
        return rows.ToSet(path);
    }

    static void CheckSpace(string spaceId, string where)
    {
        if (!Hashes.IsSha256(spaceId))
        {
            throw new InvalidDataException($"{where}: expected a space_id of 64 hexadecimal digits, found '{spaceId}'.");
        }
    }

    /// <summary>Rows of a text file, which must agree with the first in space, number of dimensions, and whether they have an id and a label.</summary>
    sealed class Accumulator
    {
        readonly List<float> _z = [];
        readonly List<string> _ids = [];
        readonly List<string> _labels = [];
        string? _spaceId;
        int _dims;
        int _rows;

        public void Add(float[] z, string? id, string? label, string spaceId, string where)
        {
            if (_spaceId is null)
            {
                CheckSpace(spaceId, where);
                (_spaceId, _dims) = (spaceId, z.Length);
            }
            if (spaceId != _spaceId)
            {
                throw new InvalidDataException(
                    $"{where}: expected space {_spaceId} as in the rows before, found {spaceId}. Embeddings of two spaces cannot be compared.");
            }
            if (z.Length != _dims || z.Length == 0)
            {
                throw new InvalidDataException($"{where}: expected {_dims} dimensions as in the rows before, found {z.Length}.");
            }
            if (Array.FindIndex(z, value => !float.IsFinite(value)) is >= 0 and var at)
            {
                throw new InvalidDataException($"{where}: expected a finite float32 in z[{at}].");
            }
            Keep(_ids, id, "an id", where);
            Keep(_labels, label, "a label", where);
            _z.AddRange(z);
            _rows++;
        }

        public EmbeddingSet ToSet(string path) => new()
        {
            SpaceId = _spaceId ?? throw new InvalidDataException($"{path}: expected at least one embedding, found none."),
            Model = "",
            Rows = _rows,
            Dims = _dims,
            Z = [.. _z],
            Ids = _ids.Count == 0 ? null : [.. _ids],
            Labels = _labels.Count == 0 ? null : [.. _labels],
        };

        void Keep(List<string> values, string? value, string what, string where)
        {
            if (value is null != (values.Count < _rows || _rows == 0 && value is null))
            {
                throw new InvalidDataException($"{where}: some rows have {what} and others have none. Give every row one, or no row.");
            }
            if (value is not null)
            {
                values.Add(value);
            }
        }
    }
}
