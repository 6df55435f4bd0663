using System.Globalization;

namespace Mim.Models;

/// <summary>A version in the store: a number that counts up and the first digits of the space id.</summary>
readonly record struct ModelVersion(int Number, string Space)
{
    public static bool TryParse(string text, out ModelVersion version)
    {
        version = default;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash < 1
            || text.Length - dash - 1 != SpaceId.ShortLength
            || text.AsSpan(dash + 1).ContainsAnyExceptInRange('0', 'f')
            || !int.TryParse(text.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return false;
        }
        version = new ModelVersion(number, text[(dash + 1)..]);
        // One spelling for each version: no leading zeros, no upper case.
        return number > 0 && version.ToString() == text && version.Space.All(char.IsAsciiHexDigitLower);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Number}-{Space}");
}
