using System.Numerics;

namespace Mim.Training;

/// <summary>
/// What the importance-weighted bound was after 1, 2, 4, … of its S draws a row, and after all: a sequence that still falls at its end says that S was
/// too small for this posterior.
/// </summary>
public sealed record NllBySamples
{
    public required IReadOnlyList<int> Samples { get; init; }

    public required IReadOnlyList<double> Nll { get; init; }

    /// <param name="logPx">Σ over rows of the estimate of log p(x), after 2ⁱ draws at [i].</param>
    /// <param name="nll">Σ over rows of the last estimate of −log p(x).</param>
    /// <param name="samples">S.</param>
    /// <param name="rows">N.</param>
    internal static NllBySamples Of(ReadOnlySpan<double> logPx, double nll, int samples, int rows)
    {
        var (marks, values) = (new List<int>(), new List<double>());
        for (var i = 0; i < logPx.Length; i++)
        {
            marks.Add(1 << i);
            values.Add(-logPx[i] / rows);
        }
        if (!BitOperations.IsPow2(samples))
        {
            marks.Add(samples);
            values.Add(nll / rows);
        }
        return new NllBySamples { Samples = marks, Nll = values };
    }
}
