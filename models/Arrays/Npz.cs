using System.IO.Compression;

namespace Mim.Models;

/// <summary>Several named arrays in one <c>.npz</c> file: a zip archive of <c>.npy</c> entries as numpy.savez writes it.</summary>
public static class Npz
{
    const int MaxEntries = 1 << 16;
    const string Extension = ".npy";

    /// <summary>Deflate reaches 1032:1. An archive that inflates beyond both bounds is taken for a bomb.</summary>
    const long AlwaysAllowedBytes = 256L << 20;
    const int MaxRatio = 100;

    /// <summary>The earliest time that a zip archive can state: equal arrays give equal files.</summary>
    static readonly DateTimeOffset s_epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static IReadOnlyDictionary<string, NpyArray> Read(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, path);
    }

    /// <summary>Reads from a stream that can seek; <paramref name="name"/> is what error messages call it.</summary>
    public static IReadOnlyDictionary<string, NpyArray> Read(Stream stream, string name)
    {
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            if (archive.Entries.Count > MaxEntries)
            {
                throw new InvalidDataException($"{name}: expected at most {MaxEntries} arrays, found {archive.Entries.Count}.");
            }
            var budget = Math.Max(AlwaysAllowedBytes, MaxRatio * stream.Length);
            Dictionary<string, NpyArray> arrays = new(StringComparer.Ordinal);
            foreach (var entry in archive.Entries)
            {
                var key = KeyOf(entry.FullName, name);
                budget -= entry.Length;
                if (entry.Length < 0 || budget < 0)
                {
                    throw new InvalidDataException(
                        $"{name}: array '{key}' inflates to {entry.Length} bytes, more than {MaxRatio} times the archive. Write it uncompressed (numpy.savez).");
                }
                using var data = entry.Open();
                if (!arrays.TryAdd(key, Npy.Read(data, $"{name}: array '{key}'", entry.Length)))
                {
                    throw new InvalidDataException($"{name}: array '{key}' occurs twice.");
                }
            }
            return arrays;
        }
        catch (Exception e) when (e is IOException or ArgumentException or OverflowException or NotSupportedException
            || (e is InvalidDataException && !e.Message.StartsWith(name, StringComparison.Ordinal)))
        {
            throw new InvalidDataException($"{name}: not a readable .npz archive ({e.Message.TrimEnd('.')}). It is cut short or damaged; write it again.", e);
        }
    }

    /// <summary>Writes the arrays uncompressed, in the order given, atomically.</summary>
    public static void Write(string path, IEnumerable<KeyValuePair<string, NpyArray>> entries) => AtomicFile.Write(path, stream =>
    {
        using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (key, array) in entries)
        {
            var entry = archive.CreateEntry(key + Extension, CompressionLevel.NoCompression);
            entry.LastWriteTime = s_epoch;
            using var data = entry.Open();
            Npy.Write(data, array);
        }
    });

    /// <summary>Entries are never unpacked to disk; a name that would leave a folder is still refused, because somebody else's tool might unpack them.</summary>
    static string KeyOf(string entry, string name)
    {
        if (!entry.EndsWith(Extension, StringComparison.Ordinal) || entry.Length == Extension.Length)
        {
            throw new InvalidDataException($"{name}: expected entries named '<array>{Extension}', found '{entry}'.");
        }
        if (entry.StartsWith('/') || entry.Contains('\\') || entry.Contains(':') || entry.Contains('\0') || entry.Split('/').Contains(".."))
        {
            throw new InvalidDataException($"{name}: entry '{entry}' names a path outside the archive.");
        }
        return entry[..^Extension.Length];
    }
}
