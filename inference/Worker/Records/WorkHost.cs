using System.ComponentModel.DataAnnotations;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The stream worker as a hosted service beside the model that it uses.</summary>
public static class WorkHost
{
    /// <param name="model">The model, its batches and the time to drain.</param>
    /// <param name="work">How much at once.</param>
    /// <param name="source">Address of where records come from.</param>
    /// <param name="sink">Address of where vectors go.</param>
    /// <exception cref="UsageException">Options or addresses are at fault: nothing has been read.</exception>
    public static IHost Create(InferenceOptions model, WorkOptions work, string source, string sink)
    {
        Require(model, work);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ApplicationName = "mim" });
        builder.Logging.AddSimpleConsole(console => (console.SingleLine, console.ColorBehavior) = (true, LoggerColorBehavior.Disabled));
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        // What ends the host is thrown, and said once by whoever ran it.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(model.DrainSeconds));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(Options.Create(model));
        builder.Services.AddSingleton<ServedModel>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ServedModel>());
        // After the model, and therefore stopped before it: what has been read is embedded still.
        builder.Services.AddSingleton(services => Worker(services, work, source, sink));
        builder.Services.AddHostedService(services => services.GetRequiredService<StreamWorker>());
        var host = builder.Build();
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

    /// <summary>Runs until the source ends or it is told to stop.</summary>
    /// <returns>The exit code; a failure after the start is thrown, not swallowed with code 0.</returns>
    public static async Task<int> RunAsync(IHost host, CancellationToken cancellationToken)
    {
        var (served, worker) = (host.Services.GetRequiredService<ServedModel>(), host.Services.GetRequiredService<StreamWorker>());
        await host.RunAsync(cancellationToken);
        if ((served.Failure ?? worker.Failure) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
        foreach (var bound in served.BrokenBounds)
        {
            await Console.Error.WriteLineAsync($"error: {bound}");
        }
        return served.BrokenBounds.Count == 0 ? ExitCode.Done : ExitCode.Gate;
    }

    static StreamWorker Worker(IServiceProvider services, WorkOptions work, string source, string sink)
    {
        var (time, loggers) = (services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILoggerFactory>());
        return new(
            Addresses.Source("--source", source, work.InFlight, time, loggers), Addresses.Sink("--sink", sink),
            new ServedEmbedder(services.GetRequiredService<ServedModel>(), time), work, services.GetRequiredService<IHostApplicationLifetime>(), time,
            loggers.CreateLogger<StreamWorker>());
    }

    static void Require(params object[] options)
    {
        List<ValidationResult> faults = [];
        foreach (var option in options)
        {
            Validator.TryValidateObject(option, new ValidationContext(option), faults, validateAllProperties: true);
        }
        if (faults.Count > 0)
        {
            throw new UsageException(string.Join('\n', faults.Select(fault => fault.ErrorMessage)));
        }
    }
}
