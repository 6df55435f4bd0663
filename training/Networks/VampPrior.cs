using Mim.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// p(z) = 1/K Σ_k q(z|u_k) with learned pseudo-inputs u (Tomczak and Welling, 2018). The encoder is shared, not owned: its weights stand under its own
/// key. A draw takes its pseudo-input at random, so that it is one of p(z); the reference's code takes the first B in order, whatever K is.
/// </summary>
public sealed class VampPrior : EqualMixturePrior
{
    /// <summary>The reference's random images and its jitter on training images.</summary>
    const double ImageMean = 0.05, ImageSpread = 0.01;

    public readonly Parameter pseudo_inputs; // (K, X)

    readonly Func<Tensor, Gaussian> _posterior;
    readonly bool _bounded;
    readonly bool _fromData;

    SharedComponents? _shared;

    /// <param name="zDim">Dimensions that the prior is over.</param>
    /// <param name="components">K.</param>
    /// <param name="xDim">X.</param>
    /// <param name="bounded">x lies in [0, 1]: u is clamped to it, without gradient outside, as the reference's Hardtanh does.</param>
    /// <param name="fromData">Start at the first K training rows, else at N(0.05, 0.01²) if bounded and N(0, 1) if not.</param>
    /// <param name="posterior">u (K, X) → q(z|u), in tensors of its own.</param>
    public VampPrior(long zDim, long components, long xDim, bool bounded, bool fromData, Func<Tensor, Gaussian> posterior)
        : base(nameof(VampPrior), components)
    {
        pseudo_inputs = new Parameter(zeros(components, xDim));
        (Width, _bounded, _fromData, _posterior) = (components * zDim, bounded, fromData, posterior);
        RegisterComponents();
    }

    public override long Width { get; }

    protected override Gaussian Density => _shared is { } shared ? shared.Leaves : Encoded();

    /// <summary>An objective with two halves asks for the components three times a step, and encoding K pseudo-inputs may cost more than the rest.</summary>
    public override SharedPart Share() => _shared = _shared is null
        ? new SharedComponents(this)
        : throw new InvalidOperationException("The components are shared already.");

    public override void Initialize(Generator init)
    {
        using var _ = no_grad();
        pseudo_inputs.normal_(_bounded ? ImageMean : 0, _bounded ? ImageSpread : 1, init);
    }

    public override void InitializeFrom(FirstRows data, Generator init)
    {
        if (!_fromData)
        {
            return;
        }
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var rows = data((int)Components);
        if (rows.shape[0] < Components)
        {
            throw new UsageException($"prior.components: expected at most the {rows.shape[0]} training rows, found {Components}. "
                + "Give fewer, or 'prior.pseudo_init: random'.");
        }
        pseudo_inputs.copy_(_bounded ? rows + Noise.Normal(rows.shape, rows.dtype, rows.device, init) * ImageSpread : rows);
    }

    Gaussian Encoded() => _posterior(_bounded ? pseudo_inputs.hardtanh(0, 1) : pseudo_inputs);

    /// <summary>The components with the graph behind them, and copies where the losses' graphs end; encoded when first asked for.</summary>
    sealed class SharedComponents(VampPrior prior) : SharedPart
    {
        (Gaussian Density, Gaussian Leaves)? _components;

        public Gaussian Leaves => (_components ??= Encode()).Leaves;

        public override void Backward()
        {
            // None, if no loss asked for them.
            if (_components is { } components && components.Leaves.Mean.grad is { } mean && components.Leaves.LogSigma.grad is { } logSigma)
            {
                autograd.backward([components.Density.Mean, components.Density.LogSigma], [mean, logSigma]);
            }
        }

        public override void Dispose()
        {
            prior._shared = null;
            if (_components is { } all)
            {
                _components = null;
                foreach (var tensor in (Tensor[])[all.Density.Mean, all.Density.LogSigma, all.Leaves.Mean, all.Leaves.LogSigma])
                {
                    tensor.Dispose();
                }
            }
        }

        /// <summary>Whoever asks first may do so in a dispose scope that ends before the others ask.</summary>
        (Gaussian Density, Gaussian Leaves) Encode()
        {
            using var scope = NewDisposeScope();
            var density = prior.Encoded();
            return (
                new Gaussian(density.Mean.DetachFromDisposeScope(), density.LogSigma.DetachFromDisposeScope()),
                new Gaussian(Leaf(density.Mean), Leaf(density.LogSigma)));

            static Tensor Leaf(Tensor tensor) => tensor.detach().requires_grad_().DetachFromDisposeScope();
        }
    }
}
