using System.Numerics;
using System.Text.Json;
using Mim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>Rows to evaluate, x preprocessed: (Rows, X), row-major.</summary>
public sealed record EvaluationRows(float[] X, int Rows, long[]? Labels)
{
    /// <summary>Rows [first, first + rows) where the model is.</summary>
    internal Tensor Tensor(Autoencoder model, int first, int rows) =>
        tensor(X.AsMemory(first * model.XDim, rows * model.XDim), [rows, model.XDim]).to(model.Device);
}

/// <summary>What to evaluate, and how closely.</summary>
public sealed record EvaluationRequest
{
    public SplitName Split { get; init; } = SplitName.Test;

    /// <summary>S, draws of z a row for the importance-weighted bound.</summary>
    public int ImportanceSamples { get; init; } = 500;

    /// <summary>Most rows of the split; 0: all.</summary>
    public int Rows { get; init; }
}

/// <summary>How far a long part of an evaluation is: rows done, and rows in all.</summary>
public delegate void EvaluationProgress(string part, int done, int total);

/// <summary>Measures a model on rows it was not trained on. The forward pass is float32, every sum over rows is double.</summary>
public static class Evaluation
{
    public const int Neighbours = 5;

    /// <summary>Rows beyond this do not enter the mutual information: the reference's caps, O(N²).</summary>
    public const int MaxKsgRows = 10_000, MaxKsgImages = 3_000;

    /// <summary>Of Burda, Grosse and Salakhutdinov (2016), section 5.2.</summary>
    const double ActiveVariance = 0.01;

    /// <summary>Elements of the widest activation held at once: 4 MiB on a processor, so that a pass stays in cache, 256 MiB on a device.</summary>
    const int ChunkElements = 1 << 20, DeviceChunkElements = 1 << 26;

    /// <summary>
    /// Rows that an autoregressive decoder reconstructs: each takes a pass of the network for every element of x. The decoding joint is not drawn from
    /// for the same reason.
    /// </summary>
    const int AutoregressiveRows = 16;

    /// <summary>Of the rows evaluated a tenth, within these, are drawn anew from the decoding joint.</summary>
    const int LeastDecodingRows = 100, MostDecodingRows = 1_000;

    /// <summary>
    /// The estimates that need nothing but the model and one set of rows. <c>LogPx</c> is log 1/S Σ w of each row; <c>PosteriorEntropy</c> and
    /// <c>PriorCrossEntropy</c> are −E log q(z|x) and −E log p(z) over the same draws.
    /// </summary>
    public sealed record Bounds(
        double[] LogPx, double Rate, double Distortion, double PosteriorEntropy, double PriorCrossEntropy, NllBySamples BySamples)
    {
        public double NllImportanceWeighted { get; } = -LogPx.Sum() / LogPx.Length;

        /// <summary>Of <see cref="NllImportanceWeighted"/> over rows; not the bias of finite S.</summary>
        public double NllStandardError
        {
            get
            {
                var squares = LogPx.Sum(value => (value + NllImportanceWeighted) * (value + NllImportanceWeighted));
                return Math.Sqrt(squares / Math.Max(1, LogPx.Length - 1) / LogPx.Length);
            }
        }
    }

