using static TorchSharp.torch;

namespace Mim.Training;

// Read with arXiv 1910.03175 ("MIM: Mutual Information Machine") beside it. P(x) is the data, P(z) = p(z) the prior, N(0, I) unless it is learned;
// the encoding joint is q(x,z) = q(z|x) q(x), the decoding joint p(x,z) = p(x|z) p(z), and
//
//     L_MIM = -1/2 E_M[ log p(x|z) + log p(z) + log q(z|x) + log q(x) ],    M = 1/2 P(x) q(z|x) + 1/2 P(z) p(x|z),
//
// an upper bound of the entropy H(M), and so of the joints' Jensen-Shannon divergence plus the mean of their entropies. Each half of M is one Monte-Carlo
// estimate over a batch. In the code logPxz, logPz, logQzx and logQx are those four log-densities, (B), in nats, already summed over dimensions; every loss
// is minimised, and the batch mean is taken once, at its end. B, S, X, Z are sizes: rows, draws a row, dimensions of x and z.
//
// One file an idea: Mim.cs, AMim.cs (three published forms), Entropy.cs (MIM - H and VAE + H), Vae.cs (VAE and AE), CMim.cs; DecodingHalf.cs draws from
// P(z) p(x|z), ScoreFunction.cs is the gradient through a draw that has none. The priors are in Networks/.

/// <summary>The estimate over one half of the sampling mixture: the scalar to minimise, and the log-densities (B) that it was made of.</summary>
public sealed record HalfEstimate(Tensor Loss, Tensor LogPxz, Tensor LogPz, Tensor LogQzx, Tensor? LogQx);

/// <summary>What is minimised. Gradients of the halves are added, without a factor 1/2, as in the reference: Adam does not see the scale.</summary>
public abstract class Objective
{
    /// <summary>Whether there is an <see cref="Encode"/> half.</summary>
    public virtual bool HasEncodingHalf => true;

    /// <summary>
    /// Whether there is a <see cref="Decode"/> half; the trainer adds it from the epoch on in which β's warm-up is complete, or from the first if there is no
    /// other.
    /// </summary>
    public virtual bool HasDecodingHalf => false;

    /// <summary>Whether the halves have a log q(x).</summary>
    public virtual bool HasLogQx => false;

    public static Objective Create(ObjectiveOptions options) => options.Name switch
    {
        ObjectiveName.Mim => new MimObjective(new DecodingHalf(options)),
        ObjectiveName.AMim => new AMimObjective(),
        ObjectiveName.AMimImage => new AMimImageObjective(),
        ObjectiveName.AMimSentence => new AMimSentenceObjective(),
        ObjectiveName.MimMinusH => new MimMinusEntropyObjective(new DecodingHalf(options)),
        ObjectiveName.Vae => new VaeObjective(),
        ObjectiveName.VaePlusH => new VaePlusEntropyObjective(),
        ObjectiveName.Ae => new AeObjective(),
        ObjectiveName.CMim => new CMimObjective(options.Temperature),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Name, null),
    };

    /// <summary>x ~ P(x), z ~ q(z|x). <paramref name="x"/> is (B, X); every draw comes from <paramref name="noise"/>.</summary>
    public virtual HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise) =>
        throw new NotSupportedException($"{GetType().Name} samples from the decoding joint alone.");

    /// <summary>z ~ P(z), x ~ p(x|z), <paramref name="rows"/> of them.</summary>
    public virtual HalfEstimate Decode(Autoencoder model, long rows, double beta, Generator noise) =>
        throw new NotSupportedException($"{GetType().Name} samples from the encoding joint alone.");

    /// <summary>−½ [log p(x|z) + log p(z) + β (log q(z|x) + log q(x))], (B).</summary>
    internal static Tensor Symmetric(Tensor logPxz, Tensor logPz, Tensor logQzx, Tensor logQx, double beta) =>
        (logPxz + logPz + (logQzx + logQx) * beta) * -0.5;

    /// <summary>log p(z), (B), where <c>prior: marginal</c> says q(z|x) for p(z).</summary>
    internal static Tensor LogPz(Prior prior, Tensor logPrior, Tensor logQzx) => prior is MarginalPrior ? logQzx : logPrior;

    /// <summary>One z ~ q(z|x) a row, and the log-densities there; LogPrior is that of P(z), whatever p(z) is taken to be.</summary>
    internal readonly record struct Code(Tensor Z, Tensor LogPxz, Tensor LogPrior, Tensor LogPz, Tensor LogQzx)
    {
        public static Code Draw(Autoencoder model, Tensor x, Generator noise)
        {
            var (z, logQzx) = model.encoder.call(x).SampleReparameterized(noise);
            var logPxz = model.decoder.call(z).LogProb(x);
            var logPrior = model.prior.LogProb(z);
            return new Code(z, logPxz, logPrior, Objective.LogPz(model.prior, logPrior, logQzx), logQzx);
        }

        /// <summary>
        /// log q(x), (B): a density of its own, or with <c>q_x: marginal</c> the one-sample importance estimate log p(x|z) + log P(z) − log q(z|x) at the
        /// same z.
        /// </summary>
        public Tensor LogQx(Autoencoder model, Tensor x) => model.q_x?.LogProb(x) ?? LogPxz + LogPrior - LogQzx;
    }
}
