using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Pairs (x, z) of the decoding joint and their log-densities, (Rows), in nats. <c>LogPxLower</c> is importance-weighted over S draws of q(z|x), low in
/// expectation; <c>LogPxUpper</c> has the z that x was drawn from, a draw of p(z|x), among them and is high in expectation (Grosse, Ghahramani and Adams,
/// 2015).
/// </summary>
public sealed record DecodingDraws(double[] LogPxz, double[] LogPz, double[] LogQzx, double[] LogPxLower, double[] LogPxUpper)
{
    /// <param name="model">In evaluation mode; its decoder draws x in one pass.</param>
    /// <param name="rows">Pairs to draw.</param>
    /// <param name="samples">S behind each log p(x).</param>
    /// <param name="noise">Source of z ~ p(z) and x ~ p(x|z).</param>
    /// <param name="importance">Source of the draws behind log p(x).</param>
    /// <param name="progress">Told about the importance sampling.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    public static DecodingDraws Take(
        Autoencoder model, int rows, int samples, Generator noise, Generator importance, EvaluationProgress? progress, CancellationToken cancellationToken)
    {
        using var inference = inference_mode();
        var perChunk = Evaluation.RowsPerChunk(model, rows);
        var (logPxz, logPz, logQzx) = (new double[rows], new double[rows], new double[rows]);
        var x = new float[rows * model.XDim];
        for (var first = 0; first < rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var z = model.SamplePrior(Math.Min(perChunk, rows - first), noise);
            var likelihood = model.decoder.call(z);
            var drawn = likelihood is ReparameterizedDistribution continuous ? continuous.SampleReparameterized(noise) : Sample(likelihood);
            drawn.Value.cpu().data<float>().CopyTo(x, first * model.XDim);
            Draws.Copy(drawn.LogProb, logPxz, first);
            Draws.Copy(model.prior.LogProb(z), logPz, first);
            Draws.Copy(model.encoder.call(drawn.Value).LogProb(z), logQzx, first);
        }
        var data = new EvaluationRows(x, rows, null);
        EvaluationProgress? renamed = progress is null ? null : (_, done, total) => progress("importance sampling of the model's own x", done, total);
        var lower = Evaluation.ImportanceWeighted(model, data, samples, importance, renamed, cancellationToken).LogPx;
        var upper = new double[rows];
        for (var i = 0; i < rows; i++)
        {
            upper[i] = Evaluation.LogAdd(lower[i] + Math.Log(samples), logPxz[i] + logPz[i] - logQzx[i]) - Math.Log(samples + 1.0);
        }
        return new DecodingDraws(logPxz, logPz, logQzx, lower, upper);

        Draw Sample(Distribution likelihood)
        {
            var value = likelihood.Sample(noise);
            return new Draw(value, likelihood.LogProb(value));
        }
    }
}

/// <summary>
/// The encoding joint q(x,z) = q(z|x) q(x) and the decoding joint p(x,z) = p(x|z) p(z) against each other, in nats. q(x) is the decoder's marginal p(x),
/// estimated with S draws a row; x of the encoding side are data, those of the decoding side the model's own, and among the draws for those is the z
/// that x is from: narrow posteriors would else miss all of p(x).
/// </summary>
public sealed record JointStatistics
{
    /// <summary>Pairs drawn from the decoding joint.</summary>
    public required int DecodingRows { get; init; }

    /// <summary>−E_P(x)q(z|x) [log q(z|x) + log q(x)] ≥ H(P(x) q(z|x)), equal where q(x) is P(x); high in expectation.</summary>
    public required double CrossEntropyEncodingEncoding { get; init; }

    /// <summary>−E_P(x)q(z|x) [log p(x|z) + log p(z)], unbiased.</summary>
    public required double CrossEntropyEncodingDecoding { get; init; }

    /// <summary>−E_p(x,z) [log q(z|x) + log q(x)], low in expectation.</summary>
    public required double CrossEntropyDecodingEncoding { get; init; }

