using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The half of M that is drawn from the decoding joint: z ~ P(z), x ~ p(x|z). Where x is continuous its draw carries the gradient into the decoder.</summary>
sealed class DecodingHalf(ObjectiveOptions options)
{
    /// <summary>The drawn rows and their four log-densities, (B).</summary>
    /// <param name="model">The networks.</param>
    /// <param name="rows">B.</param>
    /// <param name="loss">logPxz, logPz, logQzx, logQx → the loss of each row, (B).</param>
    /// <param name="noise">Source of every draw.</param>
    public HalfEstimate Estimate(Autoencoder model, long rows, Func<Tensor, Tensor, Tensor, Tensor, Tensor> loss, Generator noise)
    {
        var z = model.SamplePrior(rows, noise);
        var p = model.decoder.call(z);
        var (x, logPxz) = p switch
        {
            ReparameterizedDistribution continuous => continuous.SampleReparameterized(noise),
            _ when options.BernoulliGradient == BernoulliGradient.ScoreFunction => Discrete(p, p.Sample(noise)),
            _ => MeanImage(p),
        };
        var q = model.encoder.call(x);
        var logPrior = model.prior.LogProb(z);
        var logQzx = q.LogProb(z);
        var logPz = Objective.LogPz(model.prior, logPrior, logQzx);
        var logQx = LogQx(model, q, x, logPxz, noise);
        var losses = loss(logPxz, logPz, logQzx, logQx);
        if (p is not ReparameterizedDistribution && options.BernoulliGradient == BernoulliGradient.ScoreFunction)
        {
            losses = ScoreFunction.Apply(losses, logPxz);
        }
        return new HalfEstimate(losses.mean(), logPxz, logPz, logQzx, logQx);
    }

    Tensor LogQx(Autoencoder model, ReparameterizedDistribution q, Tensor x, Tensor logPxz, Generator noise)
    {
        if (model.q_x is { } marginal)
        {
            return marginal.LogProb(x);
        }
        return options.DecoderLogQx == DecoderLogQx.SameZ ? logPxz : FreshLogQx(model, q, x, noise);
    }

    /// <summary>log q(x) ≈ log 1/S Σ p(x|z') P(z') / q(z'|x), z' ~ q(z|x) drawn afresh; (B).</summary>
    Tensor FreshLogQx(Autoencoder model, ReparameterizedDistribution q, Tensor x, Generator noise)
    {
        var samples = options.Samples;
        if (samples > 1)
        {
            q = q.Repeat(samples);
            x = x.repeat(samples, 1);
        }
        var (z, logQzx) = q.SampleReparameterized(noise);
        var logW = model.decoder.call(z).LogProb(x) + model.prior.LogProb(z) - logQzx;
        return samples > 1 ? LogSpace.LogMeanExp(logW.view(samples, -1), 0) : logW;
    }

    static Draw Discrete(Distribution p, Tensor x) => new(x, p.LogProb(x));

    /// <summary>
    /// The reference's "sample" of discrete x: the mean image, without gradient. Neither 0/1 nor unbiased. The reference adds the surrogate
    /// L + stop(L)·log p(x|z) − stop(L·log p(x|z)), without a baseline; its gradient is L·∇log p(x|z), and of a Bernoulli p with logits l that is
    /// L·(x − σ(l))·∇l = 0 at the mean image x = σ(l). It is not computed here.
    /// </summary>
    static Draw MeanImage(Distribution p) => Discrete(p, p.Mean.detach());
}
