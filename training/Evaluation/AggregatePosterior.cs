using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// I(x;z) = R − KL(q(z) ‖ p(z)) with the aggregate posterior q(z) as the mixture of the posteriors of M rows, at one z a row; nats. With its own
/// posterior in the mixture a row bounds I from below, and no more than ln M can come out; without it, from above, to no bound where posteriors are
/// narrow (Poole et al. 2019, sections 2.3 and 2.2). Both in expectation.
/// </summary>
public sealed record AggregatePosterior
{
    /// <summary>Rows of a posterior whose densities are matrix products, and of one whose network runs for every pair.</summary>
    const int MaxRows = 10_000, MaxPairedRows = 1_000;

    /// <summary>Rows of a block of pairs.</summary>
    const int Block = 512, PairedBlock = 64;

    /// <summary>M.</summary>
    public required int Rows { get; init; }

    /// <summary>KL(q(z) ‖ p(z)), the mixture with a row's own posterior: high in expectation.</summary>
    public required double KlPrior { get; init; }

    public required double MutualInformationLower { get; init; }

    public required double MutualInformationUpper { get; init; }

    /// <summary>ln M: the most that <see cref="MutualInformationLower"/> can be.</summary>
    public required double MutualInformationCeiling { get; init; }

    /// <param name="model">In evaluation mode.</param>
    /// <param name="data">x preprocessed.</param>
    /// <param name="draws">Of the same rows.</param>
    /// <param name="cancellationToken">Looked at between blocks.</param>
    public static AggregatePosterior Of(Autoencoder model, EvaluationRows data, Draws draws, CancellationToken cancellationToken)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var rows = Math.Min(data.Rows, draws.GaussianPosterior ? MaxRows : MaxPairedRows);
        var (others, own) = draws.GaussianPosterior
            ? LogMixture(GaussianPairs(draws, rows, model.ZDim), draws, rows, Block, cancellationToken)
            : LogMixture(NetworkPairs(model, data, draws), draws, rows, PairedBlock, cancellationToken);
        double lower = 0, upper = 0, kl = 0;
        for (var i = 0; i < rows; i++)
        {
            var logQz = own[i] - Math.Log(rows);
            lower += (draws.LogQzx[i] - logQz) / rows;
            upper += (draws.LogQzx[i] - others[i] + Math.Log(rows - 1)) / rows;
            kl += (logQz - draws.LogPz[i]) / rows;
        }
        return new AggregatePosterior
        {
            Rows = rows,
            KlPrior = kl,
            MutualInformationLower = lower,
            MutualInformationUpper = upper,
            MutualInformationCeiling = Math.Log(rows),
        };
    }

    /// <summary>log q(z_i|x_j) of z [i, i + a) and x [j, j + b), (a, b), in double precision.</summary>
    public delegate Tensor PairwiseLogProb(int i, int a, int j, int b);

    /// <summary>
    /// −½ Σ (z² − 2zμ + μ²)/σ² as matrix products. In double precision the difference keeps (z/σ)²·10⁻¹⁶ nats: at the narrowest floor in use, 10⁻⁶,
    /// four digits.
    /// </summary>
    public static PairwiseLogProb GaussianPairs(Draws draws, int rows, int zDim)
    {
        Tensor Matrix(float[] values) => tensor(values.AsMemory(0, rows * zDim), [rows, zDim]).to_type(ScalarType.Float64);
        var (z, mean, logVar) = (Matrix(draws.Z), Matrix(draws.ZMean), Matrix(draws.ZLogVar));
        var halfPrecision = logVar.neg().exp() * 0.5;
        var scaled = mean * halfPrecision * 2;
        var left = cat([z, z.square()], 1);
        var right = cat([scaled, -halfPrecision], 1);
        var constant = ((mean * scaled + logVar).sum(1) + zDim * Math.Log(2 * Math.PI)) * -0.5;
        return (i, a, j, b) => left.narrow(0, i, a).mm(right.narrow(0, j, b).t()) + constant.narrow(0, j, b);
    }

    /// <summary>Any posterior: its own log-density at every pair.</summary>
    public static PairwiseLogProb NetworkPairs(Autoencoder model, EvaluationRows data, Draws draws) => (i, a, j, b) =>
    {
        var z = tensor(draws.Z.AsMemory(i * model.ZDim, a * model.ZDim), [a, model.ZDim]).to(model.Device);
        return model.encoder.call(data.Tensor(model, j, b)).Repeat(a).LogProb(z.repeat_interleave(b, 0)).to_type(ScalarType.Float64).view(a, b).cpu();
    };

    /// <summary>log Σ_j q(z_i|x_j) over j ≠ i, and over all j.</summary>
    static (double[] Others, double[] All) LogMixture(
        PairwiseLogProb logProb, Draws draws, int rows, int block, CancellationToken cancellationToken)
    {
        var others = new double[rows];
        Array.Fill(others, double.NegativeInfinity);
        for (var i = 0; i < rows; i += block)
        {
            for (var j = 0; j < rows; j += block)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var pairs = logProb(i, Math.Min(block, rows - i), j, Math.Min(block, rows - j));
                if (i == j)
                {
                    pairs.diagonal().fill_(double.NegativeInfinity);
                }
                var sums = pairs.logsumexp(1).data<double>();
                for (var row = 0; row < sums.Count; row++)
                {
                    others[i + row] = Evaluation.LogAdd(others[i + row], sums[row]);
                }
            }
        }
        var all = new double[rows];
        for (var i = 0; i < rows; i++)
        {
            all[i] = Evaluation.LogAdd(others[i], draws.LogQzx[i]);
        }
        return (others, all);
    }
}
