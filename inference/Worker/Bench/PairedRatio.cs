namespace Mim.Inference;

/// <summary>Ratios of interleaved runs: drift of the machine hits both halves of a pair alike.</summary>
/// <param name="Median">Of the ratios.</param>
/// <param name="Low">Lower end of the 95 % percentile-bootstrap interval of the median.</param>
/// <param name="High">Upper end.</param>
public sealed record PairedRatio(IReadOnlyList<double> Ratios, double Median, double Low, double High)
{
    const int Resamples = 10_000;
    const int Seed = 1;

    public static PairedRatio Of(IReadOnlyList<double> ratios)
    {
        var generator = new Random(Seed);
        var medians = new double[Resamples];
        var resample = new double[ratios.Count];
        for (var i = 0; i < Resamples; i++)
        {
            for (var j = 0; j < resample.Length; j++)
            {
                resample[j] = ratios[generator.Next(ratios.Count)];
            }
            medians[i] = MedianOf(resample);
        }
        Array.Sort(medians);
        return new(ratios, MedianOf([.. ratios]), medians[(int)(0.025 * Resamples)], medians[(int)(0.975 * Resamples)]);
    }

    static double MedianOf(double[] values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
