using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Mim.Inference;

/// <summary>The answer to an infer request: JSON, and behind it the outputs that are to be binary, from where the batcher wrote them.</summary>
static class InferAnswer
{
    /// <summary>The calls below come in an order that is right.</summary>
    static readonly JsonWriterOptions s_unchecked = new() { SkipValidation = true };

    /// <summary>JSON has no NaN, and an embedding with one poisons whatever stores it.</summary>
    public static string? NonFinite(OnnxModel model, InferOutputs outputs)
    {
        for (var i = 0; i < outputs.Values.Length; i++)
        {
            var at = outputs.Values[i].Span.IndexOfAnyExceptInRange(float.MinValue, float.MaxValue);
            if (at >= 0)
            {
                return $"{model.Input}[{at / model.Buffers.OutputWidths[i]}]: {model.Outputs[i]} is not finite for this row: "
                    + "a value far outside the training data overflows.";
            }
        }
        return null;
    }

    public static async Task WriteAsync(HttpContext context, ModelTarget target, InferRequest request, OnnxModel model, InferOutputs outputs, int rows)
    {
        using ResponseJson header = new();
        using (var json = new Utf8JsonWriter(header, s_unchecked))
        {
            Write(json, target, request, model, outputs, rows);
        }
        var (response, length) = (context.Response, (long)header.Written.Length);
        var binary = 0L;
        for (var i = 0; i < outputs.Values.Length; i++)
        {
            binary += outputs.IsBinary(i) ? outputs.Values[i].Length * (long)sizeof(float) : 0;
        }
        response.ContentType = binary == 0 ? "application/json" : "application/octet-stream";
        response.ContentLength = length + binary;
        if (binary > 0)
        {
            response.Headers[InferEndpoint.HeaderLength] = length.ToString(CultureInfo.InvariantCulture);
        }
        response.BodyWriter.Write(header.Written.Span);
        for (var i = 0; i < outputs.Values.Length; i++)
        {
            if (outputs.IsBinary(i))
            {
                response.BodyWriter.Write(MemoryMarshal.AsBytes(outputs.Values[i].Span));
            }
        }
        await response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    static void Write(Utf8JsonWriter json, ModelTarget target, InferRequest request, OnnxModel model, InferOutputs outputs, int rows)
    {
        json.WriteStartObject();
        json.WriteString("model_name", target.Name);
        json.WriteString("model_version", target.Model.Version);
        if (request.Id is { } id)
        {
            json.WriteString("id", id);
        }
        json.WriteStartObject("parameters");
        OpenInference.WriteSpace(json, target.Manifest);
        json.WriteEndObject();
        json.WriteStartArray("outputs");
        for (var i = 0; i < outputs.Values.Length; i++)
        {
            if (outputs.Values[i].IsEmpty)
            {
                continue;
            }
            OpenInference.WriteTensor(json, model.Outputs[i], rows, model.OutputShape(i));
            if (outputs.IsBinary(i))
            {
                json.WriteStartObject("parameters");
                json.WriteNumber("binary_data_size", outputs.Values[i].Length * (long)sizeof(float));
                json.WriteEndObject();
            }
            else
            {
                json.WriteStartArray("data");
                foreach (var value in outputs.Values[i].Span)
                {
                    json.WriteNumberValue(value);
                }
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
