using System.Text.RegularExpressions;
using Mim.Configuration;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>What <c>${name}</c> stands for in a pipeline file.</summary>
/// <param name="Texts">The file's params.</param>
/// <param name="Lists">Those that are lists: only a matrix takes them.</param>
/// <param name="Items">Those of one setting of a matrix.</param>
sealed partial record ParamValues(
    IReadOnlyDictionary<string, string> Texts, IReadOnlyDictionary<string, IReadOnlyList<string>> Lists, IReadOnlyDictionary<string, string> Items)
{
    /// <summary>The name in a text that is one <c>${name}</c> and nothing else; otherwise null.</summary>
    public static string? NameOf(string text) => Reference().Match(text) is { Success: true, Groups: var groups, Length: var length } && length == text.Length ? groups[1].Value : null;

    /// <param name="place">Takes the faults.</param>
    /// <param name="key">Where in it the text stands.</param>
    /// <param name="text">With references.</param>
    /// <param name="used">Takes the names of the params, those of a setting aside.</param>
    public string Substitute(YamlMapping? place, string key, string text, SortedSet<string>? used) => Reference().Replace(text, match =>
    {
        var name = match.Groups[1].Value;
        if (Items.TryGetValue(name, out var item))
        {
            return item;
        }
        if (Texts.TryGetValue(name, out var value))
        {
            used?.Add(name);
            return value;
        }
        place?.Fault(key, Lists.ContainsKey(name)
            ? $"the param '{name}' is a list, which only '{Matrix.Key}' takes: '{Matrix.Key}: {{ {name}: \"${{{name}}}\" }}', then '${{item.{name}}}'."
            : $"unknown param '${{{name}}}'.{Nearest.Hint(name, Texts.Keys.Concat(Items.Keys))}");
        return match.Value;
    });

    [GeneratedRegex(@"\$\{([^}]*)\}")]
    private static partial Regex Reference();
}
