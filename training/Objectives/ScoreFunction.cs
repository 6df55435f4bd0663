using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The gradient of E[L(x)] over discrete x ~ p(x), which no draw of x carries: E[∇L + (L − b)·∇log p(x)] (Williams, 1992), unbiased for every b that does not
/// depend on the row's own x, if p is what x was drawn from and no row's L depends on another's x (no batch statistics). Here b is the mean of the other rows' L (Kool, van Hoof and Welling, 2019).
/// </summary>
public static class ScoreFunction
{
    /// <summary>The losses with their values, and with the score function in their gradient; both arguments are (B), of rows drawn independently.</summary>
    public static Tensor Apply(Tensor losses, Tensor logProb)
    {
        var value = losses.detach();
        var rows = value.shape[0];
        var baseline = rows > 1 ? (value.sum() - value) / (rows - 1) : zeros_like(value);
        var score = (value - baseline) * logProb;
        return losses + score - score.detach();
    }
}
