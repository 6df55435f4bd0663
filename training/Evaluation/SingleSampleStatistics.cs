using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// What the MIM reference logs, as it computes it: one draw of each row, q(x) the one-sample estimate of p(x), and two posterior draws mixed, z in
/// log q(z|x) and log p(z), z' in log p(x|z') and log q(x). Its entropies are cross-entropies of the data's pairs (x, z); the references' own names are
/// in quotes. Nats a row.
/// </summary>
public sealed record SingleSampleStatistics
{
    /// <summary>mean(log q(z|x) − log p(z)), "MI": a Monte-Carlo estimate of the rate, no mutual information.</summary>
    public required double Rate { get; init; }

    /// <summary>−mean(log q(x) + log q(z|x)), "H_enc".</summary>
    public required double EntropyEncodingJoint { get; init; }

    /// <summary>−mean(log p(z) + log p(x|z')), "H_dec".</summary>
    public required double EntropyDecodingJoint { get; init; }

    /// <summary>−mean log ½(q(x) q(z|x) + p(z) p(x|z')), "H_Msamp".</summary>
    public required double EntropyModelMixture { get; init; }

    /// <summary>Half the sum of the two joints', "H_mean".</summary>
    public required double EntropyMean { get; init; }

    /// <summary>−mean log p(z), z ~ q(z|x), "H_p_z".</summary>
    public required double CrossEntropyPrior { get; init; }

    /// <summary>KL(q(z|x) ‖ p(z)) by one draw of q(z|x) a row, "Dkl_q_p".</summary>
    public required double KlPosteriorPrior { get; init; }

    /// <summary>KL(p(z) ‖ q(z|x)) by one draw of p(z) a row, "Dkl_p_q": huge where posteriors are narrow.</summary>
    public required double KlPriorPosterior { get; init; }

    /// <param name="model">In evaluation mode.</param>
    /// <param name="data">x preprocessed.</param>
    /// <param name="draws">Of the same rows.</param>
    /// <param name="noise">Source of the draws behind the two divergences.</param>
    public static SingleSampleStatistics Of(Autoencoder model, EvaluationRows data, Draws draws, Generator noise)
    {
        double encoding = 0, decoding = 0, mixture = 0, rate = 0, prior = 0;
        for (var i = 0; i < data.Rows; i++)
        {
            var q = draws.FreshLogPx[i] + draws.LogQzx[i];
            var p = draws.LogPz[i] + draws.FreshLogPxz[i];
            encoding -= q / data.Rows;
            decoding -= p / data.Rows;
            mixture -= (Evaluation.LogAdd(q, p) - Math.Log(2)) / data.Rows;
            rate += (draws.LogQzx[i] - draws.LogPz[i]) / data.Rows;
            prior -= draws.LogPz[i] / data.Rows;
        }
        var (posteriorPrior, priorPosterior) = Divergences(model, data, noise);
        return new SingleSampleStatistics
        {
            Rate = rate,
            EntropyEncodingJoint = encoding,
            EntropyDecodingJoint = decoding,
            EntropyModelMixture = mixture,
            EntropyMean = (encoding + decoding) / 2,
            CrossEntropyPrior = prior,
            KlPosteriorPrior = posteriorPrior,
            KlPriorPosterior = priorPosterior,
        };
    }

    static (double PosteriorPrior, double PriorPosterior) Divergences(Autoencoder model, EvaluationRows data, Generator noise)
    {
        using var inference = inference_mode();
        var perChunk = Evaluation.RowsPerChunk(model, data.Rows);
        double posteriorPrior = 0, priorPosterior = 0;
        for (var first = 0; first < data.Rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(perChunk, data.Rows - first);
            var posterior = model.encoder.call(data.Tensor(model, first, rows));
            var (ofPosterior, logQzx) = posterior.SampleReparameterized(noise);
            posteriorPrior += Evaluation.Sum(logQzx - model.prior.LogProb(ofPosterior));
            var ofPrior = model.SamplePrior(rows, noise);
            priorPosterior += Evaluation.Sum(model.prior.LogProb(ofPrior) - posterior.LogProb(ofPrior));
        }
        return (posteriorPrior / data.Rows, priorPosterior / data.Rows);
    }
}
