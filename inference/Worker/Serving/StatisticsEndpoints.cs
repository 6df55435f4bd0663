using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Mim.Inference;

/// <summary>
/// Triton's statistics extension. Times are in nanoseconds; a compute time counts runs, not requests, and failures include what was dropped, cancelled or
/// abandoned. Nothing is cached, so hits and misses are zero.
/// </summary>
static class StatisticsEndpoints
{
    /// <summary>Both slots, or in a model's path the one that it names.</summary>
    public static Task Handle(HttpContext context, ServedModel served)
    {
        if (context.Request.RouteValues["model"] is null)
        {
            return Write(context, served.Slots.All.SelectMany(Of));
        }
        return ModelTarget.TryFind(context, served, out var target, out var refusal) ? Write(context, [(target.Name, target.Model.Version, target.Graph)]) : refusal;
    }

    static IEnumerable<(string Name, string Version, ServedGraph Graph)> Of(LoadedModel model)
    {
        yield return (model.Manifest.Name, model.Version, model.Encoder);
        if (model.Decoder is { } decoder)
        {
            yield return (ModelTarget.DecoderOf(model.Manifest.Name), model.Version, decoder);
        }
    }

    static Task Write(HttpContext context, IEnumerable<(string Name, string Version, ServedGraph Graph)> models) => ResponseJson.Write(context, 200, json =>
    {
        json.WriteStartArray("model_stats");
        foreach (var (name, version, graph) in models)
        {
            var statistics = graph.Batcher.Statistics;
            json.WriteStartObject();
            json.WriteString("name", name);
            json.WriteString("version", version);
            json.WriteNumber("last_inference", statistics.LastRun);
            json.WriteNumber("inference_count", statistics.Rows);
            json.WriteNumber("execution_count", statistics.Infer.Count);
            json.WriteStartObject("inference_stats");
            Write(json, "success", statistics.Success);
            Write(json, "fail", statistics.Fail);
            Write(json, "queue", statistics.Queue);
            Write(json, "compute_input", statistics.Input);
            Write(json, "compute_infer", statistics.Infer);
            Write(json, "compute_output", statistics.Output);
            Write(json, "cache_hit", null);
            Write(json, "cache_miss", null);
            json.WriteEndObject();
            json.WriteStartArray("batch_stats");
            foreach (var size in statistics.Sizes)
            {
                json.WriteStartObject();
                json.WriteNumber("batch_size", size.Rows);
                Write(json, "compute_input", size.Input);
                Write(json, "compute_infer", size.Infer);
                Write(json, "compute_output", size.Output);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    static void Write(Utf8JsonWriter json, string name, TimedCount? time)
    {
        json.WriteStartObject(name);
        json.WriteNumber("count", time?.Count ?? 0);
        json.WriteNumber("ns", time?.Nanoseconds ?? 0);
        json.WriteEndObject();
    }
}
