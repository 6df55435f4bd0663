using Mim.Models;

namespace Mim.Training;

/// <summary>Which format a data file has, by its name.</summary>
static class FileFormat
{
    /// <summary>The format's name as in <c>dataset.format</c>, or null.</summary>
    public static string? Of(string path)
    {
        var name = Path.GetFileName(path).ToLowerInvariant();
        return Path.GetExtension(name) switch
        {
            ".npy" => "npy",
            ".npz" => "npz",
            ".csv" => "csv",
            ".tsv" => "tsv",
            ".jsonl" or ".ndjson" => "jsonl",
            _ when name.Contains("idx", StringComparison.Ordinal) || name.Contains("ubyte", StringComparison.Ordinal) => "idx",
            _ => null,
        };
    }

    public static FileRows Open(string path, string format, DatasetOptions options)
    {
        if (!File.Exists(path))
        {
            throw new UsageException($"{path}: expected a data file, found {(Directory.Exists(path) ? "a folder" : "nothing")}.");
        }
        if (new FileInfo(path).Length == 0)
        {
            throw new InvalidDataException($"{path}: expected rows, found an empty file.");
        }
        return format switch
        {
            "idx" => ArrayRows.OfIdx(path),
            "npy" => ArrayRows.OfNpy(path),
            "npz" => ArrayRows.OfNpz(path, options.XKey, options.LabelColumn),
            "csv" => TableRows.OfCsv(path, options.Delimiter ?? ",", options),
            "tsv" => TableRows.OfCsv(path, options.Delimiter ?? "\t", options),
            _ => JsonLines.Open(path, options),
        };
    }
}
