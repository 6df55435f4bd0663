using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The splits as tensors on the device, (Rows, X). Preprocessing up to the first stochastic step is applied once, when a split is loaded;
/// what follows is drawn anew for each batch.
/// </summary>
sealed class TrainingData : IDisposable
{
    readonly Dataset _dataset;
    readonly Likelihood _likelihood;
    readonly Device _device;
    readonly Preprocessing _once;
    readonly Preprocessing _eachBatch;
    Split? _train;
    Split? _validation;

    public TrainingData(Dataset dataset, Likelihood likelihood, Device device)
    {
        _dataset = dataset;
        _likelihood = likelihood;
        _device = device;
        var stochastic = dataset.Preprocessing.TakeWhile(step => !Preprocessing.IsStochastic(step)).Count();
        _once = new Preprocessing(dataset.Preprocessing.Take(stochastic));
        _eachBatch = new Preprocessing(dataset.Preprocessing.Skip(stochastic));
    }

    /// <summary>Training rows of an epoch, from 1.</summary>
    public Split Train(int epoch) => _train = Load(SplitName.Train, epoch, _train);

    public Split Validation(int epoch) => _validation = Load(SplitName.Validation, epoch, _validation);

    /// <summary>What the network sees of some rows of a split.</summary>
    public Tensor Draw(Tensor x, Generator noise) => _eachBatch.Sample(x, noise);

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
        var rows = _dataset.Load(name, epoch - 1);
        if (ReferenceEquals(loaded?.Source, rows))
        {
            return loaded;
        }
        loaded?.X.Dispose();
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var x = _once.Mean(tensor(rows.X, [rows.Rows, rows.XDim]).to(_device));
        if (_likelihood.IsDiscrete() && _eachBatch.IsEmpty)
        {
            RequireUnitInterval(x);
        }
        return new Split(rows, epoch, x.DetachFromDisposeScope());
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
