using System.Diagnostics;
using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The splits as tensors on the device, (Rows, X). Preprocessing up to the first step that training draws anew for each batch is applied once, when a
/// split is loaded; validation rows go through all of it then. Rows of the next epoch, and random numbers of the next batches, are made ahead on other
/// threads: they are functions of the run's seed and of the number of the epoch or step.
/// </summary>
sealed class TrainingData : IDisposable
{
    /// <summary>"STEP": keeps the draws of batches apart from every other use of the run's seed.</summary>
    const uint StepStream = 0x53544550;

    /// <summary>Elements preprocessed at once: the intermediate results of a chain stay in the cache.</summary>
    const int ChunkElements = 1 << 18;

    readonly Dataset _dataset;
    readonly string? _bounded; // what needs x in [0, 1]
    readonly string _unbounded; // and what does not
    readonly Device _device;
    readonly ulong _seed;
    readonly int _ahead;
    readonly Preprocessing _once;
    readonly Preprocessing _eachBatch;
    Split? _train;
    Split? _validation;
    Prefetch<DataSplit>? _trainRows;
    Prefetch<DataSplit>? _validationRows;
    Prefetch<float[]>? _draws;
    long _waited;

    public TrainingData(Dataset dataset, TrainingOptions options, Device device)
    {
        _dataset = dataset;
        var likelihood = options.Likelihood.IsDiscrete() ? $"likelihood {options.Likelihood.ToString().ToLowerInvariant()}" : null;
        (_bounded, _unbounded) = Architectures.IsOfGreyValues(options.Network.Name)
            ? ($"network {options.Network.Name}", $"'network.name: {Architectures.Mlp}' with 'likelihood: gaussian'")
            : (likelihood, "'likelihood: gaussian'");
        _device = device;
        _seed = unchecked((ulong)options.Trainer.Seed);
        _ahead = options.Trainer.Prefetch;
        var stochastic = dataset.Preprocessing.TakeWhile(step => !Preprocessing.IsStochastic(step)).Count();
        _once = new Preprocessing(dataset.Preprocessing.Take(stochastic));
        _eachBatch = new Preprocessing(dataset.Preprocessing.Skip(stochastic));
    }

    /// <summary>Time for which training stood still until rows and random numbers were there and on the device.</summary>
    public TimeSpan Waited => Stopwatch.GetElapsedTime(0, _waited);

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
        var begin = Stopwatch.GetTimestamp();
        var (batch, perRow) = (x.shape[0], _eachBatch.DrawsPerRow((int)x.shape[1]));
        if (_draws?.Next != step)
        {
            _draws?.Dispose();
            _draws = Draws(checked((int)(batch * perRow)), step);
        }
        var draws = tensor(_draws.Take(), batch, perRow).to(_device);
        _waited += Stopwatch.GetTimestamp() - begin;
        return _eachBatch.Sample(x, draws);
    }

    /// <summary>See <see cref="FirstRows"/>; fewer rows if there are fewer.</summary>
    public Tensor First(int count)
    {
        var train = Train(1);
        return _eachBatch.Mean(train.X.narrow(0, 0, Math.Min(count, train.Rows))).cpu();
    }

    public void Dispose()
    {
        _draws?.Dispose();
        _trainRows?.Dispose();
        _validationRows?.Dispose();
        _train?.X.Dispose();
        _validation?.X.Dispose();
    }

    Split Load(SplitName name, int epoch, Split? loaded)
    {
        if (loaded?.Epoch == epoch)
        {
            return loaded;
        }
        var begin = Stopwatch.GetTimestamp();
        var fresh = name == SplitName.Train ? _dataset.TrainingRowsVary : _dataset.VariesByEpoch;
        if (!fresh && loaded is not null)
        {
            return loaded;
        }
        var rows = !fresh ? _dataset.Load(name, epoch - 1)
            : name == SplitName.Train ? Rows(ref _trainRows, epoch, _dataset.TrainingRows)
            : Rows(ref _validationRows, epoch, e => _dataset.Load(name, e));
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var chain = name == SplitName.Train ? _once : new Preprocessing(_dataset.PreprocessingOf(name));
        var x = Preprocess(rows, chain, name, loaded?.X);
        if (_bounded is not null && (name != SplitName.Train || _eachBatch.IsEmpty))
        {
            RequireUnitInterval(x);
        }
        _waited += Stopwatch.GetTimestamp() - begin;
        return new Split(rows.Rows, epoch, x.DetachFromDisposeScope());
    }

    /// <summary>Of the numbers of a batch no more than a step's are in use while the next ones are made.</summary>
    Prefetch<float[]> Draws(int count, long firstStep)
    {
        var buffers = new float[_ahead + 1][];
        return new(_ahead, firstStep, step =>
        {
            var buffer = buffers[step % buffers.Length] ??= new float[count];
            new Philox(_seed, StepStream, checked((uint)step)).Fill(buffer);
            return buffer;
        });
    }

    /// <summary>One epoch ahead at most: an epoch may be as large as the memory for it.</summary>
    DataSplit Rows(ref Prefetch<DataSplit>? source, int epoch, Func<int, DataSplit> load)
    {
        if (source?.Next != epoch)
        {
            source?.Dispose();
            source = new(Math.Min(_ahead, 1), epoch, e => load((int)e - 1));
        }
        return source.Take();
    }

    /// <summary>An epoch's rows take the place of those of the epoch before.</summary>
    Tensor Preprocess(DataSplit rows, Preprocessing chain, SplitName name, Tensor? last)
    {
        var perChunk = Math.Max(1, ChunkElements / rows.XDim);
        var x = last ?? empty(rows.Rows, chain.OutputDim(rows.XDim), device: _device);
        for (var first = 0; first < rows.Rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(perChunk, rows.Rows - first);
            var raw = tensor(rows.X.AsMemory(first * rows.XDim, count * rows.XDim), [count, rows.XDim]).to(_device);
            x.narrow(0, first, count).copy_(chain.Fixed(raw, name, first));
        }
        return x;
    }

    void RequireUnitInterval(Tensor x)
    {
        var (low, high) = (x.min().item<float>(), x.max().item<float>());
        if (low < 0 || high > 1)
        {
            var remedy = low < 0 ? $"Use {_unbounded}." : FormattableString.Invariant($"Add a step such as 'preprocessing: [scale: {high}]'.");
            throw new UsageException(FormattableString.Invariant(
                $"{_bounded}: expected x in [0, 1] after preprocessing, found {low} to {high}. {remedy}"));
        }
    }

    /// <param name="Rows">Their number.</param>
    /// <param name="Epoch">The epoch they were loaded for; a file's serve all.</param>
    /// <param name="X">(Rows, X) on the device.</param>
    internal sealed record Split(int Rows, int Epoch, Tensor X);
}
