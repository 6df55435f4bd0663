using Mim.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Two-level models with weights that are not as they were drawn: BatchNorm has statistics, and every pixel depends on those before it.</summary>
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
        if (model.decoder is PixelDecoder decoder)
        {
            foreach (var norm in decoder.modules().OfType<BatchNorm2d>())
            {
                norm.momentum = 1; // The statistics become those of one batch.
            }
            decoder.call(randn([8, model.ZDim], generator: init)).LogProb(Bits(8, model.XDim, init));
            // Fresh weights hardly tell one pixel from another.
            ((Conv2d)decoder.logits[0]).weight.mul_(4);
        }
        model.eval();
        return model;
    }

    /// <summary>0 or 1, alike probable, (rows, xDim).</summary>
    public static Tensor Bits(long rows, long xDim, Generator noise) => bernoulli(full([rows, xDim], 0.5f), noise);
}
