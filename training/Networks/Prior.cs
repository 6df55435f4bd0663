using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>p(z), which is also what the decoding half draws z from.</summary>
public abstract class Prior(string name) : nn.Module(name)
{
    /// <summary>log p(z), (B), in nats; <paramref name="z"/> is (B, Z).</summary>
    public abstract Tensor LogProb(Tensor z);

    /// <summary>z ~ p(z), (<paramref name="rows"/>, Z), with gradient where the prior has parameters.</summary>
    public abstract Tensor Sample(long rows, ScalarType dtype, Device device, Generator noise);

    /// <summary>KL(<paramref name="posterior"/> ‖ p) in double precision, (B), where it has a closed form; else null.</summary>
    public virtual Tensor? Kl(ReparameterizedDistribution posterior) => null;

    /// <summary>Draws every weight, if there are any.</summary>
    public virtual void Initialize(Generator init)
    {
    }
}

/// <summary>N(0, I).</summary>
public sealed class StandardPrior(int zDim) : Prior(nameof(StandardPrior))
{
    public override Tensor LogProb(Tensor z) => Gaussian.StandardLogProb(z);

    public override Tensor Sample(long rows, ScalarType dtype, Device device, Generator noise) => Noise.Normal([rows, zDim], dtype, device, noise);

    public override Tensor? Kl(ReparameterizedDistribution posterior) => posterior is Gaussian q
        ? new Gaussian(q.Mean.to_type(ScalarType.Float64), q.LogSigma.to_type(ScalarType.Float64)).KlToStandard()
        : null;
}
