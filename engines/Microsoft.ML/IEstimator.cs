namespace Microsoft.ML;

public interface ITransformer
{
    IDataView Transform(IDataView input);
}

public interface IEstimator<out TTransformer>
    where TTransformer : ITransformer
{
    TTransformer Fit(IDataView input);
}
