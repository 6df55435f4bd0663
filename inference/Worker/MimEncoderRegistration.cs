using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Mim.Inference;

/// <summary>Gives any .NET application the batched encoder in its own process.</summary>
public static class MimEncoderRegistration
{
    /// <summary>
    /// Adds a <see cref="MimEncoder"/>, also as <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>, one for the application. The model is loaded,
    /// and its goldens replayed, when it is first asked for.
    /// </summary>
    /// <param name="model">A package folder, or NAME, NAME/current or NAME/VERSION in the store.</param>
    /// <exception cref="ArgumentException">An option is outside its bounds; the message has every fault.</exception>
    /// <param name="configure">Over the defaults of <see cref="InferenceOptions"/>, of which the listener's have no meaning here.</param>
    public static IServiceCollection AddMimEncoder(this IServiceCollection services, string model, Func<InferenceOptions, InferenceOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(model);
        InferenceOptions options = new() { Model = model };
        options = configure?.Invoke(options) ?? options;
        if (new InferenceOptionsValidator().Validate(null, options) is { Failed: true } faults)
        {
            throw new ArgumentException(string.Join('\n', faults.Failures), nameof(configure));
        }
        services.TryAddSingleton(TimeProvider.System);
        services.AddLogging();
        services.AddSingleton<IOptions<InferenceOptions>>(Options.Create(options));
        services.AddSingleton<MimEncoder>();
        services.AddSingleton<IEmbeddingGenerator<float[], Embedding<float>>>(provider => provider.GetRequiredService<MimEncoder>());
        return services;
    }
}
