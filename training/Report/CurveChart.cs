using System.Text.Json.Nodes;

namespace Mim.Training;

/// <summary>A line over epochs.</summary>
public sealed record Curve(string Name, int Colour, bool Dashed, IReadOnlyList<(double Epoch, double Value)> Points);

/// <summary>Lines over epochs.</summary>
public sealed record CurveChart : Chart
{
    /// <summary>Rows of the table at the most.</summary>
    const int MaxRows = 40;

    /// <summary>The first tenth of training does not set the scale, nor do two epochs of at least six: they would hide the rest.</summary>
    const double Settling = 0.1, SettlingEpochs = 2, SettlingMost = 1.0 / 3;

    const double Padding = 0.06;

    public required string Unit { get; init; }

    public required IReadOnlyList<Curve> Curves { get; init; }

    /// <summary>Epochs to mark, such as the best one's, with the colour of its run.</summary>
    public IReadOnlyList<(int Epoch, int Colour)> Marks { get; init; } = [];

    /// <summary>Drawn beside others.</summary>
    public bool Small { get; init; }

    /// <summary>Whether the first epochs set the scale, too.</summary>
    public bool Whole { get; init; }

    /// <summary>Bounds of the frame; what the settling epochs have outside is cut off.</summary>
    public (double Low, double High) Range
    {
        get
        {
            var last = Curves.SelectMany(curve => curve.Points).Select(point => point.Epoch).DefaultIfEmpty(1).Max();
            var settled = Whole ? 0 : Math.Max(last * Settling, Math.Min(SettlingEpochs, last * SettlingMost));
            double[] values = [.. Curves.SelectMany(curve => curve.Points).Where(point => point.Epoch > settled).Select(point => point.Value)];
            if (values.Length == 0)
            {
                return (0, 1);
            }
            var (low, high) = (values.Min(), values.Max());
            var pad = high > low ? (high - low) * Padding : Math.Max(Math.Abs(high), 1) * Padding;
            return (low - pad, high + pad);
        }
    }

    /// <summary>Values that the frame leaves out.</summary>
    public int Cut => Range is var (low, high) ? Curves.Sum(curve => curve.Points.Count(point => point.Value < low || point.Value > high)) : 0;

    public override string Description => $"Line chart of {Title} in {Unit} over epochs. "
        + string.Join(" ", Curves.Where(curve => curve.Points.Count > 0).Select(curve =>
            $"{curve.Name}: {Text(curve.Points[0].Value)} at epoch {Text(curve.Points[0].Epoch)}, "
            + $"{Text(curve.Points[^1].Value)} at epoch {Text(curve.Points[^1].Epoch)}."))
        + string.Concat(Marks.Select(mark => $" Best epoch marked: {Text(mark.Epoch)}."));

    public override DataTable Data
    {
        get
        {
            double[] epochs = [.. Curves.SelectMany(curve => curve.Points).Select(point => point.Epoch).Distinct().Order()];
            var taken = Math.Min(epochs.Length, MaxRows);
            var kept = Enumerable.Range(0, taken).Select(i => epochs[taken == 1 ? 0 : (int)((long)i * (epochs.Length - 1) / (taken - 1))])
                .Union(Marks.Select(mark => (double)mark.Epoch).Where(epochs.Contains)).Order();
            var values = Curves.Select(curve => curve.Points.ToDictionary(point => point.Epoch, point => point.Value)).ToArray();
            var caption = epochs.Length > MaxRows ? $"{Title}, {Unit}: {taken} of {epochs.Length} epochs, evenly spaced" : $"{Title}, {Unit}";
            return new DataTable(
                caption, ["epoch", .. Curves.Select(curve => curve.Name)],
                [.. kept.Select(epoch => (string[])
                    [Text(epoch), .. values.Select(column => column.TryGetValue(epoch, out var value) ? Text(value) : "–")])]);
        }
    }

    public override JsonObject ToJson() => new()
    {
        ["kind"] = "curves",
        ["unit"] = Unit,
        ["small"] = Small,
        ["range"] = Numbers([Range.Low, Range.High]),
        ["curves"] = new JsonArray([.. Curves.Select(curve => new JsonObject
        {
            ["name"] = curve.Name,
            ["colour"] = curve.Colour,
            ["dashed"] = curve.Dashed,
            ["x"] = Numbers(curve.Points.Select(point => point.Epoch)),
            ["y"] = Numbers(curve.Points.Select(point => point.Value)),
        })]),
        ["marks"] = new JsonArray([.. Marks.Select(mark => new JsonObject { ["x"] = mark.Epoch, ["colour"] = mark.Colour })]),
    };
}
