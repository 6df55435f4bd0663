using System.Globalization;
using Mim.Models;

namespace Mim.Inference;

/// <summary>One comparison of a verification.</summary>
/// <param name="Check">What the tensor was compared with: the training engine's golden, or the rows run one by one.</param>
/// <param name="Rows">Batch size n.</param>
/// <param name="Tolerance">atol = rtol of |a − b| ≤ atol·unit + rtol·|b|.</param>
/// <param name="MaxAbs">Largest |a − b|.</param>
/// <param name="MaxUlp">Largest distance in float32 units in the last place.</param>
/// <param name="Cosine">Smallest over the rows.</param>
/// <param name="WorstIndex">Element that is furthest outside, or nearest to, its bound.</param>
/// <param name="Found">Its value.</param>
/// <param name="Expected">The value that it is compared with.</param>
/// <param name="Unit">What atol counts in there.</param>
public sealed record ParityCheck(
    string Check, string Tensor, int Rows, double Tolerance, bool Passed, double MaxAbs, long MaxUlp, double Cosine, int WorstIndex, float Found, float Expected,
    double Unit)
{
    public const string Golden = "golden";
    public const string OneByOne = "batch = single";

    /// <summary>What |found − expected| may be.</summary>
    public double Bound => Tolerance * Unit + Tolerance * Math.Abs((double)Expected);
}

/// <summary>The outcome of replaying a package's goldens.</summary>
public sealed record VerificationReport(string Model, string? Version, string SpaceId, string Engine, Device Device, int Threads, IReadOnlyList<ParityCheck> Checks)
{
    public bool Passed => Checks.All(check => check.Passed);

    public double MaxAbs => Checks.Max(check => check.MaxAbs);

    public long MaxUlp => Checks.Max(check => check.MaxUlp);

    /// <summary>One line for each broken bound: tensor, n, found, bound.</summary>
    public IEnumerable<string> Failures() =>
        from check in Checks
        where !check.Passed
        select string.Create(CultureInfo.InvariantCulture,
            $"{Model}: {check.Check}: {check.Tensor} at n = {check.Rows}: element {check.WorstIndex}: |{check.Found:R} − {check.Expected:R}| = "
            + $"{Math.Abs((double)check.Found - check.Expected):G4}, bound {check.Bound:G4}");
}

/// <summary>
/// Proves that this engine computes what the training engine computed: the goldens of n ∈ {1, 2, 7, 64} within 1e-5, and row i of a batch
/// equal to row i alone within 2e-6.
/// </summary>
public static class Verification
{
    /// <exception cref="InvalidDataException">The package has no golden for some tensor or batch size: absence is not a pass.</exception>
    public static VerificationReport Run(ModelPackage package, EngineOptions engine)
    {
        var maxRows = Golden.RowCounts.Max();
        List<ParityCheck> checks = [];
        using var encoder = OnnxModel.Encoder(package, maxRows, engine);
        Check(package, encoder, checks);
        if (package.Decoder is not null)
        {
            using var decoder = OnnxModel.Decoder(package, maxRows, engine);
            Check(package, decoder, checks);
        }
        return new(package.Manifest.Name, package.Manifest.Version, package.Manifest.SpaceId, OnnxModel.Engine, encoder.Device, engine.Threads, checks);
    }

    /// <summary>Replays the goldens of one graph through a session that serves with it.</summary>
    public static void Check(ModelPackage package, OnnxModel model, List<ParityCheck> checks)
    {
        foreach (var rows in Golden.RowCounts)
        {
            var golden = package.Goldens.FirstOrDefault(golden => golden.Rows == rows)
                ?? throw new InvalidDataException($"{package.Folder}: expected a golden of {rows} rows, found {Described(package)}. Export it again.");
            var input = Tensor(package, golden, model.Input);
            var given = model.GivenInput is { } second ? Tensor(package, golden, second) : [];
            var batch = model.RunAll(input, Math.Min(rows, model.Buffers.MaxRows), given);
            var single = model.RunAll(input, 1, given);
            for (var i = 0; i < model.Outputs.Count; i++)
            {
                var (name, width) = (model.Outputs[i], model.Buffers.OutputWidths[i]);
                var units = package.Units(name);
                checks.Add(Compare(ParityCheck.Golden, name, rows, batch[i], Tensor(package, golden, name), Parity.EngineTolerance, width, units));
                checks.Add(Compare(ParityCheck.OneByOne, name, rows, batch[i], single[i], Parity.BatchTolerance, width, units));
            }
        }
    }

    static ParityCheck Compare(string check, string tensor, int rows, float[] actual, float[] expected, double tolerance, int width, float[] units)
    {
        var result = Parity.Compare(actual, expected, tolerance, tolerance, width, units);
        return new(check, tensor, rows, tolerance, result.Passed, result.MaxAbs, result.MaxUlp, result.Cosine, result.WorstIndex,
            actual[result.WorstIndex], expected[result.WorstIndex], units.Length == 0 ? 1 : units[result.WorstIndex % units.Length]);
    }

    static float[] Tensor(ModelPackage package, Golden golden, string name) =>
        golden.Tensors.TryGetValue(name, out var values)
            ? values
            : throw new InvalidDataException($"{package.Folder}: expected golden/{golden.Rows}.{name}.npy, which the graph's '{name}' needs. Export it again.");

    static string Described(ModelPackage package) => package.Goldens.Count == 0 ? "none" : string.Join(", ", package.Goldens.Select(golden => golden.Rows));
}
