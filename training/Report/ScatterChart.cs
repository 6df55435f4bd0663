using System.Text.Json.Nodes;

namespace Mim.Training;

/// <summary>Points of one colour. A labelled group has its name written at its centre.</summary>
public sealed record PointGroup(string Name, int Colour, bool Labelled, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>Whether a line joins the points, in their order.</summary>
    public bool Joined { get; init; }
}

/// <summary>Points in a plane, both axes on the same scale.</summary>
public sealed record ScatterChart : Chart
{
    const double Padding = 1.05;

    public required string XLabel { get; init; }

    public required string YLabel { get; init; }

    /// <summary>Drawn in this order.</summary>
    public required IReadOnlyList<PointGroup> Groups { get; init; }

    public override string Description =>
        $"Scatter plot of {Title}: {XLabel} against {YLabel}. " + string.Join(", ", Groups.Select(group => $"{group.Points.Count} of {group.Name}")) + ".";

    public override DataTable Data => new(
        $"{Title}: where each group lies", ["group", "points", $"mean of {XLabel}", "s.d.", $"mean of {YLabel}", "s.d."],
        [.. Groups.Where(group => group.Points.Count > 0).Select(group =>
        {
            var (x, y) = (Moments(group.Points.Select(point => point.X)), Moments(group.Points.Select(point => point.Y)));
            return (string[])[group.Name, Text(group.Points.Count), Text(x.Mean), Text(x.Deviation), Text(y.Mean), Text(y.Deviation)];
        })]);

    public override JsonObject ToJson()
    {
        var (x, y, half) = Frame();
        return new JsonObject
        {
            ["kind"] = "scatter",
            ["x"] = XLabel,
            ["y"] = YLabel,
            ["xRange"] = Numbers([x - half, x + half]),
            ["yRange"] = Numbers([y - half, y + half]),
            ["groups"] = new JsonArray([.. Groups.Select(group => new JsonObject
            {
                ["name"] = group.Name,
                ["colour"] = group.Colour,
                ["labelled"] = group.Labelled,
                ["joined"] = group.Joined,
                ["x"] = Numbers(group.Points.Select(point => point.X)),
                ["y"] = Numbers(group.Points.Select(point => point.Y)),
            })]),
        };
    }

    /// <summary>The square around all points: its centre and half its side.</summary>
    (double X, double Y, double Half) Frame()
    {
        (double X, double Y)[] points = [.. Groups.SelectMany(group => group.Points).Where(point => double.IsFinite(point.X + point.Y))];
        if (points.Length == 0)
        {
            return (0, 0, 1);
        }
        var (left, right) = (points.Min(point => point.X), points.Max(point => point.X));
        var (bottom, top) = (points.Min(point => point.Y), points.Max(point => point.Y));
        var side = Math.Max(right - left, top - bottom);
        return ((left + right) / 2, (bottom + top) / 2, side > 0 ? side / 2 * Padding : 1);
    }

    static (double Mean, double Deviation) Moments(IEnumerable<double> values)
    {
        double[] all = [.. values];
        var mean = all.Average();
        return (mean, Math.Sqrt(all.Average(value => (value - mean) * (value - mean))));
    }
}
