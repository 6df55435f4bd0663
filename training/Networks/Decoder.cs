using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>What a decoder's graph computes, names of values [batch, X]: the mean, and the other parameters by their names in <see cref="TensorNames"/>.</summary>
public sealed record OnnxLikelihood(string Mean, IReadOnlyList<KeyValuePair<string, string>> Parameters)
{
    /// <summary>K of a mixture, whose parameters are [batch, K, X]; 0: none.</summary>
    public int Components { get; init; }
}

/// <summary>p(x|z): z (B, Z) → a distribution over x (B, X). A network over images views its rows itself.</summary>
public abstract class Decoder(string name) : nn.Module<Tensor, Distribution>(name)
{
    /// <summary>Elements of the widest activation of one row: evaluation bounds its memory by it.</summary>
    public virtual long Width => parameters().Max(p => p.shape[0]);

    /// <summary>Draws every weight; by default as PyTorch does.</summary>
    public virtual void Initialize(Generator init) => Weights.Uniform(this, init);

    /// <summary>Adds this network, as it computes after <c>eval()</c>, to a graph; <paramref name="z"/> is [batch, Z], the results in the network's own units.</summary>
    public abstract OnnxLikelihood Write(OnnxModules graph, OnnxValue z, string path);
}
