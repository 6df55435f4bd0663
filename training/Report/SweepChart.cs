using System.Text.Json.Nodes;

namespace Mim.Training;

/// <param name="Dashed">Others' values.</param>
public sealed record SweepSeries(string Name, int Colour, bool Dashed, IReadOnlyList<(double X, double Mean, double? Sd)> Points);

/// <summary>Means over a setting, with bars of one standard deviation over seeds to either side.</summary>
public sealed record SweepChart : Chart
{
    /// <summary>Ratio of the largest to the smallest setting from which the axis is logarithmic.</summary>
    const double LogarithmicFrom = 20;

    /// <summary>Name of the setting.</summary>
    public required string Over { get; init; }

    public required IReadOnlyList<SweepSeries> Series { get; init; }

    public override string Description => $"Line chart of {Title} over {Over}, mean and standard deviation over seeds. "
        + string.Join(" ", Series.Where(series => series.Points.Count > 0).Select(series =>
            $"{series.Name}: {Text(series.Points[0].Mean)} at {Text(series.Points[0].X)}, {Text(series.Points[^1].Mean)} at {Text(series.Points[^1].X)}."));

    public override DataTable Data
    {
        get
        {
            double[] settings = [.. Settings.Distinct().Order()];
            return new DataTable(
                Title, [Over, .. Series.Select(series => series.Name)],
                [.. settings.Select(setting => (string[])[Text(setting), .. Series.Select(series => Cell(series, setting))])]);
        }
    }

    IEnumerable<double> Settings => Series.SelectMany(series => series.Points).Select(point => point.X);

    public override JsonObject ToJson()
    {
        var (low, high) = (Settings.DefaultIfEmpty(1).Min(), Settings.DefaultIfEmpty(1).Max());
        return new JsonObject
        {
            ["kind"] = "sweep",
            ["over"] = Over,
            ["logarithmic"] = low > 0 && high / low >= LogarithmicFrom,
            ["ticks"] = Numbers(Settings.Distinct().Order()),
            ["series"] = new JsonArray([.. Series.Select(series => new JsonObject
            {
                ["name"] = series.Name,
                ["colour"] = series.Colour,
                ["dashed"] = series.Dashed,
                ["x"] = Numbers(series.Points.Select(point => point.X)),
                ["y"] = Numbers(series.Points.Select(point => point.Mean)),
                ["sd"] = Numbers(series.Points.Select(point => point.Sd ?? double.NaN)),
                ["low"] = Numbers(series.Points.Select(point => point.Mean - (point.Sd ?? 0))),
                ["high"] = Numbers(series.Points.Select(point => point.Mean + (point.Sd ?? 0))),
            })]),
        };
    }

    static string Cell(SweepSeries series, double setting) =>
        series.Points.Where(point => point.X == setting).Select(point => $"{new SweepReport.Statistic(point.Mean, point.Sd, 1)}").FirstOrDefault("–");
}
