using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>Binary pixels, each given those before it in raster order and what <paramref name="decoder"/> made of z, <paramref name="maps"/> (B, 2, H, W).</summary>
public sealed class AutoregressiveBernoulli(PixelDecoder decoder, Tensor maps) : Distribution
{
    /// <summary>
    /// The mean of each pixel given the likelier value of every earlier one: the reconstruction along the greedy path, without gradient. E[x|z] itself
    /// has no closed form; the mean of many draws estimates it.
    /// </summary>
    public override Tensor Mean
    {
        get
        {
            using var _ = no_grad();
            return decoder.Generate(maps, null).Logits.sigmoid();
        }
    }

    /// <summary>p(xᵢ|x₍ⱼ₎ with j &lt; i, z) of all pixels at once; <paramref name="x"/> is (B, X).</summary>
    public Bernoulli Given(Tensor x) => new(decoder.Conditionals(x, maps));

    public override Tensor LogProb(Tensor x) => Given(x).LogProb(x);

    /// <summary>One draw of each row: the sampled bits, pixel after pixel, with BatchNorm's running statistics.</summary>
    public override Tensor Sample(Generator noise)
    {
        using var _ = no_grad();
        return SampleWith(Noise.Uniform(empty([maps.shape[0], maps.shape[2] * maps.shape[3]], dtype: maps.dtype, device: maps.device), noise));
    }

    /// <summary>As <see cref="Sample"/>, from uniform numbers (B, X): pixel i is 1 where its probability exceeds number i.</summary>
    public Tensor SampleWith(Tensor uniforms)
    {
        using var _ = no_grad();
        return decoder.Generate(maps, uniforms).X;
    }

    /// <summary>
    /// What the reference calls a sample: the conditional means in the last of its X passes, (B, X), where all pixels of <paramref name="draw"/> but the
    /// last are given. It is no draw from p(x|z).
    /// </summary>
    public Tensor LastPassMean(Tensor draw) => Given(draw).Mean;
}
