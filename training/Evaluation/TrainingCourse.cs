namespace Mim.Training;

/// <summary>
/// The course of the training that made the model, from <c>metrics.jsonl</c>. Nothing of the clock: that says nothing about the model.
/// </summary>
public sealed record TrainingCourse
{
    /// <summary>Equally spaced checkpoints: at a fifth of the epochs, two fifths, and so on to the last.</summary>
    const int Checkpoints = 5;

    /// <summary>Run, which may be more than the best model's.</summary>
    public required int Epochs { get; init; }

    public required long Steps { get; init; }

    /// <summary>Epochs whose steps took the gradient of a decoding half.</summary>
    public required int DecodingHalfEpochs { get; init; }

    /// <summary>
    /// Of five equally spaced checkpoints, those whose validation loss is below that of the one before; the first is held against the first epoch.
    /// Null of fewer than ten epochs, of which the first fifth would be the first epoch.
    /// </summary>
    public required int? ValidationFifthsImproved { get; init; }

    public static TrainingCourse Of(TrainingLog log)
    {
        double[] Column(string name) => log.Columns.TryGetValue(name, out var column) ? column : new double[log.Epochs.Count];
        var (count, loss) = (log.Epochs.Count, Column("validation.loss"));
        return new TrainingCourse
        {
            Epochs = count,
            Steps = count > 0 ? (long)Column("step")[^1] : 0,
            DecodingHalfEpochs = log.Series("train.decoding.loss").Count,
            ValidationFifthsImproved = count >= 2 * Checkpoints
                ? Enumerable.Range(1, Checkpoints).Count(fifth => loss[At(fifth)] < loss[At(fifth - 1)])
                : null,
        };

        int At(int fifth) => Math.Max(0, fifth * count / Checkpoints - 1);
    }
}
