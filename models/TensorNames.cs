namespace Mim.Models;

/// <summary>The names of the graphs' inputs and outputs: what the exporter writes, the goldens are filed under and the worker binds.</summary>
public static class TensorNames
{
    /// <summary>Raw features, <c>[batch, ...x]</c>.</summary>
    public const string X = "x";

    /// <summary>Mean of q(z|x), <c>[batch, Z]</c>; the code itself when the encoder is deterministic.</summary>
    public const string ZMean = "z_mean";

    /// <summary>Log-variance of q(z|x), <c>[batch, Z]</c>, in nats.</summary>
    public const string ZLogVar = "z_log_var";

    /// <summary>The decoder's input, <c>[batch, Z]</c>.</summary>
    public const string Z = "z";

    /// <summary>
    /// The second input of an autoregressive decoder, <c>[batch, ...x]</c> in preprocessed units: element i of its outputs is conditioned on the elements
    /// of this before i, in row-major order.
    /// </summary>
    public const string XGiven = "x_given";

    /// <summary>Mean of p(x|z) in raw units, <c>[batch, ...x]</c>; of each p(xᵢ|x₍ⱼ₎ with j &lt; i, z) when the decoder is autoregressive.</summary>
    public const string XMean = "x_mean";

    /// <summary>Logits of a Bernoulli p(x|z), in preprocessed units.</summary>
    public const string XLogits = "x_logits";

    /// <summary>Log-variance of a Gaussian p(x|z), in preprocessed units.</summary>
    public const string XLogVar = "x_log_var";

    /// <summary>Logits of a Gaussian mixture's weights, <c>[batch, K, ...x]</c>: each coordinate has a mixture of its own.</summary>
    public const string XMixtureLogits = "x_mixture_logits";

    /// <summary>Means of a Gaussian mixture's components, <c>[batch, K, ...x]</c>, in preprocessed units.</summary>
    public const string XMixtureMean = "x_mixture_mean";

    /// <summary>Log-variances of a Gaussian mixture's components, <c>[batch, K, ...x]</c>, in preprocessed units.</summary>
    public const string XMixtureLogVar = "x_mixture_log_var";

    /// <summary>Location of a discretised logistic p(x|z), in preprocessed units.</summary>
    public const string XLocation = "x_location";

    /// <summary>Log of that logistic's scale, in preprocessed units.</summary>
    public const string XLogScale = "x_log_scale";

    /// <summary>Everything that a decoder may compute.</summary>
    public static IReadOnlyList<string> Reconstruction { get; } =
        [XMean, XLogits, XLogVar, XMixtureLogits, XMixtureMean, XMixtureLogVar, XLocation, XLogScale];

    /// <summary>The symbolic first dimension of every input and output.</summary>
    public const string Batch = "batch";
}
