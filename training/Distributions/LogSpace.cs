using static TorchSharp.torch;

namespace Mim.Training;

public static class LogSpace
{
    /// <summary>log of the mean of exp(<paramref name="logValues"/>) over <paramref name="dim"/>, which goes away.</summary>
    public static Tensor LogMeanExp(Tensor logValues, long dim) =>
        logValues.logsumexp(dim) - Math.Log(logValues.shape[dim < 0 ? ^(int)-dim : (int)dim]);
}
