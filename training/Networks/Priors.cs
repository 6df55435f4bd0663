using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The prior that <c>prior.name</c> names.</summary>
public static class Priors
{
    /// <param name="options">Names it.</param>
    /// <param name="zDim">Dimensions that it is over: of a hierarchical model those of the top level.</param>
    /// <param name="xDim">X, for the VampPrior's pseudo-inputs.</param>
    /// <param name="bounded">Whether x lies in [0, 1], and the VampPrior's pseudo-inputs with it.</param>
    /// <param name="posterior">x (K, X) → the posterior of the same dimensions, for the VampPrior.</param>
    public static Prior Create(TrainingOptions options, long zDim, long xDim, bool bounded, Func<Tensor, Gaussian> posterior)
    {
        var (prior, floor) = (options.Prior, options.Network.SigmaFloor);
        return prior.Name switch
        {
            PriorName.Standard => new StandardPrior(zDim),
            PriorName.Gaussian => new GaussianPrior(zDim, floor),
            PriorName.Mixture => new MixturePrior(zDim, prior.Components, floor),
            PriorName.Marginal => new MarginalPrior(zDim),
            PriorName.Vamp => new VampPrior(
                zDim, prior.Components, xDim, bounded, prior.PseudoInit == PseudoInit.Data, posterior),
            _ => throw new ArgumentOutOfRangeException(nameof(options), prior.Name, null),
        };
    }
}
