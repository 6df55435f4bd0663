using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The splits as tensors on the device, (Rows, X). Preprocessing up to the first step that training draws anew for each batch is applied once, when a
/// split is loaded; validation rows go through all of it then.
/// </summary>
sealed class TrainingData : IDisposable
{
    /// <summary>"STEP": keeps the draws of batches apart from every other use of the run's seed.</summary>
    const uint StepStream = 0x53544550;

    /// <summary>Elements preprocessed at once: the intermediate results of a chain stay small beside a split.</summary>
    const int ChunkElements = 1 << 22;

    readonly Dataset _dataset;
    readonly Likelihood _likelihood;
    readonly Device _device;
    readonly ulong _seed;
    readonly Preprocessing _once;
    readonly Preprocessing _eachBatch;
    Split? _train;
    Split? _validation;

    public TrainingData(Dataset dataset, TrainingOptions options, Device device)
    {
        _dataset = dataset;
        _likelihood = options.Likelihood;
        _device = device;
        _seed = unchecked((ulong)options.Trainer.Seed);
        var stochastic = dataset.Preprocessing.TakeWhile(step => !Preprocessing.IsStochastic(step)).Count();
        _once = new Preprocessing(dataset.Preprocessing.Take(stochastic));
        _eachBatch = new Preprocessing(dataset.Preprocessing.Skip(stochastic));
    }

    /// <summary>Training rows of an epoch, from 1.</summary>
    public Split Train(int epoch) => _train = Load(SplitName.Train, epoch, _train);

    /// <summary>Validation rows of an epoch, as the network sees them.</summary>
    public Split Validation(int epoch) => _validation = Load(SplitName.Validation, epoch, _validation);

    /// <summary>
    /// What the network sees of training rows of the epoch loaded last; <paramref name="rows"/> are their numbers, on the device. Draws are a
    /// function of the run's seed and <paramref name="step"/>.
    /// </summary>
    public Tensor Batch(Tensor rows, long step)
    {
        var split = _train ?? throw new InvalidOperationException("Training rows are loaded before a batch is taken from them.");
        var x = split.X.index_select(0, rows);
        if (_eachBatch.IsEmpty)
        {
            return x;
        }
        var perRow = _eachBatch.DrawsPerRow((int)x.shape[1]);
        var draws = new float[x.shape[0] * perRow];
        new Philox(_seed, StepStream, checked((uint)step)).Fill(draws);
        return _eachBatch.Sample(x, tensor(draws, x.shape[0], perRow).to(_device));
    }

    /// <summary>See <see cref="FirstRows"/>; fewer rows if there are fewer.</summary>
    public Tensor First(int count)
    {
        var train = Train(1);
        return _eachBatch.Mean(train.X.narrow(0, 0, Math.Min(count, train.Rows))).cpu();
    }

    public void Dispose()
    {
        _train?.X.Dispose();
        _validation?.X.Dispose();
    }

    Split Load(SplitName name, int epoch, Split? loaded)
    {
        if (loaded?.Epoch == epoch)
        {
            return loaded;
        }
        var rows = name == SplitName.Train ? _dataset.TrainingRows(epoch - 1) : _dataset.Load(name, epoch - 1);
        if (ReferenceEquals(loaded?.Source, rows))
        {
            return loaded;
        }
        loaded?.X.Dispose();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var chain = name == SplitName.Train ? _once : new Preprocessing(_dataset.PreprocessingOf(name));
        var x = Preprocess(rows, chain, name);
        if (_likelihood.IsDiscrete() && (name != SplitName.Train || _eachBatch.IsEmpty))
        {
            RequireUnitInterval(x);
        }
        return new Split(rows, epoch, x.DetachFromDisposeScope());
    }

    Tensor Preprocess(DataSplit rows, Preprocessing chain, SplitName name)
    {
        var perChunk = Math.Max(1, ChunkElements / rows.XDim);
        var chunks = new List<Tensor>();
        for (var first = 0; first < rows.Rows; first += perChunk)
        {
            var count = Math.Min(perChunk, rows.Rows - first);
            var raw = tensor(rows.X.AsMemory(first * rows.XDim, count * rows.XDim), [count, rows.XDim]).to(_device);
            chunks.Add(chain.Fixed(raw, name, first));
        }
        return chunks.Count == 1 ? chunks[0] : cat(chunks);
    }

    void RequireUnitInterval(Tensor x)
    {
        var (low, high) = (x.min().item<float>(), x.max().item<float>());
        if (low < 0 || high > 1)
        {
            var remedy = low < 0 ? "Use 'likelihood: gaussian'." : FormattableString.Invariant($"Add a step such as 'preprocessing: [scale: {high}]'.");
            throw new UsageException(FormattableString.Invariant(
                $"likelihood {_likelihood.ToString().ToLowerInvariant()}: expected x in [0, 1] after preprocessing, found {low} to {high}. {remedy}"));
        }
    }

    /// <param name="Source">The rows as the data set gave them.</param>
    /// <param name="Epoch">The epoch they were loaded for; a file's serve all.</param>
    /// <param name="X">(Rows, X) on the device.</param>
    internal sealed record Split(DataSplit Source, int Epoch, Tensor X)
    {
        public int Rows => Source.Rows;
    }
}
