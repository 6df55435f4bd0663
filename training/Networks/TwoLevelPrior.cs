using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>p(z) = p(z₂) p(z₁|z₂) over z = [z₁, z₂]; <see cref="upper"/> is p(z₂).</summary>
public sealed class TwoLevelPrior : Prior
{
    public readonly Prior upper;
    public readonly Sequential trunk;
    public readonly ClampedGaussian z1;

    readonly int _level;

    /// <param name="upper">p(z₂) over <paramref name="level"/> dimensions.</param>
    /// <param name="level">Dimensions of each level.</param>
    /// <param name="width">Width of the layers between the levels.</param>
    public TwoLevelPrior(Prior upper, int level, long width)
        : base(nameof(TwoLevelPrior))
    {
        (this.upper, _level) = (upper, level);
        trunk = nn.Sequential(Gated.Dense(level, width), Gated.Dense(width, width));
        z1 = new ClampedGaussian(width, level);
        RegisterComponents();
    }

    TwoLevelPrior(Prior upper, Sequential trunk, ClampedGaussian z1, int level)
        : base(nameof(TwoLevelPrior)) => (this.upper, this.trunk, this.z1, _level) = (upper, trunk, z1, level);

    public override Prior Fixed() => new TwoLevelPrior(upper.Fixed(), trunk, z1, _level);

    public override Tensor LogProb(Tensor z)
    {
        var (logPz1, logPz2) = LogProbByLevel(z);
        return logPz1 + logPz2;
    }

    public override long Width => Math.Max(upper.Width, trunk.parameters().Max(p => p.shape[0]));

    public override Tensor LogProb(Tensor z, double topWeight)
    {
        var (logPz1, logPz2) = LogProbByLevel(z);
        return logPz1 + logPz2 * topWeight;
    }

    /// <summary>log p(z₁|z₂) and log p(z₂), both (B): the reference's image objectives weigh them differently.</summary>
    public (Tensor Lower, Tensor Upper) LogProbByLevel(Tensor z)
    {
        var (lowerCode, upperCode) = (z.narrow(1, 0, _level), z.narrow(1, _level, _level));
        return (Lower(upperCode).LogProb(lowerCode), upper.LogProb(upperCode));
    }

    public override Tensor Sample(long rows, ScalarType dtype, Device device, Generator noise)
    {
        var upperCode = upper.Sample(rows, dtype, device, noise);
        return cat([Lower(upperCode).SampleReparameterized(noise).Value, upperCode], 1);
    }

    public override SharedPart Share() => upper.Share();

    public override void Initialize(Generator init)
    {
        Weights.He(trunk, init);
        Weights.He(z1, init);
        upper.Initialize(init);
    }

    public override void InitializeFrom(FirstRows data, Generator init) => upper.InitializeFrom(data, init);

    /// <summary>p(z₁|z₂).</summary>
    Gaussian Lower(Tensor upperCode) => z1.Distribution(trunk.call(upperCode));
}
