using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Heads of a Gaussian over a level of z, as the reference's image models have them: the log-variance is clamped to [−6, 2], and outside has no gradient.
/// </summary>
public sealed class ClampedGaussian : nn.Module
{
    public const double MinLogVar = -6;
    public const double MaxLogVar = 2;

    public readonly Linear mean;
    public readonly Sequential log_var;

    public ClampedGaussian(long inputs, long outputs)
        : base(nameof(ClampedGaussian))
    {
        mean = nn.Linear(inputs, outputs);
        log_var = nn.Sequential(nn.Linear(inputs, outputs), nn.Hardtanh(MinLogVar, MaxLogVar));
        RegisterComponents();
    }

    public (T Mean, T LogVar) Compute<T>(INetworkGraph<T> graph, T h) => (graph.Apply(mean, h), graph.Apply(log_var, h));

    /// <summary>N(mean, exp(log_var)) for features (B, inputs).</summary>
    public Gaussian Distribution(Tensor h)
    {
        var (zMean, zLogVar) = Compute(TensorGraph.Instance, h);
        return new Gaussian(zMean, zLogVar * 0.5);
    }
}
