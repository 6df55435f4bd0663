using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>−ELBO with β on the KL divergence, which is estimated with the same single z: −log p(x|z) + β (log q(z|x) − log p(z)).</summary>
sealed class VaeObjective : Objective
{
    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var code = Code.Draw(model, x, noise);
        return new HalfEstimate(Loss(code, beta).mean(), code.LogPxz, code.LogPz, code.LogQzx, null);
    }

    /// <summary>Of each row, (B).</summary>
    internal static Tensor Loss(Code code, double beta) => (code.LogQzx - code.LogPz) * beta - code.LogPxz;
}

/// <summary>−log p(x|z): the VAE at β = 0 with a delta encoder, whose σ is the floor; the decoder keeps its learned scale.</summary>
sealed class AeObjective : Objective
{
    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var code = Code.Draw(model, x, noise);
        return new HalfEstimate(code.LogPxz.mean().neg(), code.LogPxz, code.LogPz, code.LogQzx, null);
    }
}
