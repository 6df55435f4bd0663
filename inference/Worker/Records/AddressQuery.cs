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
        // What a password breaks off early looks like a path, a key or a value, which messages show.
        if (uri.PathAndQuery.Contains('@', StringComparison.Ordinal) || uri.Fragment.Contains('@', StringComparison.Ordinal))
        {
            throw new UsageException(
                $"{flag}: {Redacted(text)}: expected '@' only before the host, found one behind it. In a password, a vhost or a name write ?, @, /, :, # and % as %3F, %40, %2F, %3A, %23 and %25.");
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

    /// <summary>
    /// The address without its password, for people and logs: whatever is between the first colon behind the scheme and the last @, because a
    /// password that is not encoded may have any character, and what is no address may have one.
    /// </summary>
    public static string Redacted(string text) => Password().Replace(text, "$1:***@");

    [GeneratedRegex("^((?>(?:[^:/]*://)?)[^:]*):.*@", RegexOptions.Singleline)]
    private static partial Regex Password();
}
