using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The encoder's x-marginal q(x) where it is a density of its own. (<c>q_x: marginal</c> is none: it is the importance estimate of the decoder's.)
/// </summary>
public abstract class XMarginal(string name) : nn.Module(name)
{
    /// <summary>Elements of the widest activation for one row of x: validation bounds its memory by it.</summary>
    public abstract long Width { get; }

    /// <summary>log q(x), (B), in nats; <paramref name="x"/> is (B, X).</summary>
    public abstract Tensor LogProb(Tensor x);

    public abstract void Initialize(Generator init);

    /// <summary>What <c>objective.q_x</c> names; null for <c>marginal</c>.</summary>
    internal static XMarginal? Create(TrainingOptions options, long xDim, Architecture architecture)
    {
        var (components, floor) = (options.Objective.QXComponents, options.Network.SigmaFloor);
        return options.Objective.QX switch
        {
            EncoderMarginal.Marginal => null,
            EncoderMarginal.Prior when components == 1 => new LearnedMarginal(new GaussianPrior(xDim, floor)),
            EncoderMarginal.Prior => new LearnedMarginal(new MixturePrior(xDim, components, floor)),
            EncoderMarginal.Pseudo => new PseudoMarginal(architecture.ZDim, components, architecture.Decoder),
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.Objective.QX, null),
        };
    }
}

/// <summary>q(x) is a learned Gaussian or Gaussian mixture over x: the reference's <c>--q-x prior</c>.</summary>
public sealed class LearnedMarginal : XMarginal
{
    public readonly Prior density;

    public LearnedMarginal(Prior density)
        : base(nameof(LearnedMarginal))
    {
        this.density = density;
        RegisterComponents();
    }

    public override long Width => density.Width;

    public override Tensor LogProb(Tensor x) => density.LogProb(x);

    public override void Initialize(Generator init) => density.Initialize(init);
}

/// <summary>
/// q(x) = 1/K Σ_k p(x|u_k) with learned pseudo-codes u, which start at draws of N(0, I): the reference's <c>--q-x gmm-marginal</c>, the VampPrior's mirror
/// image. The decoder is shared, not owned. Every pair of x and u is decoded, B·K rows, for a likelihood may depend on x beyond its parameters.
/// </summary>
public sealed class PseudoMarginal : XMarginal
{
    public readonly Parameter pseudo_codes; // (K, Z)

    readonly Func<Tensor, Distribution> _likelihood;
    readonly long _likelihoodWidth;

    public PseudoMarginal(long zDim, long components, Decoder decoder)
        : base(nameof(PseudoMarginal))
    {
        pseudo_codes = new Parameter(zeros(components, zDim));
        (_likelihood, _likelihoodWidth) = (decoder.call, decoder.Width);
        RegisterComponents();
    }

    public override long Width => pseudo_codes.shape[0] * _likelihoodWidth;

    public override Tensor LogProb(Tensor x)
    {
        var (rows, components) = (x.shape[0], pseudo_codes.shape[0]);
        var logPxu = _likelihood(pseudo_codes.repeat(rows, 1)).LogProb(x.repeat_interleave(components, 0));
        return LogSpace.LogMeanExp(logPxu.view(rows, components), 1);
    }

    public override void Initialize(Generator init)
    {
        using var _ = no_grad();
        pseudo_codes.normal_(0, 1, init);
    }
}
