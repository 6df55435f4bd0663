using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The model that a request's path names.</summary>
/// <param name="Model">Answers the request from its beginning to its end, whatever comes into service meanwhile.</param>
/// <param name="Graph">The graph of that name.</param>
/// <param name="DecodesOnly">The path names the decoder, and not the package, which takes x and z.</param>
sealed record ModelTarget(string Name, LoadedModel Model, ServedGraph Graph, bool DecodesOnly)
{
    /// <summary>No model's name has a dot in it.</summary>
    const string DecoderSuffix = ".decoder";

    public ModelManifest Manifest => Model.Manifest;

    /// <summary>What the decoder of a package is called.</summary>
    public static string DecoderOf(string model) => model + DecoderSuffix;

    /// <summary>Without a version in the path the model in service; with one that or the previous.</summary>
    /// <param name="refusal">The answer that says why there is none.</param>
    public static bool TryFind(
        HttpContext context, ServedModel served, [NotNullWhen(true)] out ModelTarget? target, [NotNullWhen(false)] out Task? refusal)
    {
        (target, refusal) = (null, null);
        if (served.Current is not { } current)
        {
            refusal = OpenInference.NotReady(context);
            return false;
        }
        var name = (string?)context.Request.RouteValues["model"];
        var model = context.Request.RouteValues["version"] is string version ? served.Slots.All.FirstOrDefault(model => model.Version == version) : current;
        if (model is not null)
        {
            target = name == model.Manifest.Name ? new(name, model, model.Encoder, DecodesOnly: false)
                : name == DecoderOf(model.Manifest.Name) && model.Decoder is { } decoder ? new(name, model, decoder, DecodesOnly: true)
                : null;
        }
        refusal = target is null
            ? ResponseJson.Error(context, 404,
                $"unknown model or version; this worker serves '{current.Manifest.Name}' version {string.Join(" and ", served.Slots.All.Select(known => $"'{known.Version}'"))}.")
            : null;
        return target is not null;
    }
}
