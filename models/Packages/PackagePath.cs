using System.Buffers;
using System.Globalization;

namespace Mim.Models;

/// <summary>Which names a package may use for its files: a few plain segments, so that no spelling of a path can leave the folder.</summary>
static class PackagePath
{
    const int MaxLength = 200;
    const int MaxSegments = 3;
    const int MaxNameLength = 64;

    static readonly SearchValues<char> s_characters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    static readonly SearchValues<char> s_nameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Relative, forward slashes, segments of ASCII letters, digits, '.', '_', '-' that do not begin with a dot.</summary>
    public static bool IsSafe(string path)
    {
        var segments = path.Split('/');
        return path.Length <= MaxLength
            && segments.Length <= MaxSegments
            && Array.TrueForAll(segments, segment => segment.Length > 0 && segment[0] != '.' && !segment.AsSpan().ContainsAnyExcept(s_characters));
    }

    /// <summary>[a-z0-9][a-z0-9-]*: what a model may be called.</summary>
    public static bool IsModelName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name[0] != '-' && !name.AsSpan().ContainsAnyExcept(s_nameCharacters);

    /// <summary>Digits alone: no sign, space, exponent or separator.</summary>
    public static bool TryNumber(string text, out long value) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
