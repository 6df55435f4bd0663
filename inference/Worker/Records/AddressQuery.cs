using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.Inference;

/// <summary>Addresses of sources and sinks: what follows the question mark is ours, the rest the client's.</summary>
static partial class AddressQuery
{
    public static (Uri Uri, Dictionary<string, string> Query) Split(string flag, string text, IReadOnlyList<string> known)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            throw new UsageException($"{flag}: expected an address such as amqp://host/?queue=NAME, found '{Redacted(text)}'.");
        }
        Dictionary<string, string> query = [];
        foreach (var part in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (key, value) = part.Split('=', 2) is [var before, var after] ? (before, Uri.UnescapeDataString(after)) : (part, "");
            if (!known.Contains(key))
            {
                throw new UsageException($"{flag}: unknown key '{key}' in {Redacted(text)}.{Nearest.Hint(key, known)}");
            }
            if (!query.TryAdd(key, value))
            {
                throw new UsageException($"{flag}: key '{key}' stands twice in {Redacted(text)}.");
            }
        }
        return (uri, query);
    }

    public static bool Flag(string flag, Dictionary<string, string> query, string key, bool otherwise) => query.GetValueOrDefault(key) switch
    {
        null => otherwise,
        "true" => true,
        "false" => false,
        var found => throw new UsageException($"{flag}: {key}: expected true or false, found '{found}'."),
    };

    /// <summary>The address without its password, for people and logs.</summary>
    public static string Redacted(string text) => Password().Replace(text, "$1:***@");

    [GeneratedRegex(@"(//[^/@:?]*):[^?]*@")]
    private static partial Regex Password();
}
