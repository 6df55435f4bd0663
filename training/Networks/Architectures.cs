using System.Collections.Concurrent;

namespace Mim.Training;

/// <summary>The networks of one model. With levels z = [z₁, z₂] concatenated, <paramref name="ZDim"/> counts all.</summary>
public sealed record Architecture(Encoder Encoder, Decoder Decoder, Prior Prior, int ZDim);

/// <summary>Makes the networks for rows of <paramref name="xShape"/>; their weights are drawn afterwards, by their own <c>Initialize</c>.</summary>
public delegate Architecture ArchitectureFactory(TrainingOptions options, IReadOnlyList<long> xShape);

/// <summary>Architectures by the name that <c>network.name</c> gives. A network of modules that the exporter knows plugs in with one <see cref="Register"/>.</summary>
public static class Architectures
{
    public const string Mlp = "mlp";
    public const string Hvae = "hvae";
    public const string ConvHvae = "conv_hvae";
    public const string PixelHvae = "pixel_hvae";

    static readonly ConcurrentDictionary<string, ArchitectureFactory> s_factories = new(StringComparer.Ordinal)
    {
        [Mlp] = CreateMlp,
        [Hvae] = TwoLevelArchitectures.Hvae,
        [ConvHvae] = TwoLevelArchitectures.ConvHvae,
        [PixelHvae] = TwoLevelArchitectures.PixelHvae,
    };

    public static IReadOnlyList<string> Names => [.. s_factories.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Adds an architecture, before the options that name it are read.</summary>
    /// <exception cref="ArgumentException">There is one of that name.</exception>
    public static void Register(string name, ArchitectureFactory factory)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(factory);
        if (!s_factories.TryAdd(name, factory))
        {
            throw new ArgumentException($"network.name: expected a new name, found '{name}', which is taken.", nameof(name));
        }
    }

    /// <summary>Whether the network models x in [0, 1], whatever the likelihood.</summary>
    internal static bool IsOfGreyValues(string? name) => name is Hvae or ConvHvae or PixelHvae;

    internal static Architecture Create(TrainingOptions options, IReadOnlyList<long> xShape) => s_factories[options.Network.Name](options, xShape);

    static Architecture CreateMlp(TrainingOptions options, IReadOnlyList<long> xShape)
    {
        var (network, xDim) = (options.Network, (int)xShape.Aggregate(1L, (product, size) => product * size));
        var encoder = new MlpEncoder(network, xDim, delta: options.Objective.Name == ObjectiveName.Ae);
        return new Architecture(
            encoder,
            new MlpDecoder(network, options.Likelihood, xDim),
            Priors.Create(options, network.Z, xDim, options.Likelihood.IsDiscrete(), x => (Gaussian)encoder.call(x)),
            network.Z);
    }
}
