namespace Mim.Training;

public static class Likelihoods
{
    /// <summary>Whether x is discrete, in [0, 1]: a draw then carries no gradient.</summary>
    public static bool IsDiscrete(this Likelihood likelihood) => likelihood is Likelihood.Bernoulli or Likelihood.Logistic;
}
