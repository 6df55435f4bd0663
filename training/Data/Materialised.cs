using System.Text.Json;
using System.Text.Json.Serialization;
using Mim.Models;

namespace Mim.Training;

/// <summary>What <c>dataset.json</c> says about the arrays beside it.</summary>
public sealed record MaterialisedSplit
{
    public const string FileName = "dataset.json";

    public required string Name { get; init; }

    /// <summary>Hash of the data set, as in a model's manifest.</summary>
    public required string DatasetSha256 { get; init; }

    public required SplitName Split { get; init; }

    /// <summary>With the epoch, the key of a generator's draws.</summary>
    public required long Seed { get; init; }

    public required int Epoch { get; init; }

    public required int Rows { get; init; }

    public required IReadOnlyList<long> XShape { get; init; }

    public IReadOnlyList<string>? LabelNames { get; init; }

    /// <summary>Names of the columns of <c>factors.npy</c>.</summary>
    public IReadOnlyList<string>? FactorNames { get; init; }

    public TabularSchema? Schema { get; init; }

    /// <summary>Every array with its hash.</summary>
    public required IReadOnlyList<PackageFile> Files { get; init; }
}

/// <summary>
/// Freezes a split into a folder: <c>x.npy</c> (raw, float32), <c>labels.npy</c> (int64), <c>factors.npy</c> (float32) and
/// <c>dataset.json</c>.
/// </summary>
public static class Materialised
{
    static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>The folder appears whole or not at all; it replaces one that an earlier call has written, and nothing else.</summary>
    public static MaterialisedSplit Write(Dataset dataset, SplitName split, int epoch, long seed, string folder)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()
            && !File.Exists(Path.Combine(target, MaterialisedSplit.FileName))))
        {
            throw new UsageException(
                $"{folder}: expected an empty folder or one that 'mim data materialise' wrote, found other files. Choose another --out.");
        }
        var data = split == SplitName.Train ? dataset.TrainingRows(epoch) : dataset.Load(split, epoch);
        Directory.CreateDirectory(
            Path.GetDirectoryName(target) ?? throw new UsageException($"{folder}: expected a folder to write, found the root."));
        var temporary = $"{target}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(temporary);
            var written = Write(dataset, data, split, epoch, seed, temporary);
            var replaced = $"{temporary}.old";
            if (Directory.Exists(target))
            {
                Directory.Move(target, replaced);
            }
            Directory.Move(temporary, target);
            if (Directory.Exists(replaced))
            {
                Directory.Delete(replaced, recursive: true);
            }
            return written;
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    public static string ToJson(MaterialisedSplit split) => JsonSerializer.Serialize(split, s_json);

    static MaterialisedSplit Write(Dataset dataset, DataSplit data, SplitName split, int epoch, long seed, string folder)
    {
        List<PackageFile> files = [];
        void Add(string name, NpyArray array)
        {
            var path = Path.Combine(folder, name);
            Npy.Write(path, array);
            files.Add(new PackageFile(name, Hashes.Sha256(path), new FileInfo(path).Length));
        }
        Add("x.npy", NpyArray.From(data.X, [data.Rows, .. dataset.XShape]));
        if (data.Labels is { } labels)
        {
            Add("labels.npy", NpyArray.From(labels, data.Rows));
        }
        if (data.Factors is { } factors)
        {
            Add("factors.npy", NpyArray.From(factors, data.Rows, dataset.FactorNames.Count));
        }
        var written = new MaterialisedSplit
        {
            Name = dataset.Name,
            DatasetSha256 = dataset.Sha256,
            Split = split,
            Seed = seed,
            Epoch = epoch,
            Rows = data.Rows,
            XShape = dataset.XShape,
            LabelNames = dataset.LabelNames,
            FactorNames = dataset.FactorNames is { Count: > 0 } names ? names : null,
            Schema = dataset.Schema,
            Files = files,
        };
        AtomicFile.WriteText(Path.Combine(folder, MaterialisedSplit.FileName), ToJson(written) + "\n");
        return written;
    }
}
