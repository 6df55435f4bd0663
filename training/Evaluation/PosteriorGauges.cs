namespace Mim.Training;

/// <summary>What each dimension of z carries: a dimension whose posterior is the prior, whatever x is, has collapsed.</summary>
public sealed record PosteriorGauges
{
    /// <summary>Mean KL(q(z_d|x) ‖ N(0, 1)), nats; null where prior or posterior is no product of Gaussians.</summary>
    public required IReadOnlyList<double>? Kl { get; init; }

    /// <summary>Variance of the posterior's mean over rows.</summary>
    public required IReadOnlyList<double> MeanVariance { get; init; }

    /// <summary>Mean of the posterior's variance over rows.</summary>
    public required IReadOnlyList<double> PosteriorVariance { get; init; }

    /// <param name="zMean">(N, Z).</param>
    /// <param name="zLogVar">(N, Z).</param>
    /// <param name="zDim">Z.</param>
    /// <param name="factorises">Whether posterior and prior are products over dimensions, the prior's N(0, 1).</param>
    public static PosteriorGauges Of(ReadOnlySpan<float> zMean, ReadOnlySpan<float> zLogVar, int zDim, bool factorises)
    {
        var rows = zMean.Length / zDim;
        var (kl, meanVariance, posteriorVariance) = (new double[zDim], new double[zDim], new double[zDim]);
        for (var d = 0; d < zDim; d++)
        {
            double mean = 0, squares = 0;
            for (var i = 0; i < rows; i++)
            {
                double value = zMean[i * zDim + d], logVariance = zLogVar[i * zDim + d];
                var variance = Math.Exp(logVariance);
                // Welford: a mean far from zero must not cancel the variance.
                var delta = value - mean;
                mean += delta / (i + 1);
                squares += delta * (value - mean);
                kl[d] += 0.5 * (value * value + variance - 1 - logVariance) / rows;
                posteriorVariance[d] += variance / rows;
            }
            meanVariance[d] = squares / rows;
        }
        return new PosteriorGauges { Kl = factorises ? kl : null, MeanVariance = meanVariance, PosteriorVariance = posteriorVariance };
    }
}

/// <summary>The standard deviations of q(z|x) over rows and dimensions; of a hierarchical posterior those where every higher level is at its mean.</summary>
public sealed record PosteriorSd
{
    public required double Min { get; init; }
    public required double Median { get; init; }
    public required double Mean { get; init; }
    public required double Max { get; init; }

    public static PosteriorSd Of(ReadOnlySpan<float> zLogVar)
    {
        var sorted = zLogVar.ToArray();
        Array.Sort(sorted);
        static double Sd(float logVariance) => Math.Exp(0.5 * logVariance);
        return new PosteriorSd
        {
            Min = Sd(sorted[0]),
            Median = (Sd(sorted[(sorted.Length - 1) / 2]) + Sd(sorted[sorted.Length / 2])) / 2,
            Mean = sorted.Average(Sd),
            Max = Sd(sorted[^1]),
        };
    }
}
