namespace Mim.Models;

/// <summary>The known word that a mistyped one most likely meant.</summary>
public static class Nearest
{
    const int MaxLength = 64;

    /// <summary>The word at the smallest edit distance, or null when none is close enough to be meant.</summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        if (word.Length > MaxLength)
        {
            return null;
        }
        string? best = null;
        // A word of which no letter is left was not meant.
        var bestDistance = Math.Min(Math.Max(2, word.Length / 3), word.Length - 1) + 1;
        foreach (var candidate in known)
        {
            var distance = candidate.Length > MaxLength ? int.MaxValue : Distance(word, candidate);
            if (distance < bestDistance)
            {
                (best, bestDistance) = (candidate, distance);
            }
        }
        return best;
    }

    /// <summary>" Did you mean 'x'?", or the words there are, or nothing: the end of an error message.</summary>
    public static string Hint(string word, IEnumerable<string> known)
    {
        var words = known.ToList();
        return To(word, words) is { } near ? $" Did you mean '{near}'?" : words.Count == 0 ? "" : $" Known: {string.Join(", ", words)}.";
    }

    /// <summary>Levenshtein's distance.</summary>
    static int Distance(string a, string b)
    {
        var previous = new int[b.Length + 1];
        var current = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
        {
            previous[j] = j;
        }
        for (var i = 1; i <= a.Length; i++)
        {
            current[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                current[j] = Math.Min(substituted, Math.Min(previous[j], current[j - 1]) + 1);
            }
            (previous, current) = (current, previous);
        }
        return previous[b.Length];
    }
}
