using Mim.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The two-level image models of the reference (vae_vampprior, which MIM's image code is a fork of): z₁ and z₂ of <c>network.z</c> dimensions each,
/// gated layers, log-variances clamped to [−6, 2].
/// </summary>
static class TwoLevelArchitectures
{
    /// <summary>Filters of the last convolution of an encoder.</summary>
    const int Squeezed = 6;

    const int Channels = 64;

    /// <summary>Dense layers only; 2,431,024 weights at 28×28, z = 40 and width 300.</summary>
    public static Architecture Hvae(TrainingOptions options, IReadOnlyList<long> xShape)
    {
        Require(options, bernoulliOnly: false);
        var (level, width, xDim) = (options.Network.Z, options.Network.Width, xShape.Aggregate(1L, (product, size) => product * size));
        var encoder = new TwoLevelEncoder(
            nn.Sequential(Gated.Dense(xDim, width), Gated.Dense(width, width)), Gated.Dense(xDim, width), Gated.Dense(level, width),
            Gated.Dense(2 * width, width), width, width, level);
        var decoder = new TwoLevelDecoder(
            level, width, Gated.Dense(2 * width, width), new PixelLikelihood(options.Likelihood, () => [nn.Linear(width, xDim)]), xDim);
        return Create(options, xShape, encoder, decoder);
    }

    /// <summary>Convolutional encoder and decoder; 2,210,861 weights at 28×28, z = 40 and width 300.</summary>
    public static Architecture ConvHvae(TrainingOptions options, IReadOnlyList<long> xShape)
    {
        Require(options, bernoulliOnly: false);
        var (height, width) = ImageSize(options, xShape);
        var joint = nn.Sequential(
            Gated.Dense(2 * options.Network.Width, height * width), new AsImage(height, width), Gated.Conv2d(1, Channels, 3, 1, 1),
            Gated.Conv2d(Channels, Channels, 3, 1, 1), Gated.Conv2d(Channels, Channels, 3, 1, 1), Gated.Conv2d(Channels, Channels, 3, 1, 1));
        var decoder = new TwoLevelDecoder(
            options.Network.Z, options.Network.Width, joint,
            new PixelLikelihood(options.Likelihood, () => [nn.Conv2d(Channels, 1, 1), nn.Flatten()]), 2L * Channels * height * width);
        return Create(options, xShape, ConvolutionalEncoder(options, height, width), decoder);
    }

    /// <summary>The convolutional encoder and an autoregressive decoder; 1,385,821 weights at 28×28, z = 40 and width 300.</summary>
    public static Architecture PixelHvae(TrainingOptions options, IReadOnlyList<long> xShape)
    {
        Require(options, bernoulliOnly: true);
        var (height, width) = ImageSize(options, xShape);
        return Create(options, xShape, ConvolutionalEncoder(options, height, width), new PixelDecoder(options.Network.Z, height, width));
    }

    static Architecture Create(TrainingOptions options, IReadOnlyList<long> xShape, TwoLevelEncoder encoder, Decoder decoder)
    {
        var level = options.Network.Z;
        var upper = Priors.Create(options, level, xShape.Aggregate(1L, (product, size) => product * size), bounded: true, encoder.Upper);
        return new Architecture(encoder, decoder, new TwoLevelPrior(upper, level, options.Network.Width), 2 * level);
    }

    static TwoLevelEncoder ConvolutionalEncoder(TrainingOptions options, int height, int width)
    {
        // Two strides of 2 leave a quarter of each side, rounded up.
        var features = Squeezed * ((height + 3) / 4) * ((width + 3) / 4);
        var (level, dense) = (options.Network.Z, options.Network.Width);
        Sequential Convolutions(long firstKernel, long thirdKernel) => nn.Sequential(
            new AsImage(height, width),
            Gated.Conv2d(1, 32, firstKernel, 1, firstKernel / 2), Gated.Conv2d(32, 32, 3, 2, 1),
            Gated.Conv2d(32, 64, thirdKernel, 1, thirdKernel / 2), Gated.Conv2d(64, 64, 3, 2, 1),
            Gated.Conv2d(64, Squeezed, 3, 1, 1), nn.Flatten());
        return new TwoLevelEncoder(
            Convolutions(7, 5), Convolutions(3, 3), Gated.Dense(level, features), Gated.Dense(2 * features, dense), features, dense, level, 64L * height * width);
    }

    static void Require(TrainingOptions options, bool bernoulliOnly)
    {
        var name = options.Network.Name;
        if (options.Objective.Name == ObjectiveName.Ae)
        {
            throw new UsageException($"network.name: '{name}' has no deterministic encoder for 'objective.name: ae'. Use 'network.name: {Architectures.Mlp}'.");
        }
        if (options.Prior.Name == PriorName.Marginal)
        {
            throw new UsageException($"prior.name: '{name}' learns p(z₁|z₂), which 'marginal' would leave out. Use standard, gaussian, mixture or vamp.");
        }
        if (options.Likelihood is Likelihood.GaussianFixed or Likelihood.GaussianMixture)
        {
            throw new UsageException($"network.name: '{name}' models grey values: expected 'likelihood: bernoulli', 'gaussian' or 'logistic', "
                + $"found {options.Likelihood}. Use 'network.name: {Architectures.Mlp}'.");
        }
        if (bernoulliOnly && options.Likelihood != Likelihood.Bernoulli)
        {
            throw new UsageException($"network.name: '{name}' draws binary pixels one by one: expected 'likelihood: bernoulli', "
                + $"found {options.Likelihood.ToString().ToLowerInvariant()}.");
        }
        if (bernoulliOnly && options.Objective.Name is (ObjectiveName.Mim or ObjectiveName.MimMinusH))
        {
            throw new UsageException($"network.name: '{name}' has no gradient for an objective's decoding half: it has no mean image, and in training its batch "
                + "statistics tie the rows together, which the score function needs apart. Use 'objective.name: a_mim'.");
        }
    }

    static (int Height, int Width) ImageSize(TrainingOptions options, IReadOnlyList<long> xShape) => xShape switch
    {
        [var height, var width] => ((int)height, (int)width),
        [1, var height, var width] => ((int)height, (int)width),
        [var height, var width, 1] => ((int)height, (int)width),
        _ => throw new UsageException($"network.name: '{options.Network.Name}' expects rows that are images of one channel, [height, width], "
            + $"found [{string.Join(", ", xShape)}]. Use 'network.name: {Architectures.Mlp}' or 'hvae'."),
    };
}
