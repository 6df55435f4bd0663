using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Mim.Models;

/// <summary>
/// Writes embeddings row by row, each with the space it lives in. A file appears under its name only at <see cref="Complete"/>;
/// standard output ("-") is written as rows come.
/// </summary>
public sealed class EmbeddingWriter : IDisposable
{
    const int BufferBytes = 1 << 16;
    const string Dash = "-";

    readonly string _path;
    readonly EmbeddingFormat _format;
    readonly string _spaceId;
    readonly string _model;
    readonly string? _version;
    readonly int _dims;
    readonly NpyWriter? _npy;
    readonly string? _temporary;
    readonly Stream? _stream;
    readonly ArrayBufferWriter<byte> _line = new();
    readonly Utf8JsonWriter? _json;
    readonly List<string> _ids = [];
    readonly List<string> _labels = [];
    long _rows;
    bool _hasIds;
    bool _hasLabels;

    EmbeddingWriter(string path, EmbeddingFormat format, string spaceId, string model, string? version, int dims)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dims, 1);
        (_path, _format, _spaceId, _model, _version, _dims) = (path, format, spaceId, model, version, dims);
        if (format == EmbeddingFormat.Npy)
        {
            if (path == Dash)
            {
                throw new UsageException("--format npy: expected jsonl or csv for standard output, because the header of .npy holds the number of rows.");
            }
            _npy = new NpyWriter(path, dims);
            return;
        }
        if (path == Dash)
        {
            _stream = new BufferedStream(Console.OpenStandardOutput(), BufferBytes);
        }
        else
        {
            _temporary = AtomicFile.TemporaryFor(path);
            _stream = new FileStream(_temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        }
        if (format == EmbeddingFormat.Jsonl)
        {
            _json = new Utf8JsonWriter(_line);
        }
        else
        {
            _stream.Write(Encoding.UTF8.GetBytes($"id,label,space_id,{string.Join(',', Enumerable.Range(0, dims).Select(i => $"z_{i}"))}\n"));
        }
    }

    /// <param name="pathOrDash">A file, or "-" for standard output.</param>
    /// <param name="format">See <see cref="EmbeddingFormats.Of"/>.</param>
    /// <param name="spaceId">Of the model.</param>
    /// <param name="model">Its name.</param>
    /// <param name="dims">Z.</param>
    /// <param name="version">Its version, null for a package that is not published.</param>
    public static EmbeddingWriter Create(string pathOrDash, EmbeddingFormat format, string spaceId, string model, int dims, string? version = null) =>
        new(pathOrDash, format, spaceId, model, version, dims);

    /// <summary>Appends one row. Either every row has an id or none has; the same for labels.</summary>
    public void Write(ReadOnlySpan<float> z, string? id, string? label)
    {
        if (z.Length != _dims)
        {
            throw new ArgumentException($"Expected {_dims} dimensions, found {z.Length}.", nameof(z));
        }
        foreach (var value in z)
        {
            if (!float.IsFinite(value))
            {
                throw new InvalidDataException(
                    $"row {_rows}: the encoder gave {value}. Look at the row's features: a value far outside the training data overflows.");
            }
        }
        if (_rows == 0)
        {
            (_hasIds, _hasLabels) = (id is not null, label is not null);
        }
        if (_hasIds != id is not null || _hasLabels != label is not null)
        {
            throw new InvalidDataException(
                $"row {_rows}: some rows have an id or a label and others have none. Give every row one, or no row.");
        }
        switch (_format)
        {
            case EmbeddingFormat.Npy:
                WriteNpy(z, id, label);
                break;
            case EmbeddingFormat.Jsonl:
                WriteJson(z, id, label);
                break;
            default:
                WriteCsv(z, id, label);
                break;
        }
        _rows++;
    }

    /// <summary>Hands rows that are still buffered to standard output or the file.</summary>
    public void Flush() => _stream?.Flush();

    /// <summary>Ends the file and gives it its name.</summary>
    public void Complete()
    {
        if (_npy is not null)
        {
            // The sidecar first: vectors without their space must never be seen.
            StrictJson.Write(
                EmbeddingSidecar.PathFor(_path),
                new EmbeddingSidecar(_spaceId, _model, _version, _rows, _dims, _hasIds ? _ids : null, _hasLabels ? _labels : null));
            _npy.Complete();
            return;
        }
        if (_stream is FileStream file && _temporary is not null)
        {
            file.Flush(flushToDisk: true);
            file.Dispose();
            AtomicFile.Publish(_temporary, _path);
            return;
        }
        _stream?.Flush();
    }

    public void Dispose()
    {
        _npy?.Dispose();
        _json?.Dispose();
        _stream?.Dispose();
        if (_temporary is not null)
        {
            File.Delete(_temporary);
        }
    }

    void WriteNpy(ReadOnlySpan<float> z, string? id, string? label)
    {
        _npy?.WriteRows(z);
        if (id is not null)
        {
            _ids.Add(id);
        }
        if (label is not null)
        {
            _labels.Add(label);
        }
    }

    void WriteJson(ReadOnlySpan<float> z, string? id, string? label)
    {
        if (_json is null)
        {
            return;
        }
        _json.Reset();
        _json.WriteStartObject();
        if (id is not null)
        {
            _json.WriteString("id", id);
        }
        if (label is not null)
        {
            _json.WriteString("label", label);
        }
        _json.WriteString("space_id", _spaceId);
        _json.WriteStartArray("z");
        foreach (var value in z)
        {
            _json.WriteNumberValue(value);
        }
        _json.WriteEndArray();
        _json.WriteEndObject();
        _json.Flush();
        EndLine();
    }

    void WriteCsv(ReadOnlySpan<float> z, string? id, string? label)
    {
        Append(CsvReader.Escape(id ?? ""));
        Append(",");
        Append(CsvReader.Escape(label ?? ""));
        Append(",");
        Append(_spaceId);
        foreach (var value in z)
        {
            Append(",");
            // 16 characters hold the longest shortest-round-trip float32 (-1.17549435E-38 has 15).
            value.TryFormat(_line.GetSpan(16), out var written, provider: CultureInfo.InvariantCulture);
            _line.Advance(written);
        }
        EndLine();
    }

    void Append(string text) => Encoding.UTF8.GetBytes(text, _line);

    void EndLine()
    {
        _line.Write("\n"u8);
        _stream?.Write(_line.WrittenSpan);
        _line.ResetWrittenCount();
    }
}
