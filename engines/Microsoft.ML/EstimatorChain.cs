namespace Microsoft.ML.Data;

[Flags]
public enum TransformerScope
{
    None = 0,
    Training = 1,
    Testing = 2,
    Scoring = 4,
    TrainTest = Training | Testing,
    Everything = Training | Testing | Scoring,
}

/// <summary>Fits each estimator on the data as its predecessors transform it.</summary>
public sealed class EstimatorChain<TLastTransformer> : IEstimator<TransformerChain<TLastTransformer>>
    where TLastTransformer : class, ITransformer
{
    readonly IEstimator<ITransformer>[] _first;
    readonly IEstimator<TLastTransformer> _last;

    internal EstimatorChain(IEstimator<ITransformer>[] first, IEstimator<TLastTransformer> last)
    {
        _first = first;
        _last = last;
    }

    public TransformerChain<TLastTransformer> Fit(IDataView input)
    {
        List<ITransformer> fitted = [];
        var data = input;
        foreach (var estimator in _first)
        {
            var transformer = estimator.Fit(data);
            data = transformer.Transform(data);
            fitted.Add(transformer);
        }
        return new(fitted, _last.Fit(data));
    }

    public EstimatorChain<TNewTrans> Append<TNewTrans>(IEstimator<TNewTrans> estimator, TransformerScope scope = TransformerScope.Everything)
        where TNewTrans : class, ITransformer
    {
        LearningPipelineExtensions.RequireEverything(scope);
        return new([.. _first, _last], estimator);
    }
}

public sealed class TransformerChain<TLastTransformer> : ITransformer, IStored
    where TLastTransformer : class, ITransformer
{
    readonly ITransformer[] _transformers;

    public readonly TLastTransformer LastTransformer;

    internal TransformerChain(IEnumerable<ITransformer> first, TLastTransformer last)
    {
        _transformers = [.. first, last];
        LastTransformer = last;
    }

    IEnumerable<ModelStep> IStored.Steps => _transformers.SelectMany(IStored.StepsOf);

    public IDataView Transform(IDataView input) => _transformers.Aggregate(input, (data, transformer) => transformer.Transform(data));
}
