using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Symmetric MIM: −½ [log p(x|z) + log p(z) + β (log q(z|x) + log q(x))] over both halves, β in the first while it warms up. With <c>q_x: marginal</c> the
/// posterior's entropy cancels in the encoding half, which is −(1+β)/2 · (log p(x|z) + log p(z)).
/// </summary>
sealed class MimObjective(DecodingHalf decoding) : Objective
{
    public override bool HasDecodingHalf => true;

    public override bool HasLogQx => true;

    public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
    {
        var code = Code.Draw(model, x, noise);
        var logQx = code.LogQx(model, x);
        return new HalfEstimate(
            Symmetric(code.LogPxz, code.LogPz, code.LogQzx, logQx, beta).mean(), code.LogPxz, code.LogPz, code.LogQzx, logQx);
    }

    public override HalfEstimate Decode(Autoencoder model, long rows, double beta, Generator noise) => decoding.Estimate(
        model, rows, (logPxz, logPz, logQzx, logQx) => Symmetric(logPxz, logPz, logQzx, logQx, beta), noise);
}
