using System.Reflection;
using Microsoft.ML;
using Mim.Models;

namespace Mim.Downstream;

/// <summary>downstream.json: which space the model files belong to, how they came about, how good they are. Written last, so that a folder with it is whole.</summary>
public sealed record DownstreamManifest
{
    public const string FileName = "downstream.json";

    public required string SpaceId { get; init; }

    /// <summary>The embedding model's name; empty where the embeddings file does not carry it.</summary>
    public required string Model { get; init; }

    public required int Dims { get; init; }

    /// <summary>The ML.NET that wrote the model files.</summary>
    public required string Engine { get; init; }

    public required string Embeddings { get; init; }

    /// <summary>Null where the test rows were split off <see cref="Embeddings"/>.</summary>
    public required string? TestEmbeddings { get; init; }

    public required double? TestFraction { get; init; }

    public required int Seed { get; init; }

    public required int TrainRows { get; init; }

    public required int TestRows { get; init; }

    public required int Clusters { get; init; }

    /// <summary>Test rows by cluster.</summary>
    public required IReadOnlyList<int> ClusterRows { get; init; }

    /// <summary>The classes in the order of their probabilities; null without a classifier.</summary>
    public required IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Test rows by actual class (outer) and predicted class.</summary>
    public required IReadOnlyList<IReadOnlyList<int>>? ConfusionMatrix { get; init; }

    public required DownstreamMetrics Metrics { get; init; }

    public required IReadOnlyList<PackageFile> Files { get; init; }

    /// <summary>Name and version of the ML.NET that this process runs on.</summary>
    public static string CurrentEngine()
    {
        var version = typeof(MLContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "of unknown version";
        return $"Microsoft.ML {version.Split('+')[0]}";
    }
}
