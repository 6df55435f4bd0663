namespace Microsoft.ML;

public abstract class TrainCatalogBase
{
    private protected TrainCatalogBase()
    {
    }

    public abstract class CatalogInstantiatorBase
    {
        private protected CatalogInstantiatorBase()
        {
        }
    }
}
