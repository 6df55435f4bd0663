using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>A learned N(μ, diag σ²) with σ = exp(s) + σ_min. It starts, as in the reference, at μ ~ N(0, 1), s ~ N(0, 10⁻⁶).</summary>
public sealed class GaussianPrior : Prior
{
    const double InitialSpread = 1e-3;

    public readonly Parameter mean, log_sigma; // (1, Z)

    readonly double _sigmaFloor;

    public GaussianPrior(long zDim, double sigmaFloor)
        : base(nameof(GaussianPrior))
    {
        mean = new Parameter(zeros(1, zDim));
        log_sigma = new Parameter(zeros(1, zDim));
        _sigmaFloor = sigmaFloor;
        RegisterComponents();
    }

    Gaussian Density => Gaussian.WithFloor(mean, log_sigma, _sigmaFloor);

    public override Tensor LogProb(Tensor z) => Density.LogProb(z);

    public override Tensor Sample(long rows, ScalarType dtype, Device device, Generator noise) =>
        Density.Repeat(rows).SampleReparameterized(noise).Value;

    public override Tensor? Kl(ReparameterizedDistribution posterior) => (posterior as Gaussian)?.ToDouble().KlTo(Density.ToDouble());

    public override void Initialize(Generator init)
    {
        using var _ = no_grad();
        mean.normal_(0, 1, init);
        log_sigma.normal_(0, InitialSpread, init);
    }
}
