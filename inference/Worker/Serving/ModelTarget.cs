using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The model that a request's path names.</summary>
/// <param name="Graph">The graph of that name.</param>
/// <param name="DecodesOnly">The path names the decoder, and not the package, which takes x and z.</param>
sealed record ModelTarget(string Name, ModelPackage Package, ServedGraph Graph, bool DecodesOnly)
{
    /// <summary>No model's name has a dot in it.</summary>
    const string DecoderSuffix = ".decoder";

    /// <param name="refusal">The answer that says why there is none.</param>
    public static bool TryFind(
        HttpContext context, ServedModel served, [NotNullWhen(true)] out ModelTarget? target, [NotNullWhen(false)] out Task? refusal)
    {
        (target, refusal) = (null, null);
        if (served.Package is not { } package || served.Graph(TensorNames.X) is not { } encoder)
        {
            refusal = OpenInference.NotReady(context);
            return false;
        }
        var (name, version) = ((string?)context.Request.RouteValues["model"], OpenInference.Version(package.Manifest));
        if (context.Request.RouteValues["version"] is not string asked || asked == version)
        {
            target = name == package.Manifest.Name ? new(name, package, encoder, DecodesOnly: false)
                : name == package.Manifest.Name + DecoderSuffix && served.Graph(TensorNames.Z) is { } decoder ? new(name, package, decoder, DecodesOnly: true)
                : null;
        }
        refusal = target is null
            ? ResponseJson.Error(context, 404, $"unknown model or version; this worker serves '{package.Manifest.Name}' version '{version}'.")
            : null;
        return target is not null;
    }
}
