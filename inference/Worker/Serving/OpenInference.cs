using System.Buffers;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// The Open Inference Protocol v2 over HTTP with JSON tensors: x → z_mean, z_log_var; z → x_mean, … Errors are <c>{"error": …}</c> with
/// 400 bad tensor, 404 unknown model or path, 413 too large, 429 queue full, 500 the engine failed, 503 not ready or stopping.
/// </summary>
static class OpenInference
{
    const string Platform = "onnx_onnxv1";
    const string Float32 = "FP32";
    const string Json = "application/json";
    const string NoVersion = "unpublished";
    const int MaxFirstRead = 1 << 16;

    public static void Map(WebApplication app, ServedModel served, InferenceOptions options)
    {
        app.MapGet("/v2", context => Write(context, 200, WriteServer));
        app.MapGet("/v2/health/live", context => Write(context, 200, json => WriteReady(json, true)));
        app.MapGet("/v2/health/ready", context => ReadyAsync(context, served));
        foreach (var model in (string[])["/v2/models/{model}", "/v2/models/{model}/versions/{version}"])
        {
            app.MapGet(model, context => MetadataAsync(context, served));
            app.MapGet(model + "/ready", context => ReadyAsync(context, served));
            app.MapPost(model + "/infer", context => InferAsync(context, served, options));
        }
        app.MapFallback(context => Error(context, 404, $"{context.Request.Method} {context.Request.Path}: no such endpoint; expected /v2/..."));
    }

    static async Task ReadyAsync(HttpContext context, ServedModel served)
    {
        if (context.Request.RouteValues.ContainsKey("model") && served.Package is { } package && !IsServed(context, package))
        {
            await UnknownModel(context, package);
            return;
        }
        var ready = await served.IsReadyAsync(context.RequestAborted);
        await Write(context, ready ? 200 : 503, json => WriteReady(json, ready));
    }

    static Task MetadataAsync(HttpContext context, ServedModel served) =>
        served.Package is not { } package || served.Graph(TensorNames.X) is not { } encoder ? NotReady(context)
        : IsServed(context, package) ? Write(context, 200, json => WriteModel(json, package.Manifest, encoder.Model))
        : UnknownModel(context, package);

    static async Task InferAsync(HttpContext context, ServedModel served, InferenceOptions options)
    {
        if (served.Package is not { } package)
        {
            await NotReady(context);
            return;
        }
        if (!IsServed(context, package))
        {
            await UnknownModel(context, package);
            return;
        }
        if (await BodyAsync(context.Request, options.MaxRequestBytes) is not { } body)
        {
            await Error(context, 413, $"the body is longer than {options.MaxRequestBytes} bytes; send fewer rows.");
            return;
        }
        Memory<float>[] outputs;
        InferRequest request;
        ServedGraph graph;
        int rows;
        try
        {
            request = InferRequest.Parse(body.Span);
            graph = served.Graph(request.Input.Name) ?? throw new InvalidDataException(
                $"unknown input '{request.Input.Name}'; expected {TensorNames.X}{Decoding(package)}.");
            rows = Rows(request.Input, graph.Model, package.Manifest);
            if (rows > options.QueueCapacity)
            {
                await Error(context, 413, $"{rows} rows are more than the queue holds ({options.QueueCapacity}); send fewer in one request.");
                return;
            }
            outputs = Outputs(request.Outputs, graph.Model, rows);
        }
        catch (InvalidDataException e)
        {
            await Error(context, 400, e.Message);
            return;
        }
        if (!graph.Batcher.TryRun(request.Input.Data, rows, outputs, context.RequestAborted, out var completion))
        {
            context.Response.Headers.RetryAfter = "1";
            await (graph.Batcher.IsStopping
                ? Error(context, 503, "the worker is stopping.")
                : Error(context, 429, $"the queue is full ({options.QueueCapacity} rows); try again later."));
            return;
        }
        try
        {
            await completion;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await Error(context, 500, $"the engine failed: {e.Message}");
            return;
        }
        if (NonFinite(graph.Model, outputs) is { } fault)
        {
            await Error(context, 400, fault);
            return;
        }
        await Write(context, 200, json => WriteResponse(json, package.Manifest, request, graph.Model, outputs, rows));
    }

