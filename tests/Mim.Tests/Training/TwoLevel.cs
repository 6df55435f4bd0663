using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Two-level models with weights that are no longer as they were drawn: statistics of BatchNorm that are not 0 and 1.</summary>
static class TwoLevel
{
    public static Autoencoder Create(
        string name, IReadOnlyList<long> xShape, int z = 40, int width = 300, Likelihood likelihood = Likelihood.Bernoulli, ulong seed = 3)
    {
        using var init = new Generator(seed);
        var options = new TrainingOptions
        {
            Network = new NetworkOptions { Name = name, Z = z, Width = width },
            Likelihood = likelihood,
            Objective = new ObjectiveOptions { Name = ObjectiveName.Vae },
        };
        var model = Autoencoder.Create(options, xShape, init);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var x = Bits(4, model.XDim, init);
        for (var i = 0; i < 2; i++)
        {
            model.decoder.call(randn([4, model.ZDim], generator: init)).LogProb(x);
        }
        model.eval();
        return model;
    }

    /// <summary>0 or 1, alike probable, (rows, xDim).</summary>
    public static Tensor Bits(long rows, long xDim, Generator noise) => bernoulli(full([rows, xDim], 0.5f), noise);
}
