using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>A value and the log-density, in nats, of having drawn it: (B, D) and (B).</summary>
public readonly record struct Draw(Tensor Value, Tensor LogProb);

/// <summary>
/// A distribution over rows of D independent values; its parameters are (B, D). Log-densities sum over D: (B), in nats, no constant dropped.
/// </summary>
public abstract class Distribution
{
    /// <summary>Expected value, (B, D).</summary>
    public abstract Tensor Mean { get; }

    /// <summary>log p(x), (B); <paramref name="x"/> is (B, D).</summary>
    public abstract Tensor LogProb(Tensor x);

    /// <summary>A draw of each row without gradient, (B, D).</summary>
    public abstract Tensor Sample(Generator noise);
}

/// <summary>N(mean, diag σ²), parametrised by the mean and log σ, both (B, D).</summary>
public sealed class Gaussian(Tensor mean, Tensor logSigma) : Distribution
{
    static readonly double s_halfLogTwoPi = 0.5 * Math.Log(2 * Math.PI);

    public override Tensor Mean { get; } = mean;

    public Tensor LogSigma { get; } = logSigma;

    /// <summary>log σ², the quantity that a model package calls <c>z_log_var</c>.</summary>
    public Tensor LogVar => LogSigma * 2;

    /// <summary>
    /// The network's output s read as σ = exp(s) + <paramref name="sigmaFloor"/>, the reference's additive floor (it is no clamp of the log-variance):
    /// log σ = ln σ_min + softplus(s − ln σ_min), exactly and without overflow.
    /// </summary>
    public static Gaussian WithFloor(Tensor mean, Tensor s, double sigmaFloor)
    {
        var logFloor = Math.Log(sigmaFloor);
        return new Gaussian(mean, nn.functional.softplus(s - logFloor) + logFloor);
    }

    /// <summary>log N(z; 0, I), (B).</summary>
    public static Tensor StandardLogProb(Tensor z) => z.square().sum(-1) * -0.5 - z.shape[^1] * s_halfLogTwoPi;

    /// <summary>KL(this ‖ N(0, I)) in closed form, (B).</summary>
    public Tensor KlToStandard() => ((LogSigma * 2).exp() + Mean.square() - LogSigma * 2 - 1).sum(-1) * 0.5;

    public override Tensor LogProb(Tensor x) => LogProbOfStandardised((x - Mean) * LogSigma.neg().exp());

    public override Tensor Sample(Generator noise)
    {
        using var _ = no_grad();
        return SampleReparameterized(noise).Value;
    }

    /// <summary>
    /// mean + σ·ε with gradient, and its log-density as a function of the parameters. The latter is computed from ε: (x − mean)/σ would cancel
    /// to a few digits when σ is near its floor, and its gradient is zero anyway.
    /// </summary>
    public Draw SampleReparameterized(Generator noise)
    {
        var eps = Noise.Normal(Mean.shape, Mean.dtype, Mean.device, noise);
        return new Draw(Mean + LogSigma.exp() * eps, LogProbOfStandardised(eps));
    }

    Tensor LogProbOfStandardised(Tensor eps) => eps.square().sum(-1) * -0.5 - LogSigma.sum(-1) - Mean.shape[^1] * s_halfLogTwoPi;
}

/// <summary>Independent Bernoulli variables, parametrised by their logits, (B, D). LogProb accepts x in [0, 1] as the reference does.</summary>
public sealed class Bernoulli(Tensor logits) : Distribution
{
    public Tensor Logits { get; } = logits;

    public override Tensor Mean => Logits.sigmoid();

    /// <summary>x·l − softplus(l): no logarithm of a probability, so ±100 is as exact as 0.</summary>
    public override Tensor LogProb(Tensor x) => (x * Logits - nn.functional.softplus(Logits)).sum(-1);

    public override Tensor Sample(Generator noise)
    {
        using var _ = no_grad();
        return Noise.Bernoulli(Mean, noise);
    }
}

public static class LogSpace
{
    /// <summary>log of the mean of exp(<paramref name="logValues"/>) over <paramref name="dim"/>, which goes away.</summary>
    public static Tensor LogMeanExp(Tensor logValues, long dim) =>
        logValues.logsumexp(dim) - Math.Log(logValues.shape[dim < 0 ? ^(int)-dim : (int)dim]);
}
