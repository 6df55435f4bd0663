using static TorchSharp.torch;

namespace Mim.Training;

// Asymmetric MIM samples from the encoding joint alone. Three different losses were published under that name; at beta = 1, with q_x: marginal and a
// standard prior, they are
//
//     a_mim           -(log p(x|z) + log p(z))                              the toy experiments' code
//     a_mim_image     the same; beta enters at other places                 the image experiments' code
//     a_mim_sentence  -log p(x|z) - 1/2 (log q(z|x) + log P(z))             sentence-MIM, MolMIM, cMIM
//
// No term of the first two widens the posterior and the third narrows it: each relies on the floor of the log-variance.

/// <summary>The encoding half of MIM alone: −½ [log p(x|z) + log p(z) + β (log q(z|x) + log q(x))].</summary>
sealed class AMimObjective : Objective
{
    public override bool HasLogQx => true;

    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var code = Code.Draw(model, x, noise);
        var logQx = code.LogQx(model, x);
        return new HalfEstimate(
            Symmetric(code.LogPxz, code.LogPz, code.LogQzx, logQx, beta).mean(), code.LogPxz, code.LogPz, code.LogQzx, logQx);
    }
}

/// <summary>
/// The image code's: log p(z) is log p(z₁|z₂) + β log p(z₂), and q(x) = p(x|z) p(z) / q(z|x) with it, so that the loss is
/// −(1+β)/2 · [log p(x|z) + log p(z₁|z₂) + β log p(z₂)]; with one level −(1+β)/2 · [log p(x|z) + β log p(z)].
/// </summary>
sealed class AMimImageObjective : Objective
{
    public override bool HasLogQx => true;

    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var (z, logQzx) = model.encoder.call(x).SampleReparameterized(noise);
        var logPxz = model.decoder.call(z).LogProb(x);
        var weighted = model.prior.LogProb(z, beta);
        var logPz = beta == 1 ? weighted : model.prior.LogProb(z);
        return new HalfEstimate(((logPxz + weighted) * (-(1 + beta) / 2)).mean(), logPxz, logPz, logQzx, logPxz + logPz - logQzx);
    }
}

/// <summary>
/// Sentence-MIM's: −log p(x|z) − β/2 · (log q(z|x) + log P(z)). It is MIM's encoding half with p(z) ≈ q(z|x), the aggregate posterior by the same draw, and
/// q(x) ≈ p(x|z) P(z) / q(z|x); at β = 1 that is <c>a_mim</c> with <c>prior: marginal</c>. β is the weight that NeMo's translation model raises from 0.
/// </summary>
sealed class AMimSentenceObjective : Objective
{
    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var code = Code.Draw(model, x, noise);
        return new HalfEstimate(Loss(code, beta).mean(), code.LogPxz, code.LogPrior, code.LogQzx, null);
    }

    /// <summary>Of each row, (B).</summary>
    internal static Tensor Loss(Code code, double beta) => (code.LogQzx + code.LogPrior) * (-0.5 * beta) - code.LogPxz;
}
