using Microsoft.ML.Data;

namespace Microsoft.ML.Trainers;

public abstract class LbfgsTrainerBase<TOptions, TTransformer, TModel> : TrainerEstimatorBase<TTransformer, TModel>
    where TOptions : LbfgsTrainerBase<TOptions, TTransformer, TModel>.OptionsBase, new()
    where TTransformer : class, ITransformer
    where TModel : class
{
    private protected LbfgsTrainerBase()
    {
    }

    public abstract class OptionsBase : TrainerInputBaseWithWeight
    {
        public float L2Regularization = 1;

        public float L1Regularization = 1;

        /// <summary>The improvement an iteration at which the real trainer stops. Without effect here, see <see cref="OwlQn"/>.</summary>
        public float OptimizationTolerance = 1e-7f;

        public int HistorySize = 20;

        public int MaximumNumberOfIterations = int.MaxValue;

        /// <summary>Without effect here: this trainer runs on the calling thread.</summary>
        public int? NumberOfThreads;
    }
}

/// <summary>Softmax regression, see <see cref="MaximumEntropyObjective"/>. Unlike the real trainer it goes on until the gradient, not the improvement, is small.</summary>
public sealed class LbfgsMaximumEntropyMulticlassTrainer : LbfgsTrainerBase<
    LbfgsMaximumEntropyMulticlassTrainer.Options, MulticlassPredictionTransformer<MaximumEntropyModelParameters>, MaximumEntropyModelParameters>
{
    readonly Options _options;

    internal LbfgsMaximumEntropyMulticlassTrainer(Options options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.L1Regularization, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegative(options.L2Regularization, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.HistorySize, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaximumNumberOfIterations, nameof(options));
        _options = options;
    }

    private protected override MulticlassPredictionTransformer<MaximumEntropyModelParameters> Train(ColumnarView view)
    {
        var (features, dims) = view.Vectors("feature", _options.FeatureColumnName);
        var column = view.Require("label", _options.LabelColumnName);
        if (column.Type is not KeyDataViewType key)
        {
            throw ColumnarView.Mismatch("label", _options.LabelColumnName, "Key<UInt32>", column.Type);
        }
        var keys = view.Values<uint>(column);
        // Rows without a label or with missing features take no part in training, as in the real trainer.
        List<double> x = [];
        List<int> y = [];
        for (var row = 0; row < keys.Length; row++)
        {
            if (keys[row] > 0 && Array.TrueForAll(features[row], float.IsFinite))
            {
                x.AddRange(features[row].Select(f => (double)f));
                y.Add((int)keys[row] - 1);
            }
        }
        if (y.Count == 0)
        {
            throw new InvalidOperationException("No valid training instances found, all instances have missing features.");
        }
        var objective = new MaximumEntropyObjective([.. x], [.. y], dims, key.Count, _options.L2Regularization);
        var solution = OwlQn.Minimise(
            objective.Evaluate, new double[objective.Parameters], key.Count, _options.L1Regularization / y.Count, _options.HistorySize, _options.MaximumNumberOfIterations);
        var biases = Array.ConvertAll(solution[..key.Count], w => (float)w);
        var weights = Enumerable.Range(0, key.Count).Select(c => Array.ConvertAll(objective.Weights(solution, c).ToArray(), w => (float)w));
        var model = new MaximumEntropyModelParameters(biases, [.. weights], dims);
        return new(model, model, column.KeyValues, _options.FeatureColumnName);
    }

    public sealed class Options : OptionsBase
    {
    }
}
