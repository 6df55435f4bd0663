using static TorchSharp.torch;

namespace Mim.Training;

// The paper's ablation of the joint entropy: what the VAE gains by adding it to its loss, and MIM loses by taking it out.

/// <summary>VAE + H: −log p(x|z) + β (log q(z|x) − log p(z)) − (log q(z|x) + log q(x)), the encoding joint's entropy added with weight 1.</summary>
sealed class VaePlusEntropyObjective : Objective
{
    public override bool HasLogQx => true;

    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var code = Code.Draw(model, x, noise);
        var logQx = code.LogQx(model, x);
        return new HalfEstimate((VaeObjective.Loss(code, beta) - code.LogQzx - logQx).mean(), code.LogPxz, code.LogPz, code.LogQzx, logQx);
    }
}

/// <summary>
/// MIM − H: MIM's loss less −log(½ p(x,z) + ½ q(x,z)), which leaves log((p + q) / 2√(p q)) ≥ 0. The published loss has two halves and a warm-up. With
/// <c>q_x: marginal</c> the encoding half is identically 0 at β = 1, for there p(x,z) = q(x,z) by construction, and +½(1−β)·log p(x,z) before: unbounded below,
/// it destroys the model within two epochs (−ELBO of 10⁴ to 10¹⁵) and cannot have made the published picture. This form, which does, is the decoding half
/// alone with log q(x) = log p(x|z), from the first step on, without the warm-up.
/// </summary>
sealed class MimMinusEntropyObjective(DecodingHalf decoding) : Objective
{
    static readonly double s_logTwo = Math.Log(2);

    public override bool HasEncodingHalf => false;

    public override bool HasDecodingHalf => true;

    public override bool HasLogQx => true;

    public override HalfEstimate Decode(Autoencoder model, long rows, double beta, Generator noise) => decoding.Estimate(
        model, rows,
        (logPxz, logPz, logQzx, logQx) =>
            Symmetric(logPxz, logPz, logQzx, logQx, 1) + logaddexp(logPxz + logPz, logQzx + logQx) - s_logTwo,
        noise);
}
