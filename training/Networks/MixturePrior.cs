using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// K Gaussians of equal weight. The weights are not learned, here and in the VampPrior alike: which component a draw is from then carries no
/// gradient, and the reparameterised draw is unbiased.
/// </summary>
public abstract class EqualMixturePrior(string name, long components) : Prior(name)
{
    /// <summary>K.</summary>
    public long Components { get; } = components;

    /// <summary>The components' parameters, (K, Z).</summary>
    protected abstract Gaussian Density { get; }

    public override Prior Fixed() => new FixedMixture(Components, Width, Density);

    public override Tensor LogProb(Tensor z) => LogSpace.LogMeanExp(Density.LogProb(z.unsqueeze(1)), 1); // (B, 1, Z) beside (K, Z)

    public override Tensor Sample(long rows, ScalarType dtype, Device device, Generator noise)
    {
        var component = Noise.Index(Components, rows, device, noise);
        var density = Density;
        return new Gaussian(density.Mean.index_select(0, component), density.LogSigma.index_select(0, component)).SampleReparameterized(noise).Value;
    }

    /// <summary>Components that stay: the VampPrior would encode its pseudo-inputs again for every batch of z.</summary>
    sealed class FixedMixture(long components, long width, Gaussian density) : EqualMixturePrior(nameof(FixedMixture), components)
    {
        public override long Width => width;

        protected override Gaussian Density => density;
    }
}

/// <summary>
/// A learned mixture of K Gaussians, σ = exp(s) + σ_min. The reference starts at circles packed into the unit disc by the package circlify and learns the
/// weights, too. Here, in two dimensions, the K locations lie on a sunflower spiral (Vogel 1979: r = √((k + ½)/K), θ = k·π(3 − √5)), which gives each the
/// area of a circle of radius 1/√K, the components' σ; in others μ ~ N(0, 1) and σ = K^(−1/Z).
/// </summary>
public sealed class MixturePrior : EqualMixturePrior
{
    public readonly Parameter mean, log_sigma; // (K, Z)

    readonly double _sigmaFloor;

    public MixturePrior(long zDim, long components, double sigmaFloor)
        : base(nameof(MixturePrior), components)
    {
        mean = new Parameter(zeros(components, zDim));
        log_sigma = new Parameter(zeros(components, zDim));
        _sigmaFloor = sigmaFloor;
        RegisterComponents();
    }

    public override long Width => mean.numel();

    protected override Gaussian Density => Gaussian.WithFloor(mean, log_sigma, _sigmaFloor);

    public override void Initialize(Generator init)
    {
        using var _ = no_grad();
        var zDim = mean.shape[1];
        if (zDim == 2)
        {
            using var scope = NewDisposeScope();
            mean.copy_(tensor(Sunflower((int)Components), [Components, 2]));
        }
        else
        {
            mean.normal_(0, 1, init);
        }
        log_sigma.fill_(-Math.Log(Components) / zDim);
    }

    static float[] Sunflower(int components)
    {
        var goldenAngle = Math.PI * (3 - Math.Sqrt(5));
        return [.. Enumerable.Range(0, components).SelectMany(k =>
        {
            var (r, theta) = (Math.Sqrt((k + 0.5) / components), k * goldenAngle);
            return new[] { (float)(r * Math.Cos(theta)), (float)(r * Math.Sin(theta)) };
        })];
    }
}
