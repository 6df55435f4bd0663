using System.Globalization;
using System.Text.RegularExpressions;
using Mim.Configuration;

namespace Mim.Pipeline;

/// <summary>
/// DVC's <c>matrix</c>: a stage, gate or table row written once for every combination of some lists, <c>matrix: { hidden: [5, 50], model: [mim, vae] }</c>.
/// What it says with <c>${item.hidden}</c> is that combination's; a stage is then named <c>train@5-mim</c>.
/// </summary>
static partial class Matrix
{
    public const string Key = "matrix";

    /// <summary>Of one matrix, and of the stages of a file. A sweep of more is a mistake in a list, and the graph's cost grows with its square.</summary>
    public const int MaxSettings = 1000;

    /// <summary>Every combination, the last list varying fastest; one without items where there is no matrix; none after a fault.</summary>
    public static IReadOnlyList<Setting> Read(YamlMapping template, ParamValues values)
    {
        if (template[Key] is null)
        {
            return [Setting.None];
        }
        if (template.Mapping(Key) is not { } matrix)
        {
            return [];
        }
        var axes = new List<(string Name, IReadOnlyList<string> Values)>();
        foreach (var name in matrix.Keys)
        {
            axes.Add((name, Axis(matrix, name, values)));
        }
        var count = axes.Aggregate(1.0, (product, axis) => product * axis.Values.Count);
        if (count > MaxSettings)
        {
            template.Fault(Key, $"'{template.Path}.{Key}': expected at most {MaxSettings} combinations, found {count.ToString("G6", CultureInfo.InvariantCulture)}.");
            return [];
        }
        if (axes.Count == 0)
        {
            template.Fault(Key, $"'{template.Path}.{Key}': expected lists such as hidden: [5, 50], found none.");
            return [];
        }
        IEnumerable<Setting> settings = [Setting.None];
        foreach (var (name, texts) in axes)
        {
            settings = settings.SelectMany(setting => texts.Select(text => setting.With(name, text)));
        }
        return [.. settings];
    }

    static string[] Axis(YamlMapping matrix, string name, ParamValues values)
    {
        var listed = matrix[name] is YamlScalar { Text: var text } && ParamValues.NameOf(text) is { } param && values.Lists.TryGetValue(param, out var list)
            ? list
            : matrix.Texts(name) ?? [];
        if (listed.Count == 0 && matrix[name] is YamlSequence)
        {
            matrix.Fault(name, $"'{matrix.Path}.{name}': expected at least one value, found none.");
        }
        // They become parts of stage names and of paths.
        foreach (var value in listed.Where(value => !ItemValue().IsMatch(value)))
        {
            matrix.Fault(name, $"'{matrix.Path}.{name}': expected letters, digits, '-', '_' and '.' that begin with a letter or digit, found '{value}'.");
        }
        return [.. listed.Where(value => ItemValue().IsMatch(value))];
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]*\z")]
    private static partial Regex ItemValue();
}

/// <summary>One combination of a matrix.</summary>
/// <param name="Name">Its values, joined by '-'; "" without a matrix.</param>
/// <param name="Items"><c>item.hidden</c> → value.</param>
sealed record Setting(string Name, IReadOnlyDictionary<string, string> Items)
{
    const string Prefix = "item.";

    /// <summary><c>hidden</c> → value.</summary>
    public IReadOnlyDictionary<string, string> ByAxis => Items.ToDictionary(item => item.Key[Prefix.Length..], item => item.Value);

    public static Setting None { get; } = new("", new Dictionary<string, string>());

    /// <summary>train → train@5-mim; the name itself without a matrix.</summary>
    public string Of(string template) => Items.Count == 0 ? template : $"{template}@{Name}";

    public Setting With(string axis, string value) =>
        new(Items.Count == 0 ? value : $"{Name}-{value}", Items.Append(KeyValuePair.Create(Prefix + axis, value)).ToDictionary());
}
