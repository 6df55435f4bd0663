using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// One draw of each row, and what follows from it. <c>Z</c>, <c>ZMean</c> and <c>ZLogVar</c> are (Rows, Z); the log-densities at <c>Z</c> are (Rows), in
/// nats. A second draw z' of each row gives <c>FreshLogPxz</c> = log p(x|z') and <c>FreshLogPx</c> = log p(x|z') + log p(z') − log q(z'|x).
/// </summary>
public sealed record Draws
{
    public required float[] Z { get; init; }
    public required float[] ZMean { get; init; }
    public required float[] ZLogVar { get; init; }
    public required double[] LogQzx { get; init; }
    public required double[] LogPz { get; init; }
    public required double[] LogPxz { get; init; }
    public required double[] FreshLogPxz { get; init; }
    public required double[] FreshLogPx { get; init; }

    /// <summary>Whether mean and log-variance are all that there is to the posterior.</summary>
    public required bool GaussianPosterior { get; init; }

    /// <summary>Rows behind <see cref="L2Sampled"/> and <see cref="Rmse"/>.</summary>
    public required int ReconstructionRows { get; init; }

    public required double L2Sampled { get; init; }
    public required double Rmse { get; init; }

    public double NegativeElbo => -FreshLogPx.Sum() / FreshLogPx.Length;

    /// <param name="model">In evaluation mode.</param>
    /// <param name="data">x preprocessed.</param>
    /// <param name="autoregressiveRows">Rows to reconstruct where x is drawn element by element.</param>
    /// <param name="code">Source of z.</param>
    /// <param name="noise">Source of z', and of x̂ ~ p(x|z').</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    public static Draws Take(
        Autoencoder model, EvaluationRows data, int autoregressiveRows, Generator code, Generator noise, CancellationToken cancellationToken)
    {
        using var inference = inference_mode();
        var (perChunk, n) = (Evaluation.RowsPerChunk(model, data.Rows), data.Rows);
        var reconstructed = model.decoder is AutoregressiveDecoder ? Math.Min(n, autoregressiveRows) : n;
        var (z, zMean, zLogVar) = (new float[n * model.ZDim], new float[n * model.ZDim], new float[n * model.ZDim]);
        var (logQzx, logPz, logPxz, freshLogPxz, freshLogPx) = (new double[n], new double[n], new double[n], new double[n], new double[n]);
        double sumL2 = 0, sumSquares = 0;
        var gaussian = true;
        for (var first = 0; first < n; first += perChunk)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var rows = Math.Min(perChunk, n - first);
            var x = data.Tensor(model, first, rows);
            var posterior = model.encoder.call(x);
            gaussian &= posterior is Gaussian;
            posterior.Mean.cpu().data<float>().CopyTo(zMean, first * model.ZDim);
            posterior.LogVar.cpu().data<float>().CopyTo(zLogVar, first * model.ZDim);
            var drawn = posterior.SampleReparameterized(code);
            drawn.Value.cpu().data<float>().CopyTo(z, first * model.ZDim);
            Copy(drawn.LogProb, logQzx, first);
            Copy(model.prior.LogProb(drawn.Value), logPz, first);
            Copy(model.decoder.call(drawn.Value).LogProb(x), logPxz, first);

            var (fresh, freshLogQzx) = posterior.SampleReparameterized(noise);
            var likelihood = model.decoder.call(fresh);
            var freshPxz = likelihood.LogProb(x);
            Copy(freshPxz, freshLogPxz, first);
            Copy(freshPxz + model.prior.LogProb(fresh) - freshLogQzx, freshLogPx, first);

            var count = Math.Clamp(reconstructed - first, 0, rows);
            if (count == 0)
            {
                continue;
            }
            if (count < rows)
            {
                (x, likelihood) = (x.narrow(0, 0, count), model.decoder.call(fresh.narrow(0, 0, count)));
            }
            var sampled = likelihood is ReparameterizedDistribution ? likelihood.Sample(noise) : likelihood.Mean;
            sumL2 += Evaluation.Sum((x - sampled).square().sum(-1).sqrt());
            sumSquares += Evaluation.Sum((x - model.decoder.call(posterior.Mean.narrow(0, 0, count)).Mean).square());
        }
        return new Draws
        {
            Z = z,
            ZMean = zMean,
            ZLogVar = zLogVar,
            LogQzx = logQzx,
            LogPz = logPz,
            LogPxz = logPxz,
            FreshLogPxz = freshLogPxz,
            FreshLogPx = freshLogPx,
            GaussianPosterior = gaussian,
            ReconstructionRows = reconstructed,
            L2Sampled = sumL2 / reconstructed,
            Rmse = Math.Sqrt(sumSquares / reconstructed / model.XDim),
        };
    }

    internal static void Copy(Tensor values, double[] target, int first) =>
        values.to_type(ScalarType.Float64).cpu().data<double>().CopyTo(target, first);
}
