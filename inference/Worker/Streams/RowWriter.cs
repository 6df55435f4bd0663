using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>Writes decoded rows as .npy [N, ...x], JSONL {"id"?, "x", "label"?} or CSV. A file appears under its name only at <see cref="Complete"/>.</summary>
sealed class RowWriter : IDisposable
{
    readonly string _path;
    readonly NpyWriter? _npy;
    readonly string? _temporary;
    readonly Stream? _stream;
    readonly char _delimiter;
    readonly ArrayBufferWriter<byte> _line = new();
    readonly Utf8JsonWriter? _json;

    public RowWriter(string path, RowFormat format, ModelManifest manifest)
    {
        _path = path;
        if (format == RowFormat.Npy)
        {
            _npy = path == RowFormats.Dash
                ? throw new UsageException("--format npy: expected jsonl, csv or tsv for standard output, because the header of .npy holds the number of rows.")
                : new NpyWriter(path, [.. manifest.XShape.Select(size => (long)size)]);
            return;
        }
        if (path == RowFormats.Dash)
        {
            _stream = new BufferedStream(Console.OpenStandardOutput(), 1 << 16);
        }
        else
        {
            _temporary = AtomicFile.TemporaryFor(path);
            _stream = new FileStream(_temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
        }
        if (format == RowFormat.Jsonl)
        {
            _json = new Utf8JsonWriter(_line);
            return;
        }
        _delimiter = format == RowFormat.Tsv ? '\t' : ',';
        Append("id");
        Separate();
        Append("label");
        for (var i = 0; i < manifest.XDim; i++)
        {
            Separate();
            Append($"x_{i}");
        }
        EndLine();
    }

    public void Write(ReadOnlySpan<float> x, string? id, string? label)
    {
        if (_npy is not null)
        {
            _npy.WriteRows(x);
            return;
        }
        if (_json is not null)
        {
            WriteJson(_json, x, id, label);
        }
        else
        {
            WriteCells(x, id, label);
        }
        EndLine();
    }

    public void Flush() => _stream?.Flush();

    public void Complete()
    {
        _npy?.Complete();
        if (_stream is FileStream file && _temporary is not null)
        {
            file.Flush(flushToDisk: true);
            file.Dispose();
            AtomicFile.Publish(_temporary, _path);
        }
        else
        {
            _stream?.Flush();
        }
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

    static void WriteJson(Utf8JsonWriter json, ReadOnlySpan<float> x, string? id, string? label)
    {
        json.Reset();
        json.WriteStartObject();
        if (id is not null)
        {
            json.WriteString("id", id);
        }
        if (label is not null)
        {
            json.WriteString("label", label);
        }
        json.WriteStartArray(TensorNames.X);
        foreach (var value in x)
        {
            json.WriteNumberValue(value);
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
    }

    void WriteCells(ReadOnlySpan<float> x, string? id, string? label)
    {
        Append(Escape(id ?? ""));
        Separate();
        Append(Escape(label ?? ""));
        foreach (var value in x)
        {
            Separate();
            // 16 characters hold the longest shortest-round-trip float32 (-1.17549435E-38 has 15).
            value.TryFormat(_line.GetSpan(16), out var written, provider: CultureInfo.InvariantCulture);
            _line.Advance(written);
        }
    }

    string Escape(string cell) => cell.AsSpan().ContainsAny([_delimiter, '"', '\r', '\n']) ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;

    void Append(string text) => Encoding.UTF8.GetBytes(text, _line);

    void Separate() => _line.Write([(byte)_delimiter]);

    void EndLine()
    {
        _line.Write("\n"u8);
        _stream?.Write(_line.WrittenSpan);
        _line.ResetWrittenCount();
    }
}
