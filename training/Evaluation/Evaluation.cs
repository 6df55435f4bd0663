using System.Text.Json;
using Mim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>Rows to evaluate, x preprocessed: (Rows, X), row-major.</summary>
public sealed record EvaluationRows(float[] X, int Rows, long[]? Labels);

/// <summary>What to evaluate, and how closely.</summary>
public sealed record EvaluationRequest
{
    public SplitName Split { get; init; } = SplitName.Test;

    /// <summary>S, draws of z a row for the importance-weighted bound.</summary>
    public int ImportanceSamples { get; init; } = 500;

    /// <summary>Most rows of the split; 0: all.</summary>
    public int Rows { get; init; }
}

/// <summary>Measures a model on rows it was not trained on. The forward pass is float32, every sum over rows is double.</summary>
public static class Evaluation
{
    public const int Neighbours = 5;

    /// <summary>Rows beyond this do not enter the mutual information: the reference's cap, O(N²).</summary>
    public const int MaxKsgRows = 10_000;

    /// <summary>Of Burda, Grosse and Salakhutdinov (2016), section 5.2.</summary>
    const double ActiveVariance = 0.01;

    /// <summary>Elements of the widest activation held at once: 4 MiB, so that a pass stays in cache.</summary>
    const int ChunkElements = 1 << 20;

    /// <summary>The estimates that need nothing but the model and one set of rows.</summary>
    public sealed record Bounds(double NllImportanceWeighted, double Rate, double Distortion);

    /// <summary>One draw of each row, and what follows from it. <c>Z</c> and <c>ZMean</c> are (Rows, Z).</summary>
    public sealed record Draws(float[] Z, float[] ZMean, double NegativeElbo, double L2Sampled, double Rmse);

