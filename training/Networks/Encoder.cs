using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>What an encoder's graph computes: names of values (B, Z); no log-variance where the encoder is deterministic.</summary>
public readonly record struct OnnxPosterior(string Mean, string? LogVar);

/// <summary>q(z|x): x (B, X) → a distribution over z (B, Z). A network over images views its rows itself.</summary>
public abstract class Encoder(string name) : nn.Module<Tensor, ReparameterizedDistribution>(name)
{
    /// <summary>How the log-variance is kept from below; null: the encoder is deterministic.</summary>
    public abstract LogVarFloor? LogVarFloor { get; }

    /// <summary>Elements of the widest activation of one row: evaluation bounds its memory by it.</summary>
    public virtual long Width => parameters().Max(p => p.shape[0]);

    /// <summary>Draws every weight; by default as PyTorch does.</summary>
    public virtual void Initialize(Generator init) => Weights.Uniform(this, init);

    /// <summary>
    /// Adds this network, as it computes after <c>eval()</c>, to a graph: <paramref name="x"/> is [batch, X], preprocessed; the results are to be
    /// named <see cref="TensorNames.ZMean"/> and <see cref="TensorNames.ZLogVar"/>, [batch, Z].
    /// </summary>
    public abstract OnnxPosterior Write(OnnxModules graph, OnnxValue x, string path);
}
