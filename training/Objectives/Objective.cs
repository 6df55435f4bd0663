using static TorchSharp.torch;

namespace Mim.Training;

// Read with arXiv 1910.03175 ("MIM: Mutual Information Machine") beside it. P(x) is the data, P(z) = p(z) = N(0, I);
// the encoding joint is q(x,z) = q(z|x) q(x), the decoding joint p(x,z) = p(x|z) p(z), and
//
//     L_MIM = -1/2 E_M[ log p(x|z) + log p(z) + log q(z|x) + log q(x) ],    M = 1/2 P(x) q(z|x) + 1/2 P(z) p(x|z).
//
// Each half of M is one Monte-Carlo estimate over a batch. In the code logPxz, logPz, logQzx and logQx are those four log-densities, (B), in nats,
// already summed over dimensions; the batch mean is taken once, at the end. B, S, Z are sizes: rows, draws a row, dimensions of z.

/// <summary>The estimate over one half of the sampling mixture: the scalar to minimise, and the log-densities (B) that it was made of.</summary>
public sealed record HalfEstimate(Tensor Loss, Tensor LogPxz, Tensor LogPz, Tensor LogQzx, Tensor? LogQx);

/// <summary>What is minimised. Gradients of the halves are added, without a factor 1/2, as in the reference: Adam does not see the scale.</summary>
public abstract class Objective
{
    /// <summary>Whether there is a <see cref="Decode"/> half; the trainer adds it from the epoch on in which β's warm-up is complete.</summary>
    public virtual bool HasDecodingHalf => false;

    public static Objective Create(ObjectiveOptions options) => options.Name switch
    {
        ObjectiveName.Mim => new Mim(options.DecoderLogQx, options.Samples),
        ObjectiveName.AMim => new AMim(),
        ObjectiveName.Vae => new Vae(),
        ObjectiveName.Ae => new Ae(),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Name, null),
    };

    /// <summary>x ~ P(x), z ~ q(z|x). <paramref name="x"/> is (B, X); every draw comes from <paramref name="noise"/>.</summary>
    public abstract HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise);

    /// <summary>z ~ P(z), x ~ p(x|z), <paramref name="rows"/> of them.</summary>
    public virtual HalfEstimate Decode(Autoencoder model, long rows, double beta, Generator noise) =>
        throw new NotSupportedException($"{GetType().Name} samples from the encoding joint alone.");

    /// <summary>−½ [log p(x|z) + log p(z) + β (log q(z|x) + log q(x))], (B).</summary>
    static Tensor Symmetric(Tensor logPxz, Tensor logPz, Tensor logQzx, Tensor logQx, double beta) =>
        (logPxz + logPz + (logQzx + logQx) * beta) * -0.5;

    /// <summary>
    /// A-MIM as in the reference's toy code: the encoder half of MIM alone. (Its image code and sentence-MIM use two further formulas; each will be
    /// an objective with a name of its own.) With q(x) the one-sample estimate log p(x|z) + log p(z) − log q(z|x), the posterior's entropy cancels:
    /// the loss is −(1+β)/2 · (log p(x|z) + log p(z)).
    /// </summary>
    class AMim : Objective
    {
        public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
        {
            var (z, logQzx) = model.encoder.call(x).SampleReparameterized(noise);
            var logPxz = model.decoder.call(z).LogProb(x);
            var logPz = model.prior.LogProb(z);
            var logQx = logPxz + logPz - logQzx;
            return new HalfEstimate(Symmetric(logPxz, logPz, logQzx, logQx, beta).mean(), logPxz, logPz, logQzx, logQx);
        }
    }

    /// <summary>MIM: both halves. The gradient of the second flows through x into the decoder.</summary>
    sealed class Mim(DecoderLogQx decoderLogQx, int samples) : AMim
    {
        public override bool HasDecodingHalf => true;

        public override HalfEstimate Decode(Autoencoder model, long rows, double beta, Generator noise)
        {
            var z = model.SamplePrior(rows, noise);
            var p = model.decoder.call(z);
            var (x, logPxz) = p switch
            {
                ReparameterizedDistribution continuous => continuous.SampleReparameterized(noise),
                _ => MeanImage(p),
            };
            var q = model.encoder.call(x);
            var logPz = model.prior.LogProb(z);
            var logQzx = q.LogProb(z);
            var logQx = decoderLogQx == DecoderLogQx.SameZ ? logPxz : FreshLogQx(model, q, x, noise);
            var loss = Symmetric(logPxz, logPz, logQzx, logQx, beta);
            if (p is not ReparameterizedDistribution)
            {
                loss = WithScoreFunction(loss, logPxz);
            }
            return new HalfEstimate(loss.mean(), logPxz, logPz, logQzx, logQx);
        }

        /// <summary>log q(x) ≈ log 1/S Σ p(x|z') p(z') / q(z'|x), z' ~ q(z|x) drawn afresh; (B).</summary>
        Tensor FreshLogQx(Autoencoder model, ReparameterizedDistribution q, Tensor x, Generator noise)
        {
            if (samples > 1)
            {
                q = q.Repeat(samples);
                x = x.repeat(samples, 1);
            }
            var (z, logQzx) = q.SampleReparameterized(noise);
            var logW = model.decoder.call(z).LogProb(x) + model.prior.LogProb(z) - logQzx;
            return samples > 1 ? LogSpace.LogMeanExp(logW.view(samples, -1), 0) : logW;
        }

        /// <summary>The reference's "sample" of a Bernoulli decoder: the mean image, without gradient. Neither 0/1 nor unbiased.</summary>
        static Draw MeanImage(Distribution p)
        {
            var x = p.Mean.detach();
            return new Draw(x, p.LogProb(x));
        }

        /// <summary>
        /// The reference's surrogate for the gradient that such a sample lacks, without a baseline: L + stop(L)·log p(x|z) − stop(L·log p(x|z)) has the
        /// value of L and the gradient ∇L + L·∇log p(x|z).
        /// </summary>
        static Tensor WithScoreFunction(Tensor loss, Tensor logPxz)
        {
            var score = loss.detach() * logPxz;
            return loss + score - score.detach();
        }
    }

    /// <summary>−ELBO with β on the KL divergence, which is estimated with the same single z: −log p(x|z) + β (log q(z|x) − log p(z)).</summary>
    sealed class Vae : Objective
    {
        public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
        {
            var (z, logQzx) = model.encoder.call(x).SampleReparameterized(noise);
            var logPxz = model.decoder.call(z).LogProb(x);
            var logPz = model.prior.LogProb(z);
            return new HalfEstimate(((logQzx - logPz) * beta - logPxz).mean(), logPxz, logPz, logQzx, null);
        }
    }

    /// <summary>−log p(x|z): the VAE at β = 0 with a delta encoder, whose σ is the floor; the decoder keeps its learned scale.</summary>
    sealed class Ae : Objective
    {
        public override HalfEstimate Encode(Autoencoder model, Tensor x, double beta, Generator noise)
        {
            var (z, logQzx) = model.encoder.call(x).SampleReparameterized(noise);
            var logPxz = model.decoder.call(z).LogProb(x);
            return new HalfEstimate(logPxz.mean().neg(), logPxz, model.prior.LogProb(z), logQzx, null);
        }
    }
}
