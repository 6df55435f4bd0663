using System.Text.Json;
using System.Text.Json.Serialization;
using Mim.Models;

namespace Mim.Downstream;

/// <summary>metrics.json: one flat object for the pipeline's gates and comparison. A metric that is undefined is absent.</summary>
static class MetricsFile
{
    public const string FileName = "metrics.json";

    static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        WriteIndented = true,
        NewLine = "\n",
    };

    public static string ToJson(DownstreamManifest manifest) => JsonSerializer.Serialize(
        new
        {
            manifest.Metrics.Nmi,
            manifest.Metrics.AverageDistance,
            manifest.Metrics.DaviesBouldin,
            manifest.Metrics.MicroAccuracy,
            manifest.Metrics.MacroAccuracy,
            manifest.Metrics.LogLoss,
            manifest.Metrics.LogLossReduction,
            manifest.Clusters,
            Rows = manifest.TrainRows + manifest.TestRows,
            manifest.TrainRows,
            manifest.TestRows,
            manifest.Seed,
            manifest.SpaceId,
            manifest.Engine,
        },
        s_json);

    public static void Write(string path, DownstreamManifest manifest) => AtomicFile.WriteText(path, ToJson(manifest) + "\n");
}