    static string Decoding(ModelPackage package) => package.Decoder is null ? ""
        : package.Manifest.Autoregressive ? $". {TensorNames.Z} is decoded element by element, which takes too long here: use 'mim decode'"
        : $" (to encode) or {TensorNames.Z} (to decode)";

    /// <summary>The body, or null when it is too long.</summary>
    static async Task<ReadOnlyMemory<byte>?> BodyAsync(HttpRequest request, int maxBytes)
    {
        if (request.ContentLength > maxBytes)
        {
            return null;
        }
        // The header is a claim: memory grows with what arrives.
        var buffer = new ArrayBufferWriter<byte>((int)Math.Min(request.ContentLength ?? 4096, MaxFirstRead) + 1);
        while (true)
        {
            var read = await request.Body.ReadAsync(buffer.GetMemory(4096), request.HttpContext.RequestAborted);
            if (read == 0)
            {
                return buffer.WrittenMemory;
            }
            buffer.Advance(read);
            if (buffer.WrittenCount > maxBytes)
            {
                return null;
            }
        }
    }

    /// <summary>Checks datatype, shape and values, and returns the number of rows.</summary>
    static int Rows(InferTensor input, OnnxModel model, ModelManifest manifest)
    {
        if (input.Datatype != Float32)
        {
            throw new InvalidDataException($"{input.Name}: expected datatype {Float32}, found {input.Datatype}.");
        }
        var width = model.Buffers.InputWidth;
        if (input.Shape is not [>= 1 and <= int.MaxValue and var rows, .. var row]
            || !(row is [var flat] && flat == width || row.AsSpan().SequenceEqual(Longs(model.InputShape))))
        {
            throw new InvalidDataException($"{input.Name}: expected shape [batch, {string.Join(", ", model.InputShape.ToArray())}] with a batch of 1 or more, "
                + $"found [{string.Join(", ", input.Shape)}].");
        }
        if (input.Data.Length != rows * width)
        {
            throw new InvalidDataException($"{input.Name}: expected {rows * width} values for shape [{string.Join(", ", input.Shape)}], found {input.Data.Length}.");
        }
        if (input.Name == TensorNames.Z && input.SpaceId is { } space && space != manifest.SpaceId)
        {
            throw new InvalidDataException($"{input.Name}: expected codes of space {manifest.SpaceId}, found space '{space}'. Encode the data again with this model.");
        }
        var contract = input.Name == TensorNames.X ? RowContract.Encode(manifest) : RowContract.Decode(manifest);
        return contract.BadValue(input.Data.Span) is { } bad
            ? throw new InvalidDataException($"{input.Name}[{bad.Index / width}][{bad.Index % width}]: {bad.Fault}")
            : (int)rows;
    }

    static long[] Longs(ReadOnlySpan<int> sizes)
    {
        var longs = new long[sizes.Length];
        for (var i = 0; i < longs.Length; i++)
        {
            longs[i] = sizes[i];
        }
        return longs;
    }

    static Memory<float>[] Outputs(IReadOnlyList<string>? wanted, OnnxModel model, int rows)
    {
        foreach (var name in wanted ?? [])
        {
            if (!model.Outputs.Contains(name))
            {
                throw new InvalidDataException($"unknown output '{name}'; expected {string.Join(", ", model.Outputs)}.");
            }
        }
        var outputs = new Memory<float>[model.Outputs.Count];
        for (var i = 0; i < outputs.Length; i++)
        {
            if (wanted is null || wanted.Contains(model.Outputs[i]))
            {
                var size = (long)rows * model.Buffers.OutputWidths[i];
                outputs[i] = size <= Array.MaxLength
                    ? new float[size]
                    : throw new InvalidDataException($"{model.Outputs[i]}: {rows} rows of {model.Buffers.OutputWidths[i]} values do not fit in memory; send fewer.");
            }
        }
        return outputs;
    }

