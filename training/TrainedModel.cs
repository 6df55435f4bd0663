using Mim.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The best model of a training run, its data and the epoch that it is from.</summary>
public sealed class TrainedModel : IDisposable
{
    TrainedModel(RunFolder run, Dataset dataset, Autoencoder network, int epoch, string checkpointSha256) =>
        (Run, Dataset, Network, Epoch, CheckpointSha256) = (run, dataset, network, epoch, checkpointSha256);

    public RunFolder Run { get; }
    public Dataset Dataset { get; }
    public Autoencoder Network { get; }

    /// <summary>From 1.</summary>
    public int Epoch { get; }

    /// <summary>Of the file that the weights are from.</summary>
    public string CheckpointSha256 { get; }

    public static TrainedModel Load(string folder)
    {
        var run = RunFolder.Open(folder);
        if (!File.Exists(run.BestCheckpoint))
        {
            throw new UsageException($"{run.BestCheckpoint}: the run has no best model yet. Let 'mim train' finish (--resume continues it).");
        }
        if (run.Options.Trainer.Threads > 0)
        {
            set_num_threads(run.Options.Trainer.Threads);
        }
        var sha256 = Hashes.Sha256(run.BestCheckpoint);
        var checkpoint = Checkpoint.Read(run.BestCheckpoint);
        var dataset = Dataset.Open(run.Options.Dataset, run.Options.Trainer.Seed);
        using var init = new Generator(0); // every weight is overwritten
        var network = Autoencoder.Create(run.Options, dataset.InputShape, init);
        try
        {
            checkpoint.RestoreModel(network);
            network.to(Trainer.Device(run.Options.Trainer.Device));
        }
        catch
        {
            network.Dispose();
            throw;
        }
        network.eval();
        return new TrainedModel(run, dataset, network, checkpoint.State.BestEpoch, sha256);
    }

    public void Dispose() => Network.Dispose();
}
