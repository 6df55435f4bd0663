using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// The Open Inference Protocol v2 over HTTP. A served package is one model, <c>NAME</c> (x → z_mean, z_log_var; z is decoded, too), and with a decoder a
/// second, <c>NAME.decoder</c> (z → x_mean, …). Errors are <c>{"error": …}</c>; <c>openapi.json</c> says which status means what.
/// </summary>
static class OpenInference
{
    const string Platform = "onnx_onnxv1";
    const string Float32 = "FP32";
    const string OpenApi = "openapi.json";
    const string Index = "/v2/repository/index";
    const string Load = "/v2/repository/models/{model}/load";

    /// <summary>What of Triton's extensions there is.</summary>
    static readonly string[] s_extensions = ["binary_tensor_data", "model_configuration", "model_repository", "statistics"];

    static readonly byte[] s_openApi = Resource(OpenApi);

    public static void Map(WebApplication app, ServedModel served, PrometheusMetrics metrics, InferenceOptions options)
    {
        InferEndpoint infer = new(served, options);
        RepositoryEndpoints repository = new(served, options);
        List<(string Method, string Pattern, RequestDelegate Handle)> routes =
        [
            .. Probes(served, metrics),
            ("GET", "/v2", context => ResponseJson.Write(context, 200, WriteServer)),
            ("POST", Index, repository.IndexAsync),
            ("POST", Load, repository.LoadAsync),
            ("POST", "/v2/repository/models/{model}/unload", repository.UnloadAsync),
            ("GET", "/v2/models/stats", context => StatisticsEndpoints.Handle(context, served)),
            ("GET", $"/{OpenApi}", OpenApiAsync),
        ];
        foreach (var model in (string[])["/v2/models/{model}", "/v2/models/{model}/versions/{version}"])
        {
            routes.Add(("GET", model, context => Of(context, served, (json, target) => WriteModel(json, target, served.Slots))));
            routes.Add(("GET", $"{model}/ready", context => ModelReadyAsync(context, served)));
            routes.Add(("GET", $"{model}/config", context => Of(context, served, (json, target) => WriteConfig(json, target, options))));
            routes.Add(("GET", $"{model}/stats", context => StatisticsEndpoints.Handle(context, served)));
            routes.Add(("POST", $"{model}/infer", infer.HandleAsync));
        }
        Map(app, routes, $"/v2/...; /{OpenApi} lists them");
    }

    /// <summary>What a worker answers that takes no rows over HTTP: whether it lives and works, what it has measured, which model it has and shall have.</summary>
    public static void MapWithoutInfer(WebApplication app, ServedModel served, PrometheusMetrics metrics, InferenceOptions options)
    {
        RepositoryEndpoints repository = new(served, options);
        (string Method, string Pattern, RequestDelegate Handle)[] routes =
        [
            .. Probes(served, metrics),
            ("POST", Index, repository.IndexAsync),
            ("POST", Load, repository.LoadAsync),
        ];
        Map(app, routes, string.Join(", ", routes.Select(route => route.Pattern)));
    }

    static (string Method, string Pattern, RequestDelegate Handle)[] Probes(ServedModel served, PrometheusMetrics metrics) =>
    [
        ("GET", "/v2/health/live", context => ResponseJson.Write(context, 200, json => WriteReady(json, true))),
        ("GET", "/v2/health/ready", context => ReadyAsync(context, served)),
        ("GET", "/metrics", metrics.HandleAsync),
    ];

    static void Map(WebApplication app, IReadOnlyCollection<(string Method, string Pattern, RequestDelegate Handle)> routes, string known)
    {
        foreach (var (method, pattern, handle) in routes)
        {
            app.MapMethods(pattern, [method], handle);
        }
        foreach (var pattern in routes.GroupBy(route => route.Pattern, route => route.Method))
        {
            // Chosen when no route of this path takes the method.
            app.Map(pattern.Key, (RequestDelegate)(context => NoMethod(context, [.. pattern])));
        }
        app.MapFallback("{**path}", context =>
            ResponseJson.Error(context, 404, $"{context.Request.Method} {context.Request.Path}: no such endpoint; expected {known}."));
    }

    public static Task NotReady(HttpContext context) => ResponseJson.Later(context, 503, "the model is not in service yet.");

    public static void WriteSpace(Utf8JsonWriter json, ModelManifest manifest) => json.WriteString("space_id", manifest.SpaceId);

