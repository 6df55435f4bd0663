using System.Globalization;
using System.Text.Json;
using Mim.Models;

namespace Mim.Training;

/// <summary>What <c>mim evaluate</c> measured of the runs of several seeds, as in <c>evaluation-seeds.json</c>.</summary>
/// <param name="Metrics">The numbers of <c>evaluation.json</c> that every run has, under their names there.</param>
public sealed record SeedEvaluation(IReadOnlyList<long> Seeds, IReadOnlyDictionary<string, SeedEvaluation.Statistic> Metrics)
{
    /// <param name="Sd">Sample standard deviation over the seeds, of n − 1 degrees of freedom; null for one seed.</param>
    public sealed record Statistic(int N, double Mean, double? Sd);

    public const string FileName = "evaluation-seeds.json";

    static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, NewLine = "\n" };

    public static SeedEvaluation Of(IReadOnlyList<(long Seed, IReadOnlyDictionary<string, double> Metrics)> runs)
    {
        var metrics = new Dictionary<string, Statistic>();
        foreach (var name in runs[0].Metrics.Keys.Where(name => runs.All(run => run.Metrics.ContainsKey(name))))
        {
            var values = runs.Select(run => run.Metrics[name]).ToArray();
            var mean = values.Average();
            metrics.Add(name, new Statistic(
                values.Length, mean, values.Length > 1 ? Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1)) : null));
        }
        return new SeedEvaluation([.. runs.Select(run => run.Seed)], metrics);
    }

    public static SeedEvaluation Read(string path) => StrictJson.Read<SeedEvaluation>(File.ReadAllBytes(path), path);

    public void Write(string path) => AtomicFile.WriteText(path, ToJson() + "\n");

    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    public void Print(TextWriter output)
    {
        output.WriteLine($"{Seeds.Count} seeds ({string.Join(", ", Seeds)}), mean ± standard deviation");
        var width = Metrics.Keys.Max(name => name.Length);
        foreach (var (name, (_, mean, sd)) in Metrics)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name.PadRight(width)}  {mean,12:F4}") + (sd is { } deviation and not 0
                ? string.Create(CultureInfo.InvariantCulture, $" ± {deviation:F4}")
                : ""));
        }
    }
}
