using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Mim.Inference;

/// <summary>
/// One key for all but the health endpoints, which probes call without secrets: <c>Authorization: Bearer KEY</c> or <c>x-api-key: KEY</c>. Hashes are
/// compared, in time that depends neither on where two keys differ nor on their lengths.
/// </summary>
sealed class ApiKey(string key)
{
    const string Header = "x-api-key";
    const string Bearer = "Bearer ";

    static readonly PathString s_health = "/v2/health";

    readonly byte[] _hash = Hash(key);

    /// <summary>Refuses requests without the key, if there is one.</summary>
    public static void Require(WebApplication app, InferenceOptions options)
    {
        if (options.ApiKey is { } key)
        {
            ApiKey required = new(key);
            app.Use((RequestDelegate next) => context => required.Allows(context.Request) ? next(context) : Refuse(context));
        }
    }

    bool Allows(HttpRequest request) =>
        request.Path.StartsWithSegments(s_health, StringComparison.Ordinal)
        || (Presented(request) is { } presented && CryptographicOperations.FixedTimeEquals(Hash(presented), _hash));

    static string? Presented(HttpRequest request) =>
        request.Headers[Header] is [{ } own] ? own
        : request.Headers.Authorization is [{ } text] && text.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? text[Bearer.Length..].Trim()
        : null;

    static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    static Task Refuse(HttpContext context)
    {
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return ResponseJson.Error(context, 401, $"expected the key of this worker as 'Authorization: Bearer KEY' or '{Header}: KEY'.");
    }
}
