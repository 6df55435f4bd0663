using System.Numerics.Tensors;

namespace Microsoft.ML.Data;

/// <summary>Formulas of MulticlassClassificationEvaluator.cs at tag v5.0.0 of dotnet/machinelearning.</summary>
public sealed class MulticlassClassificationMetrics
{
    const float LeastProbability = 1e-15f;

    MulticlassClassificationMetrics(ConfusionMatrix confusion, double micro, double macro, double logLoss, double reduction)
    {
        ConfusionMatrix = confusion;
        MicroAccuracy = micro;
        MacroAccuracy = macro;
        LogLoss = logLoss;
        LogLossReduction = reduction;
    }

    public ConfusionMatrix ConfusionMatrix { get; }

    /// <summary>Mean over rows of −ln p(actual class), p clamped to [1e-15, 1], in nats; a class unseen in training counts as p = 1e-15.</summary>
    public double LogLoss { get; }

    /// <summary>1 − LogLoss / H(label): 0 is as good as always answering with the labels' frequencies.</summary>
    public double LogLossReduction { get; }

    /// <summary>Mean over the classes that occur of the share of their rows that is right.</summary>
    public double MacroAccuracy { get; }

    /// <summary>Share of the rows that is right.</summary>
    public double MicroAccuracy { get; }

    internal static MulticlassClassificationMetrics Of(float[][] scores, uint[] labels, int classes)
    {
        var counts = Enumerable.Range(0, classes).Select(_ => new double[classes]).ToArray();
        var (sizes, logLoss, correct, n) = (new double[classes], 0.0, 0.0, 0.0);
        for (var row = 0; row < labels.Length; row++)
        {
            if (labels[row] == 0 || !Array.TrueForAll(scores[row], float.IsFinite))
            {
                continue;
            }
            n++;
            var actual = (int)labels[row] - 1;
            if (actual >= classes)
            {
                logLoss -= Math.Log(LeastProbability);
                continue;
            }
            var predicted = TensorPrimitives.IndexOfMax<float>(scores[row]);
            logLoss -= Math.Log(Math.Clamp(scores[row][actual], LeastProbability, 1));
            sizes[actual]++;
            counts[actual][predicted]++;
            correct += actual == predicted ? 1 : 0;
        }
        var (macro, occurring, entropy) = (0.0, 0, 0.0);
        for (var c = 0; c < classes; c++)
        {
            if (sizes[c] > 0)
            {
                occurring++;
                macro += counts[c][c] / sizes[c];
                entropy -= sizes[c] / n * Math.Log(sizes[c] / n);
            }
        }
        logLoss = n > 0 ? logLoss / n : 0;
        return new(new(counts), n > 0 ? correct / n : 0, occurring > 0 ? macro / occurring : 0, logLoss, (entropy - logLoss) / entropy);
    }
}
