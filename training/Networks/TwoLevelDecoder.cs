using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>p(x|z₁, z₂): features of each level, joined.</summary>
public sealed class TwoLevelDecoder : Decoder
{
    public readonly Sequential z1;
    public readonly Sequential z2;
    public readonly Sequential joint;
    public readonly PixelLikelihood x;

    readonly int _level;

    /// <param name="level">Dimensions of each level.</param>
    /// <param name="width">Features of each level; <paramref name="joint"/> takes 2·width.</param>
    /// <param name="joint">(B, 2·width) → the features that <paramref name="likelihood"/> takes.</param>
    /// <param name="likelihood">The heads.</param>
    /// <param name="widest">Elements of the widest activation of one row.</param>
    public TwoLevelDecoder(int level, long width, Sequential joint, PixelLikelihood likelihood, long widest)
        : base(nameof(TwoLevelDecoder))
    {
        _level = level;
        z1 = Gated.Dense(level, width);
        z2 = Gated.Dense(level, width);
        this.joint = joint;
        x = likelihood;
        RegisterComponents();
        Width = Math.Max(widest, base.Width);
    }

    public override long Width { get; }

    public override Distribution forward(Tensor z) => x.Distribution(Features(TensorGraph.Instance, z));

    public override void Initialize(Generator init) => Weights.He(this, init);

    public override OnnxLikelihood Write(OnnxModules graph, OnnxValue z, string path)
    {
        var nodes = new OnnxGraph(graph, this, path);
        return x.Write(graph, nodes, Features(nodes, z), path);
    }

    T Features<T>(INetworkGraph<T> graph, T z) => graph.Apply(joint, graph.Concat(
        graph.Apply(z1, graph.Narrow(z, 0, _level)), graph.Apply(z2, graph.Narrow(z, _level, _level))));
}