    /// <summary>H(p(x,z)), unbiased.</summary>
    public required double EntropyDecodingJoint { get; init; }

    /// <summary>MIM's bound on H(M_S): half of CE(M_S, q) + CE(M_S, p), the mean of the four above.</summary>
    public required double MimBound { get; init; }

    /// <summary>−E_M_S log ½(q(x,z) + p(x,z)): the tighter bound on H(M_S), and H(M_S) itself where P(x) is p(x).</summary>
    public required double CrossEntropyModelMixture { get; init; }

    /// <summary>E_P(x) KL(q(z|x) ‖ p(z|x)): −ELBO less the importance-weighted −log p(x); low in expectation.</summary>
    public required double KlEncodingDecoding { get; init; }

    /// <summary>E_p(x) KL(p(z|x) ‖ q(z|x)) over x that the model draws: low in expectation, and no more than ln(S + 1) can come out.</summary>
    public required double KlDecodingEncodingLower { get; init; }

    /// <summary>The same, high in expectation: to no bound where posteriors are narrow.</summary>
    public required double KlDecodingEncodingUpper { get; init; }

    /// <summary>Jensen-Shannon divergence of q(z|x) and p(z|x), by the pairs of both joints: at most ln 2.</summary>
    public required double Jsd { get; init; }

    /// <summary>A quarter of the two divergences' sum, or ln 2 if that is less: at least the Jensen-Shannon divergence.</summary>
    public required double JsdBound { get; init; }

    public static JointStatistics Of(Evaluation.Bounds bounds, Draws encoding, DecodingDraws decoding)
    {
        double encodingMixture = 0, encodingJsd = 0, decodingMixture = 0, decodingJsd = 0, entropy = 0, crossEntropy = 0, upper = 0;
        var (encodingRows, rows) = (bounds.LogPx.Length, decoding.LogPxz.Length);
        for (var i = 0; i < encodingRows; i++)
        {
            var (q, p) = (encoding.LogQzx[i] + bounds.LogPx[i], encoding.LogPxz[i] + encoding.LogPz[i]);
            encodingMixture -= Mixture(q, p) / encodingRows;
            encodingJsd += (q - Mixture(q, p)) / encodingRows;
        }
        for (var i = 0; i < rows; i++)
        {
            var (q, p) = (decoding.LogQzx[i] + decoding.LogPxUpper[i], decoding.LogPxz[i] + decoding.LogPz[i]);
            entropy -= p / rows;
            crossEntropy -= q / rows;
            upper += (p - decoding.LogQzx[i] - decoding.LogPxLower[i]) / rows;
            decodingMixture -= Mixture(q, p) / rows;
            decodingJsd += (p - Mixture(q, p)) / rows;
        }
        var encodingEncoding = bounds.PosteriorEntropy + bounds.NllImportanceWeighted;
        var encodingDecoding = bounds.Distortion + bounds.PriorCrossEntropy;
        var forward = bounds.Distortion + bounds.Rate - bounds.NllImportanceWeighted;
        return new JointStatistics
        {
            DecodingRows = rows,
            CrossEntropyEncodingEncoding = encodingEncoding,
            CrossEntropyEncodingDecoding = encodingDecoding,
            CrossEntropyDecodingEncoding = crossEntropy,
            EntropyDecodingJoint = entropy,
            MimBound = (encodingEncoding + encodingDecoding + crossEntropy + entropy) / 4,
            CrossEntropyModelMixture = (encodingMixture + decodingMixture) / 2,
            KlEncodingDecoding = forward,
            KlDecodingEncodingLower = crossEntropy - entropy,
            KlDecodingEncodingUpper = upper,
            Jsd = (encodingJsd + decodingJsd) / 2,
            JsdBound = Math.Min(Math.Log(2), (forward + upper) / 4),
        };

        // log ½(q + p)
        static double Mixture(double logQ, double logP) => Evaluation.LogAdd(logQ, logP) - Math.Log(2);
    }
}