    /// <summary>Leaves the object open.</summary>
    public static void WriteTensor(Utf8JsonWriter json, string name, int rows, ReadOnlySpan<int> shape)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("datatype", Float32);
        json.WriteStartArray("shape");
        json.WriteNumberValue(rows);
        foreach (var size in shape)
        {
            json.WriteNumberValue(size);
        }
        json.WriteEndArray();
    }

    static Task Of(HttpContext context, ServedModel served, Action<Utf8JsonWriter, ModelTarget> members) =>
        ModelTarget.TryFind(context, served, out var target, out var refusal) ? ResponseJson.Write(context, 200, json => members(json, target)) : refusal;

    static async Task ReadyAsync(HttpContext context, ServedModel served)
    {
        var ready = await served.IsReadyAsync(context.RequestAborted);
        await ResponseJson.Write(context, ready ? 200 : 503, json => WriteReady(json, ready));
    }

    /// <summary>A version in the path may be the previous one, which is as ready as its own golden rows say.</summary>
    static async Task ModelReadyAsync(HttpContext context, ServedModel served)
    {
        if (served.Current is null)
        {
            await ReadyAsync(context, served);
        }
        else if (!ModelTarget.TryFind(context, served, out var target, out var refusal))
        {
            await refusal;
        }
        else
        {
            var ready = await served.IsReadyAsync(target.Model, context.RequestAborted);
            await ResponseJson.Write(context, ready ? 200 : 503, json => WriteReady(json, ready));
        }
    }

    static Task OpenApiAsync(HttpContext context)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = s_openApi.Length;
        return context.Response.Body.WriteAsync(s_openApi, context.RequestAborted).AsTask();
    }

    static Task NoMethod(HttpContext context, string[] allowed)
    {
        context.Response.Headers.Allow = string.Join(", ", allowed);
        return ResponseJson.Error(context, 405, $"{context.Request.Path}: expected {string.Join(" or ", allowed)}, found {context.Request.Method}.");
    }

    static void WriteServer(Utf8JsonWriter json)
    {
        json.WriteString("name", "mim");
        json.WriteString("version", Assembly.GetExecutingAssembly().GetName().Version?.ToString(3));
        json.WriteStartArray("extensions");
        foreach (var extension in s_extensions)
        {
            json.WriteStringValue(extension);
        }
        json.WriteEndArray();
    }

    // The REST text says "live" where the gRPC message says "ready".
    static void WriteReady(Utf8JsonWriter json, bool ready)
    {
        json.WriteBoolean("live", ready);
        json.WriteBoolean("ready", ready);
    }

    static void WriteModel(Utf8JsonWriter json, ModelTarget target, ModelSlots slots)
    {
        var model = target.Graph.Model;
        json.WriteString("name", target.Name);
        json.WriteStartArray("versions");
        foreach (var version in slots.All.Select(model => model.Version).Distinct())
        {
            json.WriteStringValue(version);
        }
        json.WriteEndArray();
        json.WriteString("platform", Platform);
        json.WriteStartArray("inputs");
        WriteTensor(json, model.Input, -1, model.InputShape);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartArray("outputs");
        for (var i = 0; i < model.Outputs.Count; i++)
        {
            WriteTensor(json, model.Outputs[i], -1, model.OutputShape(i));
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("parameters");
        WriteSpace(json, target.Manifest);
        json.WriteEndObject();
    }

    /// <summary>Triton's model configuration, as far as it says something here.</summary>
    static void WriteConfig(Utf8JsonWriter json, ModelTarget target, InferenceOptions options)
    {
        var model = target.Graph.Model;
        json.WriteString("name", target.Name);
        json.WriteString("platform", "onnxruntime_onnx");
        json.WriteString("backend", "onnxruntime");
        json.WriteNumber("max_batch_size", model.Buffers.MaxRows);
        json.WriteStartArray("input");
        WriteConfigured(json, model.Input, model.InputShape);
        json.WriteEndArray();
        json.WriteStartArray("output");
        for (var i = 0; i < model.Outputs.Count; i++)
        {
            WriteConfigured(json, model.Outputs[i], model.OutputShape(i));
        }
        json.WriteEndArray();
        json.WriteStartArray("instance_group");
        json.WriteStartObject();
        json.WriteNumber("count", 1);
        json.WriteString("kind", model.Device == Device.Cuda ? "KIND_GPU" : "KIND_CPU");
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartObject("dynamic_batching");
        json.WriteStartObject("default_queue_policy");
        json.WriteNumber("max_queue_size", options.QueueCapacity);
        json.WriteBoolean("allow_timeout_override", true);
        json.WriteEndObject();
        json.WriteNumber("max_queue_delay_microseconds", options.LingerMilliseconds * 1000);
        json.WriteEndObject();
    }

    static void WriteConfigured(Utf8JsonWriter json, string name, ReadOnlySpan<int> shape)
    {
        json.WriteStartObject();
        json.WriteString("name", name);
        json.WriteString("data_type", "TYPE_FP32");
        json.WriteStartArray("dims");
        foreach (var size in shape)
        {
            json.WriteNumberValue(size);
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    static byte[] Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name) ?? throw new UnreachableException(name);
        using MemoryStream bytes = new();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }
}
