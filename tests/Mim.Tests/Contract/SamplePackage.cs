using System.Text.Json.Nodes;
using Mim.Models;

namespace Mim.Tests.Contract;

/// <summary>A small valid package, and ways to spoil it without the hashes giving it away.</summary>
static class SamplePackage
{
    public static ModelManifest Manifest { get; } = new()
    {
        Name = "sample",
        Kind = ModelManifest.Autoencoder,
        XShape = [3],
        ZSize = 2,
        Likelihood = ModelManifest.Gaussian,
        LogVarFloor = LogVarFloor.Additive(1e-6),
        Preprocessing = [new PreprocessingStep { Kind = PreprocessingStep.Standardise, A = [1, 2, 3], B = [1, 2, 4] }],
        Objective = new ModelObjective("mim", "marginal", "same_z", 1, 1),
        Dataset = new ModelDataset("toy4_20", new string('a', 64)),
        Seed = 1,
        Engines = new Dictionary<string, string> { ["torch"] = "none: a test" },
        TrainingCommit = null,
        StageKey = null,
        MinimumOnnxRuntime = "1.14.0",
        Metrics = new Dictionary<string, double> { ["knn5_accuracy"] = 0.99 },
    };

    static readonly Lazy<Dictionary<string, byte[]>> s_files = new(() =>
    {
        using var folder = new TemporaryFolder();
        Write(folder["package"]);
        return Directory.EnumerateFiles(folder["package"], "*", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(folder["package"], file), File.ReadAllBytes);
    });

    /// <summary>The package that <see cref="Write"/> writes, without waiting for the disk.</summary>
    public static void Copy(string folder)
    {
        foreach (var (path, bytes) in s_files.Value)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder, path))!);
            File.WriteAllBytes(Path.Combine(folder, path), bytes);
        }
    }

    public static ModelManifest Write(string folder, string name = "sample", float weight = 0.5f) => ModelPackage.Write(
        folder,
        Manifest with { Name = name },
        OnnxModelBuilder.Encoder(weight).ToBytes(),
        OnnxModelBuilder.Decoder().ToBytes(),
        Goldens(),
        "# sample\n");

    /// <summary>Right in shape, arbitrary in value: no engine replays them here.</summary>
    public static IReadOnlyList<Golden> Goldens() =>
    [
        .. Golden.RowCounts.Select(rows => new Golden(rows, new Dictionary<string, float[]>
        {
            [TensorNames.X] = Values(rows * 3),
            [TensorNames.ZMean] = Values(rows * 2),
            [TensorNames.ZLogVar] = Values(rows * 2),
            [TensorNames.Z] = Values(rows * 2),
            [TensorNames.XMean] = Values(rows * 3),
            [TensorNames.XLogVar] = Values(rows * 3),
        })),
    ];

    /// <summary>Puts other bytes in a file's place and makes the manifest agree, so that only what is in them can give them away.</summary>
    public static void Replace(string folder, string path, byte[] bytes)
    {
        var full = Path.Combine(folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllBytes(full, bytes);
        Edit(folder, manifest =>
        {
            var files = manifest["files"]!.AsArray();
            files.Remove(files.FirstOrDefault(file => (string?)file!["path"] == path));
            files.Add(new JsonObject { ["path"] = path, ["sha256"] = Hashes.Sha256(bytes), ["size"] = bytes.LongLength });
        });
    }

    public static void Edit(string folder, Action<JsonObject> edit)
    {
        var path = Path.Combine(folder, ModelManifest.FileName);
        var manifest = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        edit(manifest);
        File.WriteAllText(path, manifest.ToJsonString());
    }

    public static void EditText(string folder, string old, string replacement)
    {
        var path = Path.Combine(folder, ModelManifest.FileName);
        var text = File.ReadAllText(path);
        Assert.Contains(old, text, StringComparison.Ordinal);
        File.WriteAllText(path, text.Replace(old, replacement, StringComparison.Ordinal));
    }

    static float[] Values(int count) => [.. Enumerable.Range(0, count).Select(i => i * 0.25f - 1)];
}
