namespace Microsoft.ML.Trainers;

public abstract class TrainerEstimatorBase<TTransformer, TModel> : IEstimator<TTransformer>
    where TTransformer : class, ITransformer
    where TModel : class
{
    private protected TrainerEstimatorBase()
    {
    }

    public TTransformer Fit(IDataView input) => Train(ColumnarView.Of(input));

    private protected abstract TTransformer Train(ColumnarView view);
}

public abstract class ModelParametersBase<TOutput>
{
    private protected ModelParametersBase()
    {
    }
}
