using System.Globalization;
using System.Text.Json.Nodes;
using Mim.Training;
using Xunit.Abstractions;

namespace Mim.Tests.Training;

/// <summary>
/// Oracle: what the authors' figures and an independent re-implementation give over seeds, as bands of about three standard deviations for the mean of
/// five seeds. Published settings throughout. experiments/README.md holds the table that this prints (MIM_BANDS_TABLE names a file to append it to).
/// </summary>
public sealed class ReferenceBandTests(ITestOutputHelper output)
{
    const int Seeds = 5;

    /// <summary>Bounds on the mean over seeds; NaN: none. NegativeElbo and L2 are the reference's "NLL" and "RMSE".</summary>
    public sealed record Bands(
        double MiLow = double.NaN, double MiHigh = double.NaN, double NegativeElboLow = double.NaN, double NegativeElboHigh = double.NaN,
        double L2Low = double.NaN, double L2High = double.NaN, double KnnLow = double.NaN, double KnnHigh = double.NaN, bool Advisory = false);

    public static TheoryData<string, int, int, string, string, Bands> Rows { get; } = new()
    {
        { "toy4", 50, 2, "mim", "same_z", new(6.5, 7.0, 3.1, 3.5, L2High: 0.012, KnnLow: 0.94, KnnHigh: 0.96) },
        { "toy4", 50, 2, "mim", "fresh_z", new(6.3, 6.7, 2.65, 2.95, L2High: 0.016, KnnLow: 0.94, KnnHigh: 0.96) },
        { "toy4", 50, 2, "vae", "same_z", new(0.7, 1.3, 1.80, 1.90, 0.60, 0.83, 0.43, 0.66) },
        { "toy4", 500, 2, "mim", "same_z", new(6.4, 7.0, 2.7, 3.5, L2High: 0.02, KnnLow: 0.94, KnnHigh: 0.96) },
        { "toy4", 500, 2, "mim", "fresh_z", new(6.3, 6.9, 2.1, 2.65, L2High: 0.025) },
        { "toy4", 500, 2, "vae", "same_z", new(1.35, 1.55, 1.79, 1.84, 0.49, 0.55, 0.71, 0.76) },
        { "toy4_20", 50, 8, "mim", "same_z", new(1.65, 2.05) },
        { "toy4_20", 50, 8, "mim", "fresh_z", new(0.85, 1.3, KnnLow: 0.85, Advisory: true) },
        { "toy4_20", 50, 8, "vae", "same_z", new(1.1, 1.45, KnnLow: 0.75, KnnHigh: 0.95) },
        { "toy4_20", 50, 20, "mim", "same_z", new(1.5, 1.95, KnnLow: 0.99) },
        { "toy4_20", 50, 20, "mim", "fresh_z", new(0.8, 1.4, KnnLow: 0.88, Advisory: true) },
        { "toy4_20", 50, 20, "vae", "same_z", new(0.65, 1.0, KnnLow: 0.55, KnnHigh: 0.72) },
    };

    [Theory]
    [Trait("Category", "Long")]
    [MemberData(nameof(Rows))]
    public void Five_seeds_lie_in_the_reference_bands(string dataset, int hidden, int z, string objective, string decoderLogQx, Bands bands)
    {
        var reports = new EvaluationReport[Seeds];
        // Two runs at a time on one thread each: these networks are too small for more.
        Parallel.For(0, Seeds, new ParallelOptions { MaxDegreeOfParallelism = 2 }, seed =>
            reports[seed] = TrainAndEvaluate(dataset, hidden, z, objective, decoderLogQx, seed + 1));

        (string Name, Func<EvaluationReport, double> Of, double Low, double High)[] statistics =
        [
            ("MI", r => r.MutualInformationKsg ?? double.NaN, bands.MiLow, bands.MiHigh),
            ("-ELBO", r => r.NegativeElboSingleSample, bands.NegativeElboLow, bands.NegativeElboHigh),
            ("L2", r => r.ReconstructionL2Sampled, bands.L2Low, bands.L2High),
            ("5-NN", r => r.Knn5Accuracy ?? double.NaN, bands.KnnLow, bands.KnnHigh),
            ("NLL", r => r.NllImportanceWeighted, double.NaN, double.NaN),
        ];
        var misses = new List<string>();
        var cells = new List<string>();
        foreach (var (name, of, low, high) in statistics)
        {
            var values = reports.Select(of).ToArray();
            var mean = values.Average();
            var deviation = Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (Seeds - 1));
            Assert.True(double.IsFinite(mean), $"{name} of {dataset} is not a number.");
            var missed = !((double.IsNaN(low) || mean >= low) && (double.IsNaN(high) || mean <= high));
            cells.Add(string.Create(CultureInfo.InvariantCulture, $"{mean:G4} ± {deviation:G2}{Band(low, high)}{(missed ? " **out**" : "")}"));
            if (missed)
            {
                misses.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: expected{Band(low, high)}, found {mean:G5}"));
            }
        }
        var variant = objective == "mim" ? $"mim {decoderLogQx}" : objective;
        var row = $"| {dataset} | {hidden} | {z} | {variant}{(bands.Advisory ? " †" : "")} | {string.Join(" | ", cells)} |";
        output.WriteLine(row);
        if (Environment.GetEnvironmentVariable("MIM_BANDS_TABLE") is { } table)
        {
            File.AppendAllText(table, row + "\n");
        }
        // An advisory band rests on two or three seeds of the reference: a miss is reported, never tuned away.
        Assert.True(bands.Advisory || misses.Count == 0, string.Join("; ", misses));
    }

    static EvaluationReport TrainAndEvaluate(string dataset, int hidden, int z, string objective, string decoderLogQx, int seed)
    {
        var folder = Directory.CreateTempSubdirectory("mim-bands");
        try
        {
            var options = TrainingOptions.Parse(
                $$"""
                preset: published
                dataset: { name: {{dataset}} }
                network: { hidden: [{{hidden}}], z: {{z}} }
                objective: { name: {{objective}}, decoder_log_qx: {{decoderLogQx}} }
                trainer: { seed: {{seed}}, threads: 1 }
                """, "bands");
            using (var trainer = new Trainer(options, Dataset.Open(options.Dataset, seed), RunFolder.Prepare(folder.FullName, options, new JsonObject(), resume: false, force: true), TimeProvider.System))
            {
                trainer.Run(CancellationToken.None);
            }
            using var model = TrainedModel.Load(folder.FullName);
            return Mim.Training.Evaluation.Run(model, new EvaluationRequest(), null, CancellationToken.None);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static string Band(double low, double high) => (double.IsNaN(low), double.IsNaN(high)) switch
    {
        (true, true) => "",
        (true, false) => string.Create(CultureInfo.InvariantCulture, $" (≤ {high})"),
        (false, true) => string.Create(CultureInfo.InvariantCulture, $" (≥ {low})"),
        _ => string.Create(CultureInfo.InvariantCulture, $" ({low} to {high})"),
    };
}