    /// <summary>Every statistic of the report. Each draw has a generator of its own, keyed by the run's seed and what is drawn.</summary>
    /// <param name="model">The best model of a run.</param>
    /// <param name="request">What to evaluate.</param>
    /// <param name="progress">Told about the parts that take long.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    public static EvaluationReport Run(
        TrainedModel model, EvaluationRequest request, EvaluationProgress? progress, CancellationToken cancellationToken)
    {
        var (network, dataset, options) = (model.Network, model.Dataset, model.Run.Options);
        Generator Noise(EvaluationNoise noise) => noise.Generator(options.Trainer.Seed);

        // First, for a file that is none ends here and not after an hour.
        var course = File.Exists(model.Run.Metrics) ? TrainingCourse.Of(TrainingLog.Read(model.Run.Metrics)) : null;
        var data = Load(model, request.Split, request.Rows, Neighbours);
        using var importance = Noise(EvaluationNoise.Importance);
        var bounds = ImportanceWeighted(network, data, request.ImportanceSamples, importance, progress, cancellationToken);
        using var code = Noise(EvaluationNoise.Code);
        using var reconstruction = Noise(EvaluationNoise.Reconstruction);
        var draws = Draws.Take(network, data, AutoregressiveRows, code, reconstruction, cancellationToken);
        using var divergences = Noise(EvaluationNoise.Divergences);
        var singleSample = SingleSampleStatistics.Of(network, data, draws, divergences);
        using var decoding = Noise(EvaluationNoise.DecodingJoint);
        using var decodingImportance = Noise(EvaluationNoise.DecodingImportance);
        var decodingRows = Math.Min(data.Rows, Math.Clamp(data.Rows / 10, LeastDecodingRows, MostDecodingRows));
        var joints = network.decoder is AutoregressiveDecoder ? null : JointStatistics.Of(
            bounds, draws, DecodingDraws.Take(
                network, decodingRows, request.ImportanceSamples, decoding, decodingImportance, progress, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        var aggregate = AggregatePosterior.Of(network, data, draws, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        var ksg = MutualInformation(network, data, draws.Z);
        cancellationToken.ThrowIfCancellationRequested();
        CodeScores? scores = null;
        if (data.Labels is not null
            && Load(model, SplitName.Train, 0, CodeScores.MaxNeighbours) is { Labels: not null } train)
        {
            using var trainCode = Noise(EvaluationNoise.TrainingCode);
            using var clusters = Noise(EvaluationNoise.Clusters);
            var trainCodes = Codes(network, train, train.Labels, trainCode);
            scores = CodeScores.Of(trainCodes, new LabelledCodes(draws.Z, draws.ZMean, data.Labels), network.ZDim, clusters, cancellationToken);
        }
        var gauges = PosteriorGauges.Of(draws.ZMean, draws.ZLogVar, network.ZDim, draws.GaussianPosterior && network.prior is StandardPrior);
        return new EvaluationReport
        {
            Split = request.Split.ToString().ToLowerInvariant(),
            Rows = data.Rows,
            ImportanceSamples = request.ImportanceSamples,
            NllImportanceWeighted = bounds.NllImportanceWeighted,
            NllStandardError = bounds.NllStandardError,
            NllBySamples = bounds.BySamples,
            NegativeElbo = bounds.Distortion + bounds.Rate,
            NegativeElboSingleSample = draws.NegativeElbo,
            Rate = bounds.Rate,
            Distortion = bounds.Distortion,
            MutualInformationKsg = ksg?.MutualInformation,
            KsgK = ksg?.Neighbours,
            KsgRows = ksg?.Rows,
            KsgCeiling = ksg?.Ceiling,
            KsgCoincidentRows = ksg?.Coincident,
            AggregatePosterior = aggregate,
            Joints = joints,
            SingleSample = singleSample,
            Knn1Accuracy = scores?.Knn[0],
            Knn3Accuracy = scores?.Knn[1],
            Knn5Accuracy = scores?.Knn[2],
            Knn10Accuracy = scores?.Knn[3],
            Knn1AccuracyZMean = scores?.KnnOfMeans[0],
            Knn3AccuracyZMean = scores?.KnnOfMeans[1],
            Knn5AccuracyZMean = scores?.KnnOfMeans[2],
            Knn10AccuracyZMean = scores?.KnnOfMeans[3],
            KnnTrainRows = scores?.TrainRows,
            LinearProbeAccuracy = scores?.LinearProbe,
            LinearProbeGradientNorm = scores?.LinearProbeGradientNorm,
            KmeansNmi = scores?.Nmi,
            KmeansClusters = scores?.Clusters,
            ReconstructionRmse = draws.Rmse,
            ReconstructionL2Sampled = draws.L2Sampled,
            ReconstructionRows = draws.ReconstructionRows,
            ActiveUnits = gauges.MeanVariance.Count(variance => variance > ActiveVariance),
            PosteriorSd = PosteriorSd.Of(draws.ZLogVar),
            PerDimension = gauges,
            Training = course,
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

    /// <inheritdoc cref="ImportanceWeighted(Autoencoder, EvaluationRows, int, int, Generator, EvaluationProgress?, CancellationToken)"/>
    public static Bounds ImportanceWeighted(
        Autoencoder model, EvaluationRows data, int samples, Generator noise, EvaluationProgress? progress, CancellationToken cancellationToken) =>
        ImportanceWeighted(model, data, samples, Chunk(model), noise, progress, cancellationToken);

    /// <summary>
    /// −log 1/S Σ_s w_s with w = p(x|z) p(z) / q(z|x), the rate (analytic where KL(q(z|x) ‖ p(z)) has a closed form, else over the same draws)
    /// and the distortion over the same draws. Memory is bounded by the chunk, whatever <paramref name="samples"/> and the number of rows are.
    /// </summary>
    /// <param name="model">In evaluation mode.</param>
    /// <param name="data">x preprocessed.</param>
    /// <param name="samples">S.</param>
    /// <param name="chunkElements">Elements of the widest activation held at once.</param>
    /// <param name="noise">Source of every z.</param>
    /// <param name="progress">Told after each chunk of rows.</param>
    /// <param name="cancellationToken">Looked at between chunks.</param>
    public static Bounds ImportanceWeighted(
        Autoencoder model, EvaluationRows data, int samples, int chunkElements, Generator noise, EvaluationProgress? progress,
        CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        using var inference = inference_mode();
        using var whole = NewDisposeScope();
        var prior = model.prior.Fixed();
        var perChunk = (int)Math.Max(1, chunkElements / model.Width);
        var rowsPerChunk = Math.Clamp(perChunk / samples, 1, data.Rows);
        double sumRate = 0, sumLogPxz = 0, sumLogQzx = 0, sumLogPz = 0;
        var logPx = new double[data.Rows];
        var bySamples = new double[BitOperations.Log2((uint)samples) + 1];
        for (var first = 0; first < data.Rows; first += rowsPerChunk)
        {
            using var scope = NewDisposeScope();
            var rows = Math.Min(rowsPerChunk, data.Rows - first);
            var x = data.Tensor(model, first, rows);
            var posterior = model.encoder.call(x);
            var analyticRate = prior.Kl(posterior);
            sumRate += analyticRate is null ? 0 : Sum(analyticRate);
            var logSum = logPx.AsSpan(first, rows);
            logSum.Fill(double.NegativeInfinity);
            var samplesPerChunk = Math.Max(1, perChunk / rows);
            for (var done = 0; done < samples; done += samplesPerChunk)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var inner = NewDisposeScope();
                var s = Math.Min(samplesPerChunk, samples - done);
                var (z, logQzx) = posterior.Repeat(s).SampleReparameterized(noise); // (S·B, Z), (S·B)
                var logPxz = model.decoder.call(z).LogProb(x.repeat(s, 1));
                var logPz = prior.LogProb(z);
                var logW = (logPxz + logPz - logQzx).to_type(ScalarType.Float64).view(s, rows);
                sumLogPxz += Sum(logPxz);
                sumLogQzx += Sum(logQzx);
                sumLogPz += Sum(logPz);
                sumRate += analyticRate is null ? Sum(logQzx - logPz) / samples : 0;
                // Up to each power of two apart, so that what fewer draws would have given is known on the way.
                for (int from = 0, to; from < s; from = to)
                {
                    var mark = (int)BitOperations.RoundUpToPowerOf2((uint)(done + from + 1));
                    to = Math.Min(s, mark - done);
                    var chunk = logW.narrow(0, from, to - from).logsumexp(0).cpu().data<double>();
                    for (var i = 0; i < rows; i++)
                    {
                        logSum[i] = LogAdd(logSum[i], chunk[i]);
                    }
                    if (done + to == mark)
                    {
                        bySamples[BitOperations.Log2((uint)mark)] += SumOf(logSum) - rows * Math.Log(mark);
                    }
                }
            }
            foreach (ref var value in logSum)
            {
                value -= Math.Log(samples);
            }
            progress?.Invoke("importance sampling", first + rows, data.Rows);
        }
        var draws = (double)data.Rows * samples;
        return new Bounds(
            logPx, sumRate / data.Rows, -sumLogPxz / draws, -sumLogQzx / draws, -sumLogPz / draws,
            NllBySamples.Of(bySamples, -logPx.Sum(), samples, data.Rows));
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
    /// Rows as the network sees them, a stochastic step drawn once. Rows beyond <paramref name="most"/> are left out (0: none); more than
    /// <paramref name="neighbours"/> are needed.
    /// </summary>
    internal static EvaluationRows Load(TrainedModel model, SplitName name, int most, int neighbours)
    {
        var split = model.Dataset.Load(name, 0);
        var rows = most == 0 ? split.Rows : Math.Min(most, split.Rows);
        if (rows <= neighbours)
        {
            throw new UsageException(
                $"{model.Dataset.Name}: {neighbours} nearest neighbours need at least {neighbours + 1} rows, found {rows} in the split {name}.");
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
        var rows = Math.Min(data.Rows, model.XShape.Count > 1 ? MaxKsgImages : MaxKsgRows);
        return Ksg.Estimate(data.X.AsSpan(0, rows * model.XDim), z.AsSpan(0, rows * model.ZDim), rows, Neighbours);
    }

    /// <summary>One z ~ q(z|x) and the posterior's mean of each row.</summary>
    static LabelledCodes Codes(Autoencoder model, EvaluationRows data, long[] labels, Generator noise)
    {
        using var inference = inference_mode();
        var perChunk = RowsPerChunk(model, data.Rows);
        var codes = new LabelledCodes(new float[data.Rows * model.ZDim], new float[data.Rows * model.ZDim], labels);
        for (var first = 0; first < data.Rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var posterior = model.encoder.call(data.Tensor(model, first, Math.Min(perChunk, data.Rows - first)));
            posterior.Sample(noise).cpu().data<float>().CopyTo(codes.Z, first * model.ZDim);
            posterior.Mean.cpu().data<float>().CopyTo(codes.ZMean, first * model.ZDim);
        }
        return codes;
    }

    /// <summary>Rows whose widest activation fits a chunk.</summary>
    internal static int RowsPerChunk(Autoencoder model, int rows) => (int)Math.Clamp(Chunk(model) / model.Width, 1, rows);

    static int Chunk(Autoencoder model) => model.Device.type == DeviceType.CUDA ? DeviceChunkElements : ChunkElements;

    internal static double Sum(Tensor values) => values.sum(ScalarType.Float64).cpu().ToDouble();

    /// <summary>log (eᵃ + eᵇ).</summary>
    internal static double LogAdd(double a, double b)
    {
        var (high, low) = a > b ? (a, b) : (b, a);
        return double.IsNegativeInfinity(high) ? high : high + Math.Log(1 + Math.Exp(low - high));
    }

    static double SumOf(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values)
        {
            sum += value;
        }
        return sum;
    }
}
