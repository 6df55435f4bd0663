using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// q(z₂|x) q(z₁|x, z₂) over z = [z₁, z₂], (B, 2·Z). Its first two moments have no closed form for z₁: mean and log-variance are those at z₂ = its mean.
/// </summary>
public sealed class TwoLevelPosterior(TwoLevelEncoder encoder, Gaussian upper, Tensor features) : ReparameterizedDistribution
{
    public override Tensor Mean => cat([encoder.Lower(features, upper.Mean).Mean, upper.Mean], 1);

    public override Tensor LogVar => cat([encoder.Lower(features, upper.Mean).LogVar, upper.LogVar], 1);

    public override Tensor LogProb(Tensor x)
    {
        var level = x.shape[1] / 2;
        var (lowerCode, upperCode) = (x.narrow(1, 0, level), x.narrow(1, level, level));
        return upper.LogProb(upperCode) + encoder.Lower(features, upperCode).LogProb(lowerCode);
    }

    /// <summary>Ancestral: z₂, then z₁ given it; the gradient reaches q(z₂|x) through both.</summary>
    public override Draw SampleReparameterized(Generator noise)
    {
        var upperDraw = upper.SampleReparameterized(noise);
        var lowerDraw = encoder.Lower(features, upperDraw.Value).SampleReparameterized(noise);
        return new Draw(cat([lowerDraw.Value, upperDraw.Value], 1), upperDraw.LogProb + lowerDraw.LogProb);
    }

    public override TwoLevelPosterior Repeat(long samples) => new(encoder, upper.Repeat(samples), features.repeat(samples, 1));
}
