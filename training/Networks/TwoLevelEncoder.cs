using Mim.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// q(z|x) = q(z₂|x) q(z₁|x, z₂) over z = [z₁, z₂]: two Gaussians, the lower level's conditioned on the upper one's draw. The exported encoder gives
/// the upper level's mean and log-variance, and the lower level's at z₂ = its mean.
/// </summary>
public sealed class TwoLevelEncoder : Encoder
{
    public readonly Sequential z2_x;
    public readonly ClampedGaussian z2;
    public readonly Sequential z1_x;
    public readonly Sequential z1_z2;
    public readonly Sequential z1_joint;
    public readonly ClampedGaussian z1;

    /// <param name="upper">x (B, X) → features of q(z₂|x).</param>
    /// <param name="lower">x (B, X) → features of q(z₁|x, z₂).</param>
    /// <param name="lowerCode">z₂ (B, Z) → features of q(z₁|x, z₂).</param>
    /// <param name="joint">Both, concatenated in this order → (B, <paramref name="width"/>).</param>
    /// <param name="upperWidth">Features that <paramref name="upper"/> gives.</param>
    /// <param name="width">Features that <paramref name="joint"/> gives.</param>
    /// <param name="level">Dimensions of each level.</param>
    /// <param name="widest">Elements of the widest activation of one row; 0: the widest layer's.</param>
    public TwoLevelEncoder(
        Sequential upper, Sequential lower, Sequential lowerCode, Sequential joint, long upperWidth, long width, int level, long widest = 0)
        : base(nameof(TwoLevelEncoder))
    {
        (z2_x, z1_x, z1_z2, z1_joint) = (upper, lower, lowerCode, joint);
        z2 = new ClampedGaussian(upperWidth, level);
        z1 = new ClampedGaussian(width, level);
        RegisterComponents();
        Width = Math.Max(widest, base.Width);
    }

    public override long Width { get; }

    public override LogVarFloor LogVarFloor => LogVarFloor.Clamp(ClampedGaussian.MinLogVar, ClampedGaussian.MaxLogVar);

    public override TwoLevelPosterior forward(Tensor x) => new(this, Upper(x), z1_x.call(x));

    /// <summary>q(z₂|x): of a pseudo-input it is a component of the VampPrior.</summary>
    public Gaussian Upper(Tensor x) => z2.Distribution(z2_x.call(x));

    public override void Initialize(Generator init) => Weights.He(this, init);

    public override OnnxPosterior Write(OnnxModules graph, OnnxValue x, string path)
    {
        var nodes = new OnnxGraph(graph, this, path);
        var upper = z2.Compute(nodes, nodes.Apply(z2_x, x));
        var lower = Lower(nodes, nodes.Apply(z1_x, x), upper.Mean);
        return new OnnxPosterior(
            graph.Named(TensorNames.ZMean, nodes.Concat(lower.Mean, upper.Mean)).Name,
            graph.Named(TensorNames.ZLogVar, nodes.Concat(lower.LogVar, upper.LogVar)).Name);
    }

    /// <summary>q(z₁|x, z₂) from what the lower level saw of x, (B, features), and z₂ (B, Z).</summary>
    internal Gaussian Lower(Tensor features, Tensor upperCode)
    {
        var (mean, logVar) = Lower(TensorGraph.Instance, features, upperCode);
        return new Gaussian(mean, logVar * 0.5);
    }

    (T Mean, T LogVar) Lower<T>(INetworkGraph<T> graph, T features, T upperCode) =>
        z1.Compute(graph, graph.Apply(z1_joint, graph.Concat(features, graph.Apply(z1_z2, upperCode))));
}
