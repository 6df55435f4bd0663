using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The stream worker as a hosted service beside the model that it uses.</summary>
public static class WorkHost
{
    /// <summary>A larger batch than a server's: nobody waits for a single record, and each write to a sink costs a round trip.</summary>
    public static IReadOnlyList<KeyValuePair<string, string?>> Defaults { get; } =
        [new(nameof(InferenceOptions.MaxBatchSize), 256.ToString(CultureInfo.InvariantCulture))];

    /// <param name="sources">What the worker is told. With <see cref="InferenceOptions.Urls"/> it listens there, for probes, metrics and another version of its model; else nowhere.</param>
    /// <param name="configure">A word on the builder of one that listens, for another transport.</param>
    /// <exception cref="UsageException">Options or addresses are at fault: nothing has been read.</exception>
    public static IHost Create(ConfigurationSources sources, Action<WebApplicationBuilder>? configure = null)
    {
        var settings = (sources with { Defaults = Defaults }).Read();
        var host = settings.Bindable[nameof(InferenceOptions.Urls)] is { } urls ? Listening(settings, urls, configure) : Silent(settings);
        try
        {
            // An address that is none ends the start here, before a model is loaded.
            _ = host.Services.GetRequiredService<StreamWorker>();
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    static WebApplication Listening(ConfigurationFaults settings, string urls, Action<WebApplicationBuilder>? configure)
    {
        var app = InferenceHost.CreateWeb(
            settings, urls,
            builder =>
            {
                Add(builder.Services);
                configure?.Invoke(builder);
            },
            out var options);
        OpenInference.MapWithoutInfer(app, app.Services.GetRequiredService<ServedModel>(), app.Services.GetRequiredService<PrometheusMetrics>(), options);
        return app;
    }

    static IHost Silent(ConfigurationFaults settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "mim" });
        InferenceHost.Add(builder, settings);
        Add(builder.Services);
        return InferenceHost.Build(builder.Build).Host;
    }

    static void Add(IServiceCollection services)
    {
        services.AddSingleton<IValidateOptions<InferenceOptions>, WorkRules>();
        services.AddSingleton(Worker);
        services.AddHostedService(provider => provider.GetRequiredService<StreamWorker>());
    }

    static StreamWorker Worker(IServiceProvider services)
    {
        var (time, loggers) = (services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILoggerFactory>());
        var options = services.GetRequiredService<IOptions<InferenceOptions>>().Value;
        return new(
            Addresses.Source(WorkCommand.SourceFlag, options.Source!, options.InFlight, time, loggers), Addresses.Sink(WorkCommand.SinkFlag, options.Sink!),
            new ServedEmbedder(services.GetRequiredService<ServedModel>(), time), new(options.MaxBatchSize, options.InFlight),
            services.GetRequiredService<IHostApplicationLifetime>(), time, loggers.CreateLogger<StreamWorker>());
    }
}

/// <summary>What a stream worker needs besides a model.</summary>
sealed class WorkRules : IValidateOptions<InferenceOptions>
{
    public ValidateOptionsResult Validate(string? name, InferenceOptions options)
    {
        List<string> faults = [];
        foreach (var (flag, key, address) in ((string, string, string?)[])
            [(WorkCommand.SourceFlag, nameof(options.Source), options.Source), (WorkCommand.SinkFlag, nameof(options.Sink), options.Sink)])
        {
            if (string.IsNullOrEmpty(address))
            {
                faults.Add(WorkCommand.Missing(flag, key));
            }
        }
        if (options.QueueCapacity < options.MaxBatchSize)
        {
            faults.Add($"QueueCapacity: expected at least MaxBatchSize ({options.MaxBatchSize}), found {options.QueueCapacity}: no batch would ever fit.");
        }
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