    /// <summary>JSON has no NaN, and an embedding with one poisons whatever stores it.</summary>
    static string? NonFinite(OnnxModel model, Memory<float>[] outputs)
    {
        for (var i = 0; i < outputs.Length; i++)
        {
            var at = outputs[i].Span.IndexOfAnyExceptInRange(float.MinValue, float.MaxValue);
            if (at >= 0)
            {
                return $"{model.Input}[{at / model.Buffers.OutputWidths[i]}]: {model.Outputs[i]} is not finite for this row: "
                    + "a value far outside the training data overflows.";
            }
        }
        return null;
    }

    static bool IsServed(HttpContext context, ModelPackage package) =>
        (string?)context.Request.RouteValues["model"] == package.Manifest.Name
        && (context.Request.RouteValues["version"] is not string version || version == Version(package.Manifest));

    static string Version(ModelManifest manifest) => manifest.Version ?? NoVersion;

    static Task UnknownModel(HttpContext context, ModelPackage package) =>
        Error(context, 404, $"unknown model or version; this worker serves '{package.Manifest.Name}' version '{Version(package.Manifest)}'.");

    static Task NotReady(HttpContext context)
    {
        context.Response.Headers.RetryAfter = "1";
        return Error(context, 503, "the model is not in service yet.");
    }

    static Task Error(HttpContext context, int status, string message) => Write(context, status, json => json.WriteString("error", message));

    static async Task Write(HttpContext context, int status, Action<Utf8JsonWriter> members)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        context.Response.StatusCode = status;
        context.Response.ContentType = Json;
        context.Response.ContentLength = body.WrittenCount;
        await context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted);
    }

    static void WriteServer(Utf8JsonWriter json)
    {
        json.WriteString("name", "mim");
        json.WriteString("version", Assembly.GetExecutingAssembly().GetName().Version?.ToString(3));
        json.WriteStartArray("extensions");
        json.WriteEndArray();
    }

    // The REST text says "live" where the gRPC message says "ready".
    static void WriteReady(Utf8JsonWriter json, bool ready)
    {
        json.WriteBoolean("live", ready);
        json.WriteBoolean("ready", ready);
    }

    static void WriteModel(Utf8JsonWriter json, ModelManifest manifest, OnnxModel model)
    {
        json.WriteString("name", manifest.Name);
        json.WriteStartArray("versions");
        json.WriteStringValue(Version(manifest));
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
        WriteSpace(json, manifest);
    }

    static void WriteResponse(Utf8JsonWriter json, ModelManifest manifest, InferRequest request, OnnxModel model, Memory<float>[] outputs, int rows)
    {
        json.WriteString("model_name", manifest.Name);
        json.WriteString("model_version", Version(manifest));
        if (request.Id is { } id)
        {
            json.WriteString("id", id);
        }
        WriteSpace(json, manifest);
        json.WriteStartArray("outputs");
        for (var i = 0; i < outputs.Length; i++)
        {
            if (outputs[i].IsEmpty)
            {
                continue;
            }
            WriteTensor(json, model.Outputs[i], rows, model.OutputShape(i));
            json.WriteStartArray("data");
            foreach (var value in outputs[i].Span)
            {
                json.WriteNumberValue(value);
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    static void WriteSpace(Utf8JsonWriter json, ModelManifest manifest)
    {
        json.WriteStartObject("parameters");
        json.WriteString("space_id", manifest.SpaceId);
        json.WriteEndObject();
    }

    /// <summary>Leaves the object open.</summary>
    static void WriteTensor(Utf8JsonWriter json, string name, int rows, ReadOnlySpan<int> shape)
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
}
