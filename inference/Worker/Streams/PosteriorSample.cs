namespace Mim.Inference;

/// <summary>z = z_mean + exp(z_log_var / 2)·ε on the host, ε ~ N(0, I) drawn row by row from one seeded generator, so that batching does not change it.</summary>
sealed class PosteriorSample(int seed)
{
    readonly Random _generator = new(seed);

    public void Draw(ReadOnlySpan<float> mean, ReadOnlySpan<float> logVar, Span<float> z)
    {
        for (var i = 0; i < z.Length; i++)
        {
            z[i] = (float)(mean[i] + Math.Exp(logVar[i] / 2.0) * Normal());
        }
    }

    // Box and Muller 1958; 1 − u is in (0, 1], where the logarithm is finite.
    double Normal() => Math.Sqrt(-2 * Math.Log(1 - _generator.NextDouble())) * Math.Cos(2 * Math.PI * _generator.NextDouble());
}
