using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>N(mean, diag σ²), parametrised by the mean and log σ, both (B, D).</summary>
public sealed class Gaussian(Tensor mean, Tensor logSigma) : ReparameterizedDistribution
{
    static readonly double s_halfLogTwoPi = 0.5 * Math.Log(2 * Math.PI);

    public override Tensor Mean { get; } = mean;

    public Tensor LogSigma { get; } = logSigma;

    public override Tensor LogVar => LogSigma * 2;

    public override IReadOnlyDictionary<string, Tensor> Parameters => new Dictionary<string, Tensor> { [TensorNames.XLogVar] = LogVar };

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

    /// <summary>KL(this ‖ N(0, I)) = ½ Σ_d (μ² + σ² − 1 − log σ²) in closed form, (B).</summary>
    public Tensor KlToStandard() => (Mean.square() + LogVar.exp() - 1 - LogVar).sum(-1) * 0.5;

    /// <summary>KL(this ‖ <paramref name="other"/>) = ½ Σ_d ((μ − m)²/s² + σ²/s² − 1 − log σ²/s²) in closed form, (B).</summary>
    public Tensor KlTo(Gaussian other) =>
        new Gaussian((Mean - other.Mean) * other.LogSigma.neg().exp(), LogSigma - other.LogSigma).KlToStandard();

    public Gaussian ToDouble() => new(Mean.to_type(ScalarType.Float64), LogSigma.to_type(ScalarType.Float64));

    public override Tensor LogProb(Tensor x) => LogProbOfStandardised((x - Mean) * LogSigma.neg().exp());

    /// <summary>
    /// mean + σ·ε. The log-density is computed from ε: (x − mean)/σ would cancel to a few digits when σ is near its floor, and its gradient is
    /// zero anyway.
    /// </summary>
    public override Draw SampleReparameterized(Generator noise)
    {
        var eps = Noise.Normal(Mean.shape, Mean.dtype, Mean.device, noise);
        return new Draw(Mean + LogSigma.exp() * eps, LogProbOfStandardised(eps));
    }

    public override Gaussian Repeat(long samples) => new(Mean.repeat(samples, 1), LogSigma.repeat(samples, 1));

    Tensor LogProbOfStandardised(Tensor eps) => eps.square().sum(-1) * -0.5 - LogSigma.sum(-1) - Mean.shape[^1] * s_halfLogTwoPi;
}
