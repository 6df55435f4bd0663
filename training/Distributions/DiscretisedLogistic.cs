using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// x in [0, 1] in 256 grey levels, each pixel independently a logistic variable of location m and scale s that was put into one of the bins [k/256, (k+1)/256):
/// P(k) = σ((b − m)/s) − σ((a − m)/s) with b, a the bin's ends. The first and the last bin take the tails, so that P adds up to 1 (the reference leaves them
/// out, and adds 10⁻⁷ inside the logarithm). LogProb is that of the bin x lies in, a probability: ≤ 0.
/// </summary>
public sealed class DiscretisedLogistic(Tensor location, Tensor logScale) : Distribution
{
    public const int Levels = 256;

    /// <summary>
    /// The mean of the logistic variable clipped to [0, 1], s·(softplus(m/s) − softplus((m − 1)/s)): within 1/256 of the levels' own.
    /// </summary>
    public override Tensor Mean
    {
        get
        {
            var scale = logScale.exp();
            return (nn.functional.softplus(location / scale) - nn.functional.softplus((location - 1) / scale)) * scale;
        }
    }

    public override IReadOnlyDictionary<string, Tensor> Parameters => new Dictionary<string, Tensor>
    {
        [TensorNames.XLocation] = location,
        [TensorNames.XLogScale] = logScale,
    };

    /// <summary>
    /// With u, v the standardised ends, σ(u) − σ(v) = σ(u) σ(−v) (1 − exp(v − u)): three logarithms that neither cancel nor overflow.
    /// </summary>
    public override Tensor LogProb(Tensor x)
    {
        var level = (x * Levels).floor().clamp(0, Levels - 1);
        var precision = logScale.neg().exp();
        var lower = (level / Levels - location) * precision;
        var upper = ((level + 1) / Levels - location) * precision;
        var (first, last) = (level.eq(0), level.eq(Levels - 1));
        var none = zeros_like(lower);
        var belowUpper = where(last, none, nn.functional.logsigmoid(upper));
        var aboveLower = where(first, none, nn.functional.logsigmoid(lower.neg()));
        // Where a tail is taken the width is not asked for; and log(1 − exp(−w)) = log(−expm1(−w)) must not be asked at 0 even there.
        var width = where(first.logical_or(last), none, (precision / -Levels).expm1().neg().log());
        return (belowUpper + aboveLower + width).sum(-1);
    }

    /// <summary>k/255, what <c>scale: 255</c> makes of a byte k.</summary>
    public override Tensor Sample(Generator noise)
    {
        using var _ = no_grad();
        var u = Noise.Uniform(location, noise);
        var y = location + (u.log() - u.neg().log1p()) * logScale.exp();
        return (y * Levels).floor().clamp(0, Levels - 1) / (Levels - 1);
    }
}
