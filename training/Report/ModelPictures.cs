using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// What a report shows of a model: rows of the test split, their codes and reconstructions, samples and interpolations. x is as the network sees
/// it, but images are back in the units of their pixels.
/// </summary>
public sealed record ModelPictures
{
    public const int MaxCodes = 2000, MaxRows = 64, Interpolations = 8, InterpolationSteps = 9;

    /// <summary>Rows that go through the network at once: a bound on the memory of convolutional models.</summary>
    const int ChunkRows = 250;

    /// <summary>Null: x is no image.</summary>
    public required ImageShape? Image { get; init; }

    /// <summary>One z ~ q(z|x) a row of the test split, the rows evenly spaced.</summary>
    public required IReadOnlyList<float[]> Codes { get; init; }

    /// <summary>Label of each code; null without labels.</summary>
    public required IReadOnlyList<long>? Labels { get; init; }

    /// <summary>Draws of the prior, as many as codes.</summary>
    public required IReadOnlyList<float[]> PriorCodes { get; init; }

    /// <summary>Over the rows that have codes.</summary>
    public required PosteriorGauges Gauges { get; init; }

    /// <summary>Test rows, evenly spaced; the label of each is in <see cref="XLabels"/>. Of 2-D data all rows that have codes.</summary>
    public required IReadOnlyList<float[]> X { get; init; }

    public required IReadOnlyList<long>? XLabels { get; init; }

    /// <summary>E[x|z] at the posterior's mean of each row of <see cref="X"/>.</summary>
    public required IReadOnlyList<float[]> Reconstructions { get; init; }

    /// <summary>From the first of <see cref="PriorCodes"/>: E[x|z] where <see cref="SamplesAreMeans"/>, else x ~ p(x|z).</summary>
    public required IReadOnlyList<float[]> Samples { get; init; }

    /// <summary>Of images, whose pixels would drown in their noise; not of an autoregressive likelihood.</summary>
    public required bool SamplesAreMeans { get; init; }

    /// <summary>E[x|z] on the straight line between the posterior's means of two test rows, its ends included.</summary>
    public required IReadOnlyList<IReadOnlyList<float[]>> Paths { get; init; }

    /// <summary>Every draw has a generator of its own, keyed by the run's seed.</summary>
    public static ModelPictures Draw(TrainedModel model, CancellationToken cancellationToken)
    {
        var (network, dataset, seed) = (model.Network, model.Dataset, model.Run.Options.Trainer.Seed);
        var data = Evaluation.Load(model, SplitName.Test, 0, 0);
        var shape = ImageShape.Of(dataset.XShape);
        var rows = EvenlySpaced(data.Rows, MaxCodes);
        float[][] x = [.. rows.Select(row => data.X[(row * network.XDim)..((row + 1) * network.XDim)])];
        using var inference = inference_mode();
        using var scope = NewDisposeScope();

        using var codeNoise = EvaluationNoise.PictureCodes.Generator(seed);
        var z = network.ZDim;
        var factorised = network.encoder.LogVarFloor is not null && network.prior is StandardPrior;
        var posteriors = Map(x, network.Device, input =>
        {
            var posterior = network.encoder.call(input);
            factorised &= posterior is Gaussian;
            return cat([posterior.Mean, posterior.LogVar, posterior.Sample(codeNoise)], 1);
        });
        cancellationToken.ThrowIfCancellationRequested();
        float[][] means = [.. posteriors.Select(row => row[..z])];

        // The network's side of an image may be standardised pixels, or no pixels at all.
        Func<Tensor, Tensor> Shown(IReadOnlyList<PreprocessingStep> chain) => shape is null ? value => value : new Preprocessing(chain).Inverse;
        // A reference protocol fits the test split's own projection; what is drawn belongs to that of training.
        var (test, train) = (Shown(dataset.PreprocessingOf(SplitName.Test)), Shown(dataset.Preprocessing));
        float[][] Decode(IReadOnlyList<float[]> codes, Func<Tensor, Tensor> shown) =>
            Map(codes, network.Device, input => shown(network.decoder.call(input).Mean));
        // The mean of an autoregressive likelihood is one path of many.
        var mean = shape is not null && network.decoder is not AutoregressiveDecoder;

        using var priorNoise = EvaluationNoise.PicturePrior.Generator(seed);
        using var sampleNoise = EvaluationNoise.PictureSamples.Generator(seed);
        var prior = Rows(network.SamplePrior(x.Length, priorNoise));
        var plane = network.XDim == 2;
        var sampled = prior[..Math.Min(plane ? MaxCodes : MaxRows, prior.Length)];
        var samples = mean
            ? Decode(sampled, train)
            : Map(sampled, network.Device, input => train(network.decoder.call(input).Sample(sampleNoise)));
        var shown = EvenlySpaced(x.Length, plane ? MaxCodes : MaxRows);
        cancellationToken.ThrowIfCancellationRequested();

        var ends = EvenlySpaced(x.Length, 2 * Interpolations);
        var paths = Enumerable.Range(0, ends.Length / 2).Select(pair => Decode(Line(means[ends[pair]], means[ends[pair + (ends.Length / 2)]]), test));
        return new ModelPictures
        {
            Image = shape,
            Codes = [.. posteriors.Select(row => row[(2 * z)..])],
            Labels = data.Labels is { } labels ? [.. rows.Select(row => labels[row])] : null,
            PriorCodes = prior,
            Gauges = PosteriorGauges.Of(Flat(means), Flat(posteriors.Select(row => row[z..(2 * z)])), z, factorised),
            X = Map([.. shown.Select(row => x[row])], network.Device, test),
            XLabels = data.Labels is { } all ? [.. shown.Select(row => all[rows[row]])] : null,
            Reconstructions = Decode([.. shown.Select(row => means[row])], test),
            Samples = samples,
            SamplesAreMeans = mean,
            Paths = [.. paths],
        };
    }

    /// <summary>Indices of at most <paramref name="most"/> of <paramref name="count"/> rows.</summary>
    public static int[] EvenlySpaced(int count, int most)
    {
        var taken = Math.Min(count, most);
        return [.. Enumerable.Range(0, taken).Select(i => (int)((long)i * count / taken))];
    }

    static float[] Flat(IEnumerable<float[]> rows) => [.. rows.SelectMany(row => row)];

    static float[][] Line(float[] from, float[] to) =>
        [.. Enumerable.Range(0, InterpolationSteps).Select(step => from.Zip(to, (a, b) => a + ((b - a) * step / (InterpolationSteps - 1))).ToArray())];

    static float[][] Map(IReadOnlyList<float[]> rows, Device device, Func<Tensor, Tensor> function)
    {
        var results = new List<float[]>(rows.Count);
        foreach (var chunk in rows.Chunk(ChunkRows))
        {
            using var scope = NewDisposeScope();
            var input = tensor(chunk.SelectMany(row => row).ToArray(), [chunk.Length, chunk[0].Length]).to(device);
            results.AddRange(Rows(function(input)));
        }
        return [.. results];
    }

    /// <summary>(B, …) as B rows.</summary>
    static float[][] Rows(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var values = tensor.to_type(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
        return [.. values.Chunk(values.Length / (int)tensor.shape[0])];
    }
}