    /// <summary>Every statistic of the report. Each draw has a generator of its own, keyed by the run's seed and what is drawn.</summary>
    /// <param name="model">The best model of a run.</param>
    /// <param name="request">What to evaluate.</param>
    /// <param name="progress">Called with the rows done and the rows in all of the longest part, the importance-weighted bound.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    public static EvaluationReport Run(
        TrainedModel model, EvaluationRequest request, Action<int, int>? progress, CancellationToken cancellationToken)
    {
        var (network, dataset, options) = (model.Network, model.Dataset, model.Run.Options);
        Generator Noise(EvaluationNoise noise) => noise.Generator(options.Trainer.Seed);

        var data = Load(model, request.Split, request.Rows);
        using var importance = Noise(EvaluationNoise.Importance);
        var bounds = ImportanceWeighted(network, data, request.ImportanceSamples, importance, progress, cancellationToken);
        using var code = Noise(EvaluationNoise.Code);
        using var reconstruction = Noise(EvaluationNoise.Reconstruction);
        var draws = Draw(network, data, code, reconstruction);
        cancellationToken.ThrowIfCancellationRequested();
        var ksg = MutualInformation(network, data, draws.Z);
        double? accuracy = null;
        int? trainRows = null;
        if (data.Labels is not null && Load(model, SplitName.Train, 0) is { Labels: not null } train)
        {
            using var trainCode = Noise(EvaluationNoise.TrainingCode);
            var points = Codes(network, train, trainCode);
            accuracy = NearestNeighbours.Accuracy(points, train.Labels, draws.Z, data.Labels, network.ZDim, Neighbours);
            trainRows = train.Rows;
        }
        return new EvaluationReport
        {
            Split = request.Split.ToString().ToLowerInvariant(),
            Rows = data.Rows,
            ImportanceSamples = request.ImportanceSamples,
            NllImportanceWeighted = bounds.NllImportanceWeighted,
            NegativeElbo = bounds.Distortion + bounds.Rate,
            NegativeElboSingleSample = draws.NegativeElbo,
            Rate = bounds.Rate,
            Distortion = bounds.Distortion,
            MutualInformationKsg = ksg?.MutualInformation,
            KsgK = ksg?.Neighbours,
            KsgRows = ksg?.Rows,
            KsgCeiling = ksg?.Ceiling,
            KsgCoincidentRows = ksg?.Coincident,
            Knn5Accuracy = accuracy,
            Knn5TrainRows = trainRows,
            ReconstructionRmse = draws.Rmse,
            ReconstructionL2Sampled = draws.L2Sampled,
            ActiveUnits = ActiveUnits(draws.ZMean, network.ZDim),
            Z = network.ZDim,
            Likelihood = JsonNamingPolicy.SnakeCaseLower.ConvertName(options.Likelihood.ToString()),
            Preprocessing = [.. dataset.Preprocessing.Select(step => step.Kind)],
            RawDensityOffset = !options.Likelihood.IsDiscrete() ? RawDensityOffset(dataset.Preprocessing, network.XDim) : null,
            Seed = options.Trainer.Seed,
            Epoch = model.Epoch,
            CheckpointSha256 = model.CheckpointSha256,
            Engines = EngineVersions.Current(),
        };
    }

    /// <inheritdoc cref="ImportanceWeighted(Autoencoder, EvaluationRows, int, int, Generator, Action{int, int}?, CancellationToken)"/>
    public static Bounds ImportanceWeighted(
        Autoencoder model, EvaluationRows data, int samples, Generator noise, Action<int, int>? progress, CancellationToken cancellationToken) =>
        ImportanceWeighted(model, data, samples, ChunkElements, noise, progress, cancellationToken);

    /// <summary>
    /// −log 1/S Σ_s w_s with w = p(x|z) p(z) / q(z|x), the rate (analytic where KL(q(z|x) ‖ p(z)) has a closed form, else over the same draws)
    /// and the distortion over the same draws. Memory is bounded by the chunk, whatever <paramref name="samples"/> and the number of rows are.
    /// </summary>
    /// <param name="model">In evaluation mode.</param>
    /// <param name="data">x preprocessed.</param>
    /// <param name="samples">S.</param>
    /// <param name="chunkElements">Elements of the widest activation held at once.</param>
    /// <param name="noise">Source of every z.</param>
    /// <param name="progress">Called with the rows done and the rows in all.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    public static Bounds ImportanceWeighted(
        Autoencoder model, EvaluationRows data, int samples, int chunkElements, Generator noise, Action<int, int>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        using var inference = inference_mode();
        var perChunk = (int)Math.Max(1, chunkElements / model.Width);
        var rowsPerChunk = Math.Clamp(perChunk / samples, 1, data.Rows);
        double sumLogPx = 0, sumRate = 0, sumLogPxz = 0;
        for (var first = 0; first < data.Rows; first += rowsPerChunk)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(rowsPerChunk, data.Rows - first);
            var x = Rows(model, data, first, rows);
            var posterior = model.encoder.call(x);
            var analyticRate = model.prior.Kl(posterior);
            sumRate += analyticRate is null ? 0 : Sum(analyticRate);
            var logSum = new double[rows];
            Array.Fill(logSum, double.NegativeInfinity);
            var samplesPerChunk = Math.Max(1, perChunk / rows);
            for (var done = 0; done < samples; done += samplesPerChunk)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                var s = Math.Min(samplesPerChunk, samples - done);
                var (z, logQzx) = posterior.Repeat(s).SampleReparameterized(noise); // (S·B, Z), (S·B)
                var logPxz = model.decoder.call(z).LogProb(x.repeat(s, 1));
                var logPz = model.prior.LogProb(z);
                var logW = (logPxz + logPz - logQzx).to_type(ScalarType.Float64);
                sumLogPxz += Sum(logPxz);
                sumRate += analyticRate is null ? Sum(logQzx - logPz) / samples : 0;
                var chunk = logW.view(s, rows).logsumexp(0).cpu().data<double>();
                for (var i = 0; i < rows; i++)
                {
                    logSum[i] = LogAdd(logSum[i], chunk[i]);
                }
            }
            foreach (var value in logSum)
            {
                sumLogPx += value - Math.Log(samples);
            }
            progress?.Invoke(first + rows, data.Rows);
        }
        return new Bounds(-sumLogPx / data.Rows, sumRate / data.Rows, -sumLogPxz / data.Rows / samples);
    }

    /// <summary>
    /// One z ~ q(z|x) a row from <paramref name="code"/>; a second one, and x̂ ~ p(x|z), from <paramref name="noise"/> for the error
    /// statistics.
    /// </summary>
    public static Draws Draw(Autoencoder model, EvaluationRows data, Generator code, Generator noise)
    {
        using var inference = inference_mode();
        var perChunk = (int)Math.Clamp(ChunkElements / model.Width, 1, data.Rows);
        var z = new float[data.Rows * model.ZDim];
        var zMean = new float[data.Rows * model.ZDim];
        double sumElbo = 0, sumL2 = 0, sumSquares = 0;
        for (var first = 0; first < data.Rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(perChunk, data.Rows - first);
            var x = Rows(model, data, first, rows);
            var posterior = model.encoder.call(x);
            posterior.Mean.cpu().data<float>().CopyTo(zMean, first * model.ZDim);
            posterior.Sample(code).cpu().data<float>().CopyTo(z, first * model.ZDim);

            var (fresh, logQzx) = posterior.SampleReparameterized(noise);
            var likelihood = model.decoder.call(fresh);
            sumElbo += Sum(likelihood.LogProb(x) + model.prior.LogProb(fresh) - logQzx);
            var sampled = likelihood is ReparameterizedDistribution ? likelihood.Sample(noise) : likelihood.Mean;
            sumL2 += Sum((x - sampled).square().sum(-1).sqrt());
            sumSquares += Sum((x - model.decoder.call(posterior.Mean).Mean).square());
        }
        return new Draws(z, zMean, -sumElbo / data.Rows, sumL2 / data.Rows, Math.Sqrt(sumSquares / data.Rows / model.XDim));
    }

    /// <summary>
    /// Dimensions of z whose posterior mean varies by more than 0.01 over the rows; <paramref name="zMean"/> is (N, <paramref
    /// name="zDim"/>).
    /// </summary>
    public static int ActiveUnits(ReadOnlySpan<float> zMean, int zDim)
    {
        var rows = zMean.Length / zDim;
        var active = 0;
        for (var d = 0; d < zDim; d++)
        {
            double mean = 0, squares = 0;
            for (var i = 0; i < rows; i++)
            {
                // Welford: a mean far from zero must not cancel the variance.
                var delta = zMean[i * zDim + d] - mean;
                mean += delta / (i + 1);
                squares += delta * (zMean[i * zDim + d] - mean);
            }
            active += squares / rows > ActiveVariance ? 1 : 0;
        }
        return active;
    }

    /// <summary>
    /// Σ ln |dx/dy| from preprocessed y back to raw x, what a density of y lacks to be one of x; null where a step makes x discrete.
    /// </summary>
    public static double? RawDensityOffset(IReadOnlyList<PreprocessingStep> steps, int xDim)
    {
        static double SumOfLogs(float[] scale, int xDim) => scale.Sum(b => Math.Log(Math.Abs((double)b))) * xDim / scale.Length;
        double? offset = 0;
        foreach (var step in steps)
        {
            offset += step.Kind switch
            {
                PreprocessingStep.Standardise or PreprocessingStep.Scale => SumOfLogs(step.B, xDim),
                PreprocessingStep.Dequantise => SumOfLogs(step.A, xDim),
                PreprocessingStep.Impute => 0,
                _ => null,
            };
        }
        return offset;
    }

    /// <summary>
    /// Rows as the network sees them, a stochastic step drawn once. Rows beyond <paramref name="most"/> are left out (0: none).
    /// </summary>
    static EvaluationRows Load(TrainedModel model, SplitName name, int most)
    {
        var split = model.Dataset.Load(name, 0);
        var rows = most == 0 ? split.Rows : Math.Min(most, split.Rows);
        if (rows <= Neighbours)
        {
            throw new UsageException(
                $"{model.Dataset.Name}: {Neighbours} nearest neighbours need at least {Neighbours + 1} rows, found {rows} in the split {name}.");
        }
        var preprocessing = new Preprocessing(model.Dataset.PreprocessingOf(name));
        var device = model.Network.Device;
        using var inference = inference_mode();
        var xDim = model.Network.XDim;
        var x = new float[rows * xDim];
        var perChunk = Math.Clamp(ChunkElements / split.XDim, 1, rows);
        for (var first = 0; first < rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(perChunk, rows - first);
            var raw = tensor(split.X.AsMemory(first * split.XDim, count * split.XDim), [count, split.XDim]).to(device);
            preprocessing.Fixed(raw, name, first).cpu().data<float>().CopyTo(x, first * xDim);
        }
        return new EvaluationRows(x, rows, split.Labels?[..rows]);
    }

    /// <summary>Null for binary x: in the maximum norm two different rows are always 1 apart.</summary>
    static KsgEstimate? MutualInformation(Autoencoder model, EvaluationRows data, float[] z)
    {
        if (!data.X.AsSpan().ContainsAnyExcept(0f, 1f))
        {
            return null;
        }
        var rows = Math.Min(data.Rows, MaxKsgRows);
        return Ksg.Estimate(data.X.AsSpan(0, rows * model.XDim), z.AsSpan(0, rows * model.ZDim), rows, Neighbours);
    }

    /// <summary>One z ~ q(z|x) a row, (Rows, Z).</summary>
    static float[] Codes(Autoencoder model, EvaluationRows data, Generator noise)
    {
        using var inference = inference_mode();
        var perChunk = (int)Math.Clamp(ChunkElements / model.Width, 1, data.Rows);
        var z = new float[data.Rows * model.ZDim];
        for (var first = 0; first < data.Rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(perChunk, data.Rows - first);
            model.encoder.call(Rows(model, data, first, rows)).Sample(noise).cpu().data<float>().CopyTo(z, first * model.ZDim);
        }
        return z;
    }

    static double Sum(Tensor values) => values.sum(ScalarType.Float64).cpu().ToDouble();

    static Tensor Rows(Autoencoder model, EvaluationRows data, int first, int rows) =>
        tensor(data.X.AsMemory(first * model.XDim, rows * model.XDim), [rows, model.XDim]).to(model.Device);

    static double LogAdd(double a, double b)
    {
        var (high, low) = a > b ? (a, b) : (b, a);
        return double.IsNegativeInfinity(high) ? high : high + Math.Log(1 + Math.Exp(low - high));
    }
}
