using System.Globalization;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Mim.Models;

namespace Mim.Inference;

/// <summary>Infer: body to tensor, tensor through the batcher, answer. Requests at once, body and rows are bounded.</summary>
sealed class InferEndpoint(ServedModel served, InferenceOptions options)
{
    public const string HeaderLength = "Inference-Header-Content-Length";
    const string Float32 = "FP32";

    /// <summary>A year, in microseconds: more than that is no timeout.</summary>
    const long MaxTimeout = 365L * 24 * 3600 * 1_000_000;

    readonly ByteBudget _bodies = new(options.MaxBodyBytes);
    int _running;

    public async Task HandleAsync(HttpContext context)
    {
        if (Interlocked.Increment(ref _running) > options.MaxConcurrentRequests)
        {
            Interlocked.Decrement(ref _running);
            await ResponseJson.Later(context, 429, $"{options.MaxConcurrentRequests} requests are being answered; try again later.");
            return;
        }
        try
        {
            await InferAsync(context);
        }
        catch (Exception e) when (e is ConnectionResetException || (e is OperationCanceledException && context.RequestAborted.IsCancellationRequested))
        {
            // Nobody is left to answer.
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    async Task InferAsync(HttpContext context)
    {
        if (!ModelTarget.TryFind(context, served, out var target, out var refusal))
        {
            await refusal;
            return;
        }
        if (context.Request.Headers.ContentEncoding is [{ Length: > 0 } encoding, ..] && encoding != "identity")
        {
            await ResponseJson.Error(context, 415, $"Content-Encoding: expected none, found '{encoding}'; send the body as it is.");
            return;
        }
        if (!TryHeaderLength(context.Request, out var headerLength))
        {
            await ResponseJson.Error(context, 400, $"{HeaderLength}: expected the bytes of the JSON in the body, found '{context.Request.Headers[HeaderLength]}'.");
            return;
        }
        var (body, isTooLong) = await InferBody.ReadAsync(context.Request, headerLength, options.MaxRequestBytes, _bodies);
        if (body is null)
        {
            await (isTooLong
                ? ResponseJson.Error(context, 413, $"the body is longer than {options.MaxRequestBytes} bytes; send fewer rows.")
                : ResponseJson.Later(context, 429, $"the bodies of other requests take the {options.MaxBodyBytes} bytes that there are for them; try again later."));
            return;
        }
        using var held = body;
        InferRequest request;
        try
        {
            if (headerLength > body.Header.Length)
            {
                throw new InvalidDataException($"{HeaderLength}: expected at most {body.Header.Length}, the bytes of the body, found {headerLength}.");
            }
            request = InferRequest.Parse(body);
        }
        catch (InvalidDataException e)
        {
            await ResponseJson.Error(context, 400, e.Message);
            return;
        }
        using (request)
        {
            await InferAsync(context, target, request);
        }
    }

    async Task InferAsync(HttpContext context, ModelTarget target, InferRequest request)
    {
        using var activity = Tracing.Source.StartActivity("infer");
        ServedGraph graph;
        InferOutputs outputs;
        int rows;
        try
        {
            graph = Graph(target, request.Input.Name);
            rows = Rows(request.Input, graph, target.Manifest);
            if (rows > options.QueueCapacity)
            {
                await ResponseJson.Error(context, 413, $"{rows} rows are more than the queue holds ({options.QueueCapacity}); send fewer in one request.");
                return;
            }
            outputs = new InferOutputs(request, graph.Model, rows);
        }
        catch (InvalidDataException e)
        {
            await ResponseJson.Error(context, 400, e.Message);
            return;
        }
        using (outputs)
        {
            if (!graph.Batcher.TryRun(request.Input.Data, rows, outputs.Values, Patience(request), context.RequestAborted, out var completion))
            {
                // A model that left service after this request had found it: the one that came takes over.
                if (graph.Batcher.IsStopping && served.Current is { } current && current != target.Model)
                {
                    await (ModelTarget.TryFind(context, served, out var next, out var gone) ? InferAsync(context, next, request) : gone);
                    return;
                }
                await (graph.Batcher.IsStopping
                    ? ResponseJson.Later(context, 503, "the worker is stopping.")
                    : ResponseJson.Later(context, 429, $"the queue is full ({options.QueueCapacity} rows); try again later."));
                return;
            }
            activity?.SetTag("model", target.Name).SetTag("version", target.Model.Version).SetTag("space_id", target.Manifest.SpaceId).SetTag("rows", rows);
            try
            {
                await completion;
            }
            catch (TimeoutException e)
            {
                await ResponseJson.Error(context, graph.Batcher.IsStopping ? 503 : 504, e.Message);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                await ResponseJson.Error(context, 500, $"the engine failed: {e.Message}");
                return;
            }
            await (InferAnswer.NonFinite(graph.Model, outputs) is { } fault
                ? ResponseJson.Error(context, 400, fault)
                : InferAnswer.WriteAsync(context, target, request, graph.Model, outputs, rows));
        }
    }

    /// <summary>Triton's timeout is in microseconds, and 0 is none.</summary>
    static TimeSpan Patience(InferRequest request) =>
        request.Timeout is > 0 and <= MaxTimeout and var timeout ? TimeSpan.FromMicroseconds(timeout) : Timeout.InfiniteTimeSpan;

    static bool TryHeaderLength(HttpRequest request, out int? length)
    {
        length = null;
        if (request.Headers[HeaderLength] is not [var text])
        {
            return request.Headers[HeaderLength].Count == 0;
        }
        var valid = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes);
        length = bytes;
        return valid;
    }

    static ServedGraph Graph(ModelTarget target, string? input)
    {
        if (input is null || input == target.Graph.Model.Input)
        {
            return target.Graph;
        }
        if (target.DecodesOnly)
        {
            throw new InvalidDataException($"unknown input '{input}'; expected {TensorNames.Z}.");
        }
        return target.Model.Graph(input) ?? throw new InvalidDataException($"unknown input '{input}'; expected {TensorNames.X}{Decoding(target.Model.Package)}.");
    }

    static string Decoding(ModelPackage package) => package.Decoder is null ? ""
        : package.Manifest.Autoregressive ? $". {TensorNames.Z} is decoded element by element, which takes too long here: use 'mim decode'"
        : $" (to encode) or {TensorNames.Z} (to decode)";

    /// <summary>Checks datatype, shape and values, and returns the number of rows.</summary>
    static int Rows(InferTensor input, ServedGraph graph, ModelManifest manifest)
    {
        var (name, width) = (graph.Model.Input, graph.Model.Buffers.InputWidth);
        if (input.Datatype != Float32)
        {
            throw new InvalidDataException($"{name}: expected datatype {Float32}, found {input.Datatype}.");
        }
        if (input.Shape is null && (input.Data.Length == 0 || input.Data.Length % width != 0))
        {
            throw new InvalidDataException($"{name}: expected rows of {width} values, found {input.Data.Length} values.");
        }
        var rows = input.Shape is { } shape ? Rows(shape, graph.Model) : input.Data.Length / width;
        if (input.Data.Length != (long)rows * width)
        {
            throw new InvalidDataException(
                $"{name}: expected {(long)rows * width} values for shape [{string.Join(", ", input.Shape ?? [])}], found {input.Data.Length}.");
        }
        if (name == TensorNames.Z && input.SpaceId is { } space && space != manifest.SpaceId)
        {
            throw new InvalidDataException($"{name}: expected codes of space {manifest.SpaceId}, found space '{space}'. Encode the data again with this model.");
        }
        return graph.Contract.BadValue(input.Data.Span) is { } bad
            ? throw new InvalidDataException($"{name}[{bad.Index / width}][{bad.Index % width}]: {bad.Fault}")
            : rows;
    }

    static int Rows(long[] shape, OnnxModel model) =>
        shape is [>= 1 and <= int.MaxValue and var rows, .. var row] && (row is [var flat] && flat == model.Buffers.InputWidth || IsShape(row, model.InputShape))
            ? (int)rows
            : throw new InvalidDataException($"{model.Input}: expected shape [batch, {string.Join(", ", model.InputShape.ToArray())}] with a batch of 1 or more, "
                + $"found [{string.Join(", ", shape)}].");

    static bool IsShape(ReadOnlySpan<long> found, ReadOnlySpan<int> expected)
    {
        if (found.Length != expected.Length)
        {
            return false;
        }
        for (var i = 0; i < found.Length; i++)
        {
            if (found[i] != expected[i])
            {
                return false;
            }
        }
        return true;
    }
}
