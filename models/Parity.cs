namespace Mim.Models;

/// <summary>How far one runtime's numbers are from another's.</summary>
/// <param name="Passed">Every element is finite and within the tolerance.</param>
/// <param name="Count">Elements compared.</param>
/// <param name="MaxAbs">The largest |a − b|; NaN when an element is not finite.</param>
/// <param name="MaxUlp">The largest distance in units of the last place of float32.</param>
/// <param name="Cosine">The smallest cosine over the rows.</param>
/// <param name="WorstIndex">Where |a − b| − (atol + rtol·|b|) is largest, in units of atol; −1 when nothing was compared.</param>
public sealed record ParityResult(bool Passed, int Count, double MaxAbs, long MaxUlp, double Cosine, int WorstIndex);

/// <summary>
/// The one rule by which two runs of a model are called equal: |a − b| ≤ atol + rtol·|b|, and never for a NaN or an infinity. atol counts in the
/// units in which the network computes: an x_mean in dollars, with a deviation of 10⁴, is float32 noise of 10⁻² around zero and no fault of an engine.
/// </summary>
public static class Parity
{
    /// <summary>atol and rtol against the training engine: float32 through a few layers whose sums run in another order.</summary>
    public const double EngineTolerance = 1e-5;

    /// <summary>atol and rtol for row i of a batch against row i alone: the same engine, blocked differently.</summary>
    public const double BatchTolerance = 2e-6;

    /// <param name="actual">What is judged.</param>
    /// <param name="expected">The reference, b in the rule.</param>
    /// <param name="atol">Absolute tolerance.</param>
    /// <param name="rtol">Tolerance relative to |b|.</param>
    /// <param name="rowSize">Elements of a row, for the cosine; 0 takes everything as one row.</param>
    /// <param name="units">What atol counts in, one positive number for each element of a row; empty: 1. See <see cref="ModelPackage.Units"/>.</param>
    public static ParityResult Compare(
        ReadOnlySpan<float> actual, ReadOnlySpan<float> expected, double atol, double rtol, int rowSize = 0, ReadOnlySpan<float> units = default)
    {
        if (actual.Length != expected.Length)
        {
            throw new ArgumentException($"Expected {expected.Length} elements, found {actual.Length}.", nameof(actual));
        }
        var passed = true;
        var maxAbs = 0.0;
        var maxUlp = 0L;
        var worst = double.NegativeInfinity;
        var worstIndex = -1;
        for (var i = 0; i < actual.Length; i++)
        {
            double a = actual[i], b = expected[i];
            var unit = units.IsEmpty ? 1.0 : units[i % units.Length];
            var difference = Math.Abs(a - b);
            var excess = double.IsFinite(a) && double.IsFinite(b) ? (difference - rtol * Math.Abs(b)) / unit - atol : double.PositiveInfinity;
            // An infinity minus itself is NaN, which Math.Max carries on.
            maxAbs = Math.Max(maxAbs, double.IsPositiveInfinity(excess) ? double.NaN : difference);
            maxUlp = Math.Max(maxUlp, Ulps(actual[i], expected[i]));
            passed &= excess <= 0;
            if (excess > worst)
            {
                (worst, worstIndex) = (excess, i);
            }
        }
        return new ParityResult(passed, actual.Length, maxAbs, maxUlp, Cosine(actual, expected, rowSize == 0 ? actual.Length : rowSize), worstIndex);
    }

    static double Cosine(ReadOnlySpan<float> a, ReadOnlySpan<float> b, int rowSize)
    {
        var smallest = 1.0;
        for (var start = 0; start < a.Length; start += rowSize)
        {
            double ab = 0, aa = 0, bb = 0;
            for (var i = start; i < Math.Min(start + rowSize, a.Length); i++)
            {
                ab += (double)a[i] * b[i];
                aa += (double)a[i] * a[i];
                bb += (double)b[i] * b[i];
            }
            // The angle between two zero vectors is none; between one and anything else it is as bad as can be.
            var cosine = aa == 0 && bb == 0 ? 1 : aa == 0 || bb == 0 ? 0 : ab / Math.Sqrt(aa) / Math.Sqrt(bb);
            smallest = Math.Min(smallest, cosine);
        }
        return smallest;
    }

    /// <summary>Representable numbers between the two: their bit patterns, mirrored so that they ascend through zero, subtracted.</summary>
    static long Ulps(float a, float b) => Math.Abs(Ordered(a) - Ordered(b));

    static long Ordered(float value)
    {
        var bits = BitConverter.SingleToInt32Bits(value);
        return bits >= 0 ? bits : int.MinValue - (long)bits;
    }
}
