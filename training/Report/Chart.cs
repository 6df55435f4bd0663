using System.Globalization;
using System.Text.Json.Nodes;

namespace Mim.Training;

public enum KeyStyle
{
    Solid,
    Dashed,
    Dot,
}

/// <summary>What a colour or a dash means. Colours are indices into the page's palette; <see cref="Chart.Muted"/> is grey.</summary>
public sealed record LegendKey(string Name, int Colour, KeyStyle Style);

/// <summary>A chart as numbers. The page draws it from <see cref="ToJson"/>, and says the same in words and as a table.</summary>
public abstract record Chart
{
    public const int Muted = -1;

    /// <summary>Colours of the palette.</summary>
    public const int Colours = 10;

    /// <summary>Unique on the page.</summary>
    public required string Id { get; init; }

    public required string Title { get; init; }

    /// <summary>What a reader must know to read it; null: nothing.</summary>
    public string? Note { get; init; }

    public IReadOnlyList<LegendKey> Legend { get; init; } = [];

    /// <summary>The chart in one or two sentences, for those who do not see it.</summary>
    public abstract string Description { get; }

    public abstract DataTable Data { get; }

    /// <summary>For Report/report.js.</summary>
    public abstract JsonObject ToJson();

    /// <summary>Five significant digits: more than a screen shows and few enough bytes.</summary>
    public static double Rounded(double value) =>
        double.Parse(value.ToString("G5", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>Five significant digits, no exponent below a million.</summary>
    public static string Text(double value) => Math.Abs(value) is >= 99_999.5 and < 1e6
        ? value.ToString("F0", CultureInfo.InvariantCulture)
        : value.ToString("G5", CultureInfo.InvariantCulture);

    public static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>NaN and infinities have no place in JSON, and charts leave null out.</summary>
    protected static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(Rounded(value)) : null;

    protected static JsonArray Numbers(IEnumerable<double> values) => [.. values.Select(Number)];

    protected static JsonArray Numbers(IEnumerable<float> values) => [.. values.Select(value => Number(value))];
}

/// <summary>Rows under a header; the first cell of each row names it.</summary>
public sealed record DataTable(string Caption, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);
