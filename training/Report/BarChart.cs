using System.Text.Json.Nodes;

namespace Mim.Training;

/// <summary>One bar a dimension of z, one strip a run.</summary>
public sealed record BarChart : Chart
{
    public required string Unit { get; init; }

    /// <summary>Top of the scale; null: the largest value.</summary>
    public double? Top { get; init; }

    public required IReadOnlyList<(string Name, int Colour, IReadOnlyList<double> Values)> Strips { get; init; }

    public override string Description => $"Bar chart of {Title}, one bar a dimension of z. "
        + string.Join(" ", Strips.Select(strip => $"{strip.Name}: from {Text(strip.Values.Min())} to {Text(strip.Values.Max())} {Unit}.".Replace(" .", ".", StringComparison.Ordinal)));

    public override DataTable Data => new(
        Unit.Length == 0 ? Title : $"{Title}, {Unit}", ["dimension", .. Strips.Select(strip => strip.Name)],
        [.. Enumerable.Range(0, Strips.Max(strip => strip.Values.Count)).Select(d => (string[])
            [$"z{d + 1}", .. Strips.Select(strip => d < strip.Values.Count ? Text(strip.Values[d]) : "–")])]);

    public override JsonObject ToJson() => new()
    {
        ["kind"] = "bars",
        ["unit"] = Unit,
        ["top"] = Number(Top ?? Strips.SelectMany(strip => strip.Values).Where(double.IsFinite).DefaultIfEmpty(1).Max()),
        ["strips"] = new JsonArray([.. Strips.Select(strip => new JsonObject
        {
            ["name"] = strip.Name,
            ["colour"] = strip.Colour,
            ["values"] = Numbers(strip.Values),
        })]),
    };
}
