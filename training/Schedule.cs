namespace Mim.Training;

/// <summary>What changes from epoch to epoch. Epochs count from 1, as in the reference.</summary>
public static class Schedule
{
    /// <summary>The factor on the learning rate: min(e/w, √(w/e)), Noam's shape by epochs; 1 without a warm-up.</summary>
    public static double Noam(int epoch, int warmupEpochs) =>
        warmupEpochs == 0 ? 1 : Math.Min((double)epoch / warmupEpochs, Math.Sqrt((double)warmupEpochs / epoch));

    /// <summary>The factor on β: min(1, e/w); 1 without a warm-up.</summary>
    public static double Warmup(int epoch, int warmupEpochs) => epoch >= warmupEpochs ? 1 : (double)epoch / warmupEpochs;
}

/// <summary>
/// The reference's rule: an epoch can be the best only from the warm-up's last one on, and training stops after the epoch that lies more than
/// <paramref name="patience"/> behind the best. A validation loss that is not a number is never the best.
/// </summary>
public sealed class EarlyStopping(int warmupEpochs, int patience)
{
    /// <summary>0: none yet.</summary>
    public int BestEpoch { get; private set; }

    public double BestLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>Takes the validation loss of an epoch and says whether it is the best so far.</summary>
    public bool Observe(int epoch, double loss)
    {
        if (epoch < warmupEpochs || !(loss < BestLoss))
        {
            return false;
        }
        Restore(epoch, loss);
        return true;
    }

    public bool ShouldStop(int epoch) => BestEpoch > 0 && epoch - BestEpoch > patience;

    public void Restore(int bestEpoch, double bestLoss) => (BestEpoch, BestLoss) = (bestEpoch, bestLoss);
}
