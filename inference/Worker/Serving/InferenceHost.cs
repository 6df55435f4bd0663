using System.Runtime.ExceptionServices;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The hosted service: one model behind HTTP, or behind standard input and output.</summary>
public static class InferenceHost
{
    /// <param name="sources">What the worker is told.</param>
    /// <param name="configure">A word on the builder, for another transport.</param>
    public static WebApplication CreateHttp(ConfigurationSources sources, Action<WebApplicationBuilder>? configure = null)
    {
        var settings = sources.Read();
        var app = CreateWeb(settings, settings.Bindable[nameof(InferenceOptions.Urls)] ?? new InferenceOptions().Urls, configure, out var options);
        OpenInference.Map(app, app.Services.GetRequiredService<ServedModel>(), app.Services.GetRequiredService<PrometheusMetrics>(), options);
        return app;
    }

    /// <summary>What listens: secured, watched, without routes.</summary>
    internal static WebApplication CreateWeb(ConfigurationFaults settings, string urls, Action<WebApplicationBuilder>? configure, out InferenceOptions options)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "mim" });
        Add(builder, settings);
        builder.WebHost.UseUrls(urls);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.Services.AddSingleton<IMemoryPoolFactory<byte>, SocketBlocks>();
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.WebHost.ConfigureKestrel((_, kestrel) =>
        {
            kestrel.Limits.MaxConcurrentConnections = kestrel.ApplicationServices.GetRequiredService<IOptions<InferenceOptions>>().Value.MaxConnections;
            // What a connection may bring before anybody reads it.
            kestrel.Limits.MaxRequestBufferSize = 2 * SocketBlocks.BlockBytes;
            kestrel.AddServerHeader = false;
            // OpenInference has its own bound, which answers in the protocol's words.
            kestrel.Limits.MaxRequestBodySize = null;
            Tls.Use(kestrel);
        });
        configure?.Invoke(builder);
        // Last, and so the first to hear of stopping.
        builder.Services.AddHostedService(services => new PreStop(
            TimeSpan.FromSeconds(services.GetRequiredService<IOptions<InferenceOptions>>().Value.PreStopSeconds), services.GetRequiredService<TimeProvider>()));
        builder.Services.AddSingleton(_ => new PrometheusMetrics(PrometheusMetrics.Meters));
        (var app, options) = Build(builder.Build);
        app.Lifetime.ApplicationStarted.Register(() => app.Logger.Listening(app.Urls));
        ApiKey.Require(app, options);
        // It hears what is measured after it was made.
        _ = app.Services.GetRequiredService<PrometheusMetrics>();
        return app;
    }

    /// <param name="sources">What the worker is told.</param>
    /// <param name="input">JSONL.</param>
    /// <param name="output">JSONL.</param>
    public static IHost CreateStream(ConfigurationSources sources, Stream input, Stream output)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "mim" });
        Add(builder, sources.Read());
        builder.Services.AddSingleton(services => new StandardInput(
            services.GetRequiredService<ServedModel>(), services.GetRequiredService<IOptions<InferenceOptions>>(),
            services.GetRequiredService<IHostApplicationLifetime>(), input, output));
        builder.Services.AddHostedService(services => services.GetRequiredService<StandardInput>());
        return Build(builder.Build).Host;
    }

    /// <summary>Runs until told to stop.</summary>
    /// <returns>The exit code; a failure after the start is thrown, not swallowed with code 0.</returns>
    public static async Task<int> RunAsync(IHost host, CancellationToken cancellationToken)
    {
        await host.StartAsync(cancellationToken);
        return await WaitAsync(host, cancellationToken);
    }

    /// <summary>The same for a host that has been started.</summary>
    public static async Task<int> WaitAsync(IHost host, CancellationToken cancellationToken)
    {
        var served = host.Services.GetRequiredService<ServedModel>();
        var (stream, worker) = (host.Services.GetService<StandardInput>(), host.Services.GetService<StreamWorker>());
        await host.WaitForShutdownAsync(cancellationToken);
        if ((served.Failure ?? stream?.Failure ?? worker?.Failure) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
        foreach (var bound in served.BrokenBounds)
        {
            await Console.Error.WriteLineAsync($"error: {bound}");
        }
        return served.BrokenBounds.Count == 0 ? ExitCode.Done : ExitCode.Gate;
    }

    /// <summary>What every host of a model has: options, logs, telemetry, the model.</summary>
    internal static void Add(IHostApplicationBuilder builder, ConfigurationFaults settings)
    {
        // The builder's own sources (environment, appsettings.json, switches) are not ours to answer for.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection();

        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console => (console.SingleLine, console.ColorBehavior) = (true, LoggerColorBehavior.Disabled));
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        // What it would say is thrown, too; as long as it may say anything, it makes a span of every request, exported or not.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        // What ends the host is thrown, and said once by whoever ran it.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);

        builder.Services.AddOptions<InferenceOptions>().Bind(settings.Bindable).ValidateOnStart();
        builder.Services.AddSingleton<IValidateOptions<InferenceOptions>>(settings);
        builder.Services.AddSingleton<IValidateOptions<InferenceOptions>, InferenceOptionsValidator>();
        builder.Services.AddSingleton<IValidateOptions<InferenceOptions>, InferenceOptionsRules>();
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<InferenceOptions>>(
            (host, inference) => host.ShutdownTimeout = TimeSpan.FromSeconds(inference.Value.PreStopSeconds + inference.Value.DrainSeconds));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddHostedService<OtlpExport>();
        builder.Services.AddSingleton<ServedModel>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ServedModel>());
    }

    /// <summary>Whoever asks for the options first, host or caller, all faults of the configuration end here.</summary>
    internal static (T Host, InferenceOptions Options) Build<T>(Func<T> build)
        where T : IHost
    {
        try
        {
            var host = build();
            return (host, host.Services.GetRequiredService<IOptions<InferenceOptions>>().Value);
        }
        catch (OptionsValidationException e)
        {
            throw new UsageException(string.Join('\n', e.Failures), e);
        }
    }
}
