using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The first rows of the training split as the network sees them, stochastic steps at their expectation, (count, X) on the CPU.</summary>
public delegate Tensor FirstRows(int count);

/// <summary>p(z), which is also what the decoding half draws z from.</summary>
public abstract class Prior(string name) : nn.Module(name)
{
    /// <summary>Elements of the widest activation for one row of z: evaluation bounds its memory by it.</summary>
    public virtual long Width => 1;

    /// <summary>log p(z), (B), in nats; <paramref name="z"/> is (B, Z).</summary>
    public abstract Tensor LogProb(Tensor z);

    /// <summary>
    /// With levels, the log-densities of the lower ones plus <paramref name="topWeight"/> times that of the top one: log p(z₁|z₂) + w·log p(z₂); of a
    /// single level w·log p(z). (B).
    /// </summary>
    public virtual Tensor LogProb(Tensor z, double topWeight) => LogProb(z) * topWeight;

    /// <summary>z ~ p(z), (<paramref name="rows"/>, Z), with gradient where the prior has parameters.</summary>
    public abstract Tensor Sample(long rows, ScalarType dtype, Device device, Generator noise);

    /// <summary>
    /// The same density for many calls without gradient: what does not depend on z is computed once, in the current dispose scope. Never to be disposed.
    /// </summary>
    public virtual Prior Fixed() => this;

    /// <summary>
    /// While what is returned lives, the weights do not change: what does not depend on z is computed once, however often the density is asked for and
    /// however many losses go backward, each through a part of its own. <see cref="SharedPart.Backward"/> ends that with gradient.
    /// </summary>
    public virtual SharedPart Share() => SharedPart.Nothing;

    /// <summary>KL(<paramref name="posterior"/> ‖ p) in double precision, (B), where it has a closed form; else null.</summary>
    public virtual Tensor? Kl(ReparameterizedDistribution posterior) => null;

    /// <summary>Draws every weight, if there are any.</summary>
    public virtual void Initialize(Generator init)
    {
    }

    /// <summary>After <see cref="Initialize"/>, when training begins: what is to start from the data.</summary>
    public virtual void InitializeFrom(FirstRows data, Generator init)
    {
    }
}

/// <summary>N(0, I).</summary>
public class StandardPrior(long zDim) : Prior(nameof(StandardPrior))
{
    public override Tensor LogProb(Tensor z) => Gaussian.StandardLogProb(z);

    public override Tensor Sample(long rows, ScalarType dtype, Device device, Generator noise) => Noise.Normal([rows, zDim], dtype, device, noise);

    public override Tensor? Kl(ReparameterizedDistribution posterior) => (posterior as Gaussian)?.ToDouble().KlToStandard();
}

/// <summary>
/// p(z) := ∫ q(z|x) P(x) dx, estimated by the q(z|x) of the same draw: an objective puts log q(z|x) where log p(z) stands. What is drawn from,
/// evaluated and put into the estimate of q(x) is P(z) = N(0, I), as in the derivation of sentence-MIM's loss. (The reference cannot run this
/// together with its decoding half.)
/// </summary>
public sealed class MarginalPrior(long zDim) : StandardPrior(zDim);
