namespace Microsoft.ML.Data;

public abstract class RowToRowTransformerBase : ITransformer, IStored
{
    private protected RowToRowTransformerBase()
    {
    }

    private protected abstract ModelStep Step { get; }

    IEnumerable<ModelStep> IStored.Steps => [Step];

    public IDataView Transform(IDataView input) => Apply(ColumnarView.Of(input));

    private protected abstract ColumnarView Apply(ColumnarView view);
}

public abstract class OneToOneTransformerBase : RowToRowTransformerBase
{
    private protected OneToOneTransformerBase()
    {
    }
}

/// <summary>An estimator with nothing to learn.</summary>
public abstract class TrivialEstimator<TTransformer> : IEstimator<TTransformer>
    where TTransformer : class, ITransformer
{
    readonly TTransformer _transformer;

    private protected TrivialEstimator(TTransformer transformer) => _transformer = transformer;

    public TTransformer Fit(IDataView input) => _transformer;
}
