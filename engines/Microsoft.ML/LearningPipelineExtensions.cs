using Microsoft.ML.Data;

namespace Microsoft.ML;

public static class LearningPipelineExtensions
{
    public static EstimatorChain<TTrans> Append<TTrans>(
        this IEstimator<ITransformer> start, IEstimator<TTrans> estimator, TransformerScope scope = TransformerScope.Everything)
        where TTrans : class, ITransformer
    {
        RequireEverything(scope);
        return new([start], estimator);
    }

    internal static void RequireEverything(TransformerScope scope)
    {
        if (scope != TransformerScope.Everything)
        {
            throw new NotSupportedException($"the stand-in for Microsoft.ML knows only TransformerScope.Everything, found {scope}.");
        }
    }
}
