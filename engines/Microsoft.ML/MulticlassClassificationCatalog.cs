using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed class MulticlassClassificationCatalog : TrainCatalogBase
{
    internal MulticlassClassificationCatalog()
    {
    }

    public MulticlassClassificationTrainers Trainers { get; } = new();

    /// <summary>Reads the label and the probabilities; like the real evaluator it takes the prediction from the latter, and leaves out rows without a label.</summary>
    public MulticlassClassificationMetrics Evaluate(
        IDataView data,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        int topKPredictionCount = 0)
    {
        if (topKPredictionCount != 0)
        {
            throw new NotSupportedException($"the stand-in for Microsoft.ML has no top-K accuracy: expected 0, found {topKPredictionCount}.");
        }
        var view = ColumnarView.Of(data);
        var (scores, classes) = view.Vectors("score", scoreColumnName);
        if (classes < 2)
        {
            throw ColumnarView.Mismatch("score", scoreColumnName, "vector of two or more items of type Single", view.Schema[scoreColumnName].Type);
        }
        var label = view.Require("label", labelColumnName);
        view.Require("predicted label", predictedLabelColumnName);
        return label.Type is KeyDataViewType { Count: > 0 }
            ? MulticlassClassificationMetrics.Of(scores, view.Values<uint>(label), classes)
            : throw ColumnarView.Mismatch("label", labelColumnName, "Key", label.Type);
    }

    public sealed class MulticlassClassificationTrainers : CatalogInstantiatorBase
    {
        internal MulticlassClassificationTrainers()
        {
        }
    }
}
