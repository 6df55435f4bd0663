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

/// <summary>The paper's two rules, as its code has them.</summary>
public enum EarlyStoppingRule
{
    /// <summary>Toy data: an epoch can be the best only from the warm-up's last one on.</summary>
    Patience,

    /// <summary>Images: any epoch can be the best, and those before the warm-up's last one do not count as waiting.</summary>
    LookAhead,
}

/// <summary>
/// Training stops after more than <paramref name="patience"/> epochs without a better validation loss, counted as the rule says. A loss that is not
/// a number is never the best.
/// </summary>
public sealed class EarlyStopping(EarlyStoppingRule rule, int warmupEpochs, int patience)
{
    /// <summary>0: none yet.</summary>
    public int BestEpoch { get; private set; }

    public double BestLoss { get; private set; } = double.PositiveInfinity;

    /// <summary>Takes the validation loss of an epoch and says whether it is the best so far.</summary>
    public bool Observe(int epoch, double loss)
    {
        if ((rule == EarlyStoppingRule.Patience && epoch < warmupEpochs) || !(loss < BestLoss))
        {
            return false;
        }
        Restore(epoch, loss);
        return true;
    }

    public bool ShouldStop(int epoch) => BestEpoch > 0 && epoch - WaitingSince > patience;

    public void Restore(int bestEpoch, double bestLoss) => (BestEpoch, BestLoss) = (bestEpoch, bestLoss);

    /// <summary>The last epoch at which the reference's counter is 0.</summary>
    int WaitingSince => rule == EarlyStoppingRule.LookAhead ? Math.Max(BestEpoch, warmupEpochs - 1) : BestEpoch;
}
