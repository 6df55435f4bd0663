using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.ML.OnnxRuntime;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Triton's model repository extension for the one model of this worker: <c>index</c> lists its versions in the store, <c>load</c> puts one in service
/// while the requests of the other go on, <c>unload</c> takes it out. Names and versions of the store alone: nobody can make the worker open a path.
/// </summary>
sealed class RepositoryEndpoints(ServedModel served, InferenceOptions options)
{
    const int MaxBytes = 1 << 16;

    public async Task IndexAsync(HttpContext context)
    {
        if (await ReadAsync(context, "ready") is not { } body)
        {
            return;
        }
        var readyOnly = body.TryGetValue("ready", out var ready) && ready.ValueKind == JsonValueKind.True;
        var inService = served.Slots.All.Select(model => model.Version).ToList();
        var versions = inService.Concat(readyOnly ? [] : served.Stored.Except(inService)).ToList();
        await ResponseJson.Write(context, 200, json =>
        {
            json.WriteStartArray();
            foreach (var version in versions)
            {
                json.WriteStartObject();
                json.WriteString("name", served.Name);
                json.WriteString("version", version);
                json.WriteString("state", inService.Contains(version) ? "READY" : "UNAVAILABLE");
                json.WriteString("reason", !inService.Contains(version) ? "not loaded" : version == inService[0] ? "in service" : "previous");
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }, "application/json");
    }

    public async Task LoadAsync(HttpContext context)
    {
        if (await RefusalAsync(context) || await ReadAsync(context, "parameters") is not { } body)
        {
            return;
        }
        string? version = null;
        if (body.TryGetValue("parameters", out var parameters))
        {
            if (parameters.ValueKind != JsonValueKind.Object || parameters.EnumerateObject().Any(given => given.Name != "version" || given.Value.ValueKind != JsonValueKind.String))
            {
                await ResponseJson.Error(context, 400, $"parameters: expected {{\"version\": \"...\"}} or nothing, found {parameters.GetRawText()}.");
                return;
            }
            version = parameters.TryGetProperty("version", out var given) ? given.GetString() : null;
        }
        try
        {
            var result = await served.LoadAsync(version, context.RequestAborted);
            await (result == SwapResult.Busy
                ? Busy(context)
                : ResponseJson.Write(context, 200, json =>
                {
                    json.WriteString("result", result.ToString().ToLowerInvariant());
                    json.WriteString("version", served.Current?.Version);
                    json.WriteString("space_id", served.Current?.Manifest.SpaceId);
                }));
        }
        catch (UsageException e)
        {
            await ResponseJson.Error(context, 404, e.Message);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            await ResponseJson.Error(context, 422, $"the model in service stays: {e.Message}");
        }
        catch (OnnxRuntimeException e)
        {
            await ResponseJson.Error(context, 500, $"the model in service stays: the engine failed: {e.Message}");
        }
    }

    public async Task UnloadAsync(HttpContext context)
    {
        if (!await RefusalAsync(context))
        {
            await (await served.UnloadAsync(CancellationToken.None) ? ResponseJson.Write(context, 200, _ => { }) : Busy(context));
        }
    }

    static Task Busy(HttpContext context) => ResponseJson.Error(context, 409, "another model is being loaded; try again when it is.");

    async Task<bool> RefusalAsync(HttpContext context)
    {
        if (!options.ModelControl)
        {
            await ResponseJson.Error(context, 403, "this worker keeps its model; start it with --model-control to change that over HTTP.");
            return true;
        }
        if (served.Name is null)
        {
            await OpenInference.NotReady(context);
            return true;
        }
        if ((string?)context.Request.RouteValues["model"] != served.Name)
        {
            await ResponseJson.Error(context, 404, $"unknown model; this worker serves '{served.Name}' and no other.");
            return true;
        }
        return false;
    }

    /// <summary>The members of the body, which may be empty; null after an answer that refuses it.</summary>
    static async Task<Dictionary<string, JsonElement>?> ReadAsync(HttpContext context, string known)
    {
        var (body, _) = await InferBody.ReadAsync(context.Request, null, MaxBytes, new ByteBudget(MaxBytes));
        if (body is null)
        {
            await ResponseJson.Error(context, 413, $"the body is longer than {MaxBytes} bytes.");
            return null;
        }
        using var held = body;
        if (body.Header.IsEmpty)
        {
            return [];
        }
        string? fault = null;
        Dictionary<string, JsonElement> members = [];
        try
        {
            using var document = JsonDocument.Parse(body.Header.ToArray());
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in document.RootElement.EnumerateObject())
                {
                    members[member.Name] = member.Value.Clone();
                    fault = member.Name == known ? fault : $"unknown key '{member.Name}'; expected {known}.";
                }
            }
            else
            {
                fault = $"expected a JSON object, found {document.RootElement.ValueKind}.";
            }
        }
        catch (JsonException e)
        {
            fault = $"not JSON: {StrictJson.Reason(e)}";
        }
        if (fault is not null)
        {
            await ResponseJson.Error(context, 400, fault);
            return null;
        }
        return members;
    }
}
