using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>A value and the log-density, in nats, of having drawn it: (B, D) and (B).</summary>
public readonly record struct Draw(Tensor Value, Tensor LogProb);

/// <summary>
/// A distribution over rows of D values; its parameters have B rows. Log-densities sum over D: (B), in nats, no constant dropped.
/// LogProb may itself run a network on x (an autoregressive decoder): ask once for each x.
/// </summary>
public abstract class Distribution
{
    /// <summary>Expected value, (B, D).</summary>
    public abstract Tensor Mean { get; }

    /// <summary>
    /// What a package holds beside the mean, by its name in <see cref="Models.TensorNames"/>: (B, D), in the network's own units. With the mean it
    /// fixes the distribution, unless that is autoregressive.
    /// </summary>
    public virtual IReadOnlyDictionary<string, Tensor> Parameters => new Dictionary<string, Tensor>();

    /// <summary>log p(x), (B); <paramref name="x"/> is (B, D).</summary>
    public abstract Tensor LogProb(Tensor x);

    /// <summary>A draw of each row without gradient, (B, D).</summary>
    public abstract Tensor Sample(Generator noise);
}

/// <summary>A distribution whose draw is a differentiable function of its parameters and of noise: every posterior, and the likelihoods of continuous x.</summary>
public abstract class ReparameterizedDistribution : Distribution
{
    /// <summary>
    /// log σ² of each coordinate, (B, D), the quantity that a package calls <c>z_log_var</c>. Of a hierarchical posterior it is taken where every
    /// higher level is at its mean.
    /// </summary>
    public abstract Tensor LogVar { get; }

    /// <summary>A draw of each row, with gradient, and its log-density as a function of the parameters.</summary>
    public abstract Draw SampleReparameterized(Generator noise);

    /// <summary>
    /// Every row <paramref name="samples"/> times: (S·B, D), the B rows in order, S times over, so that <c>view(S, B)</c> of a log-density is
    /// draws by rows. Rows stay rows: no network needs to know of S.
    /// </summary>
    public abstract ReparameterizedDistribution Repeat(long samples);

    public override Tensor Sample(Generator noise)
    {
        using var _ = no_grad();
        return SampleReparameterized(noise).Value;
    }
}
