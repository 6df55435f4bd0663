using System.CommandLine;
using Microsoft.AspNetCore.Builder;

namespace Mim.Inference;

/// <summary><c>serve</c>: the model as a service, over HTTP or standard input and output.</summary>
public static class ServeCommand
{
    static readonly InferenceOptions s_defaults = new();

    public static Command Create()
    {
        var stdin = new Option<bool>("--stdin")
        {
            Description = "Serve JSONL on standard input and output instead of HTTP: {\"id\",\"x\":[..]} -> {\"id\",\"space_id\",\"z\":[..]}.",
        };
        OptionFlags flags = new(
            (nameof(InferenceOptions.Urls), OptionFlags.Flag("--urls", s_defaults.Urls, "Where to listen, separated by semicolons.")),
            (nameof(InferenceOptions.MaxBatchSize), OptionFlags.Flag("--batch", s_defaults.MaxBatchSize, "Most rows in one run of the model.")),
            (nameof(InferenceOptions.MaxBatchElements),
                OptionFlags.Flag("--batch-elements", s_defaults.MaxBatchElements, "Most input values in one run of the model.")),
            (nameof(InferenceOptions.LingerMilliseconds),
                OptionFlags.Flag("--linger", s_defaults.LingerMilliseconds, "Milliseconds that a row waits for a batch to fill; 0: while the run before goes on.")),
            (nameof(InferenceOptions.QueueCapacity), OptionFlags.Flag("--queue", s_defaults.QueueCapacity, "Rows that may wait; beyond it requests get 429.")),
            (nameof(InferenceOptions.MaxRequestBytes),
                OptionFlags.Flag("--max-request-bytes", s_defaults.MaxRequestBytes, "Longest request body; beyond it requests get 413.")),
            (nameof(InferenceOptions.MaxConcurrentRequests),
                OptionFlags.Flag("--max-requests", s_defaults.MaxConcurrentRequests, "Infer requests at once; beyond them requests get 429.")),
            (nameof(InferenceOptions.MaxConnections),
                OptionFlags.Flag("--max-connections", s_defaults.MaxConnections, "Connections at once; beyond them new ones are closed.")),
            (nameof(InferenceOptions.ModelControl),
                OptionFlags.Flag("--model-control", s_defaults.ModelControl, "Let requests load another version of the model, or unload it.")));
        var command = new Command("serve", "Serve a verified model: Open Inference Protocol v2 over HTTP, or JSONL over standard input and output. "
            + "Secrets (ApiKey, CertificatePassword) come from the file or the environment alone: MIM__ApiKey=...")
        {
            stdin,
        };
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var sources = flags.Sources(parsed);
            if (parsed.GetValue(stdin))
            {
                using var stream = InferenceHost.CreateStream(sources, Console.OpenStandardInput(), Console.OpenStandardOutput());
                return await InferenceHost.RunAsync(stream, cancellationToken);
            }
            RequestThreads.Configure();
            using var host = InferenceHost.CreateHttp(sources);
            host.Lifetime.ApplicationStarted.Register(() => _ = GatherArrivalsAsync(host));
            return await InferenceHost.RunAsync(host, cancellationToken);
        });
        return command;
    }

    static async Task GatherArrivalsAsync(WebApplication host)
    {
        try
        {
            var gathering = await RequestThreads.GatherArrivalsAsync(host.Lifetime.ApplicationStopping);
            host.Logger.RequestThreads(RequestThreads.Minimum, gathering);
        }
        catch (OperationCanceledException)
        {
            // It stops before it has begun.
        }
    }
}
