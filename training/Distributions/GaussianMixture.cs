using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Each coordinate has a mixture of K Gaussians of its own, and the coordinates are independent: p(x) = Π_d Σ_k w_kd N(x_d; μ_kd, σ²_kd). The parameters are
/// (B, K, D); the weights are the softmax of the logits over K.
/// </summary>
public sealed class GaussianMixture(Tensor logits, Tensor means, Tensor logSigmas) : ReparameterizedDistribution
{
    const int Component = 1;

    static readonly double s_sqrtHalf = Math.Sqrt(0.5);
    static readonly double s_halfLogTwoPi = 0.5 * Math.Log(2 * Math.PI);

    readonly Tensor _logWeights = logits.log_softmax(Component);

    public override Tensor Mean => (Weights * means).sum(Component);

    /// <summary>log of the mixture's variance, E var + var E, (B, D).</summary>
    public override Tensor LogVar => (Weights * ((logSigmas * 2).exp() + (means - Mean.unsqueeze(Component)).square())).sum(Component).log();

    public override IReadOnlyDictionary<string, Tensor> Parameters => new Dictionary<string, Tensor>
    {
        [TensorNames.XMixtureLogits] = logits,
        [TensorNames.XMixtureMean] = means,
        [TensorNames.XMixtureLogVar] = logSigmas * 2,
    };

    Tensor Weights => _logWeights.exp();

    public override Tensor LogProb(Tensor x) => LogProbOfEach(x).sum(-1);

    /// <summary>
    /// A draw cannot be reparameterised through its choice of component, but it can be through the distribution function F of its coordinate: u = F(x; θ) at
    /// constant u gives dx/dθ = −(∂F/∂θ)/p(x) exactly (Figurnov, Mohamed and Mnih, 2018, eq. 5).
    /// </summary>
    public override Draw SampleReparameterized(Generator noise)
    {
        var drawn = SampleWithoutGradient(noise);
        // The value added is zero, its gradient the one above.
        var distribution = DistributionFunction(drawn);
        var x = drawn + (distribution.detach() - distribution) * LogProbOfEach(drawn).detach().neg().exp();
        return new Draw(x, LogProb(x));
    }

    public override GaussianMixture Repeat(long samples) =>
        new(logits.repeat(samples, 1, 1), means.repeat(samples, 1, 1), logSigmas.repeat(samples, 1, 1));

    public override Tensor Sample(Generator noise) => SampleWithoutGradient(noise);

    Tensor SampleWithoutGradient(Generator noise)
    {
        using var _ = no_grad();
        // The largest of log w + Gumbel noise is a draw of the component.
        var gumbel = Noise.Uniform(logits, noise).log().neg().log().neg();
        var chosen = (_logWeights + gumbel).argmax(Component, keepdim: true);
        var (mean, logSigma) = (means.gather(Component, chosen).squeeze(Component), logSigmas.gather(Component, chosen).squeeze(Component));
        return mean + logSigma.exp() * Noise.Normal(mean.shape, mean.dtype, mean.device, noise);
    }

    /// <summary>(B, K, D).</summary>
    Tensor Standardised(Tensor x) => (x.unsqueeze(Component) - means) * logSigmas.neg().exp();

    /// <summary>(B, D).</summary>
    Tensor LogProbOfEach(Tensor x) =>
        (_logWeights - Standardised(x).square() * 0.5 - logSigmas - s_halfLogTwoPi).logsumexp(Component);

    /// <summary>Σ_k w_k Φ((x − μ_k)/σ_k), (B, D).</summary>
    Tensor DistributionFunction(Tensor x) => (Weights * ((Standardised(x) * s_sqrtHalf).erf() + 1) * 0.5).sum(Component);
}
