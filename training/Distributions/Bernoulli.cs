using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>Independent Bernoulli variables, parametrised by their logits, (B, D). LogProb accepts x in [0, 1] as the reference does.</summary>
public sealed class Bernoulli(Tensor logits) : Distribution
{
    public Tensor Logits { get; } = logits;

    public override Tensor Mean => Logits.sigmoid();

    public override IReadOnlyDictionary<string, Tensor> Parameters => new Dictionary<string, Tensor> { [TensorNames.XLogits] = Logits };

    /// <summary>x·l − softplus(l): no logarithm of a probability, so ±100 is as exact as 0.</summary>
    public override Tensor LogProb(Tensor x) => (x * Logits - nn.functional.softplus(Logits)).sum(-1);

    public override Tensor Sample(Generator noise)
    {
        using var _ = no_grad();
        return Noise.Bernoulli(Mean, noise);
    }
}
