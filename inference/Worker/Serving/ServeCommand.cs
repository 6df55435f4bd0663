using System.CommandLine;
using System.Globalization;
using Mim.Models;

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
        var file = new Option<FileInfo?>("--config")
        {
            Description = "A JSON file with an \"Inference\" section; environment variables MIM__KEY win over it, flags over both (default: none).",
            HelpName = "FILE.json",
        };
        (string Key, Option Flag)[] flags =
        [
            (nameof(InferenceOptions.Model), new Option<string>("--model") { Description = "A package folder, or NAME, NAME/current or NAME/VERSION in the store." }),
            (nameof(InferenceOptions.Store), Flag("--store", s_defaults.Store, "The model store.")),
            (nameof(InferenceOptions.Urls), Flag("--urls", s_defaults.Urls, "Where to listen, separated by semicolons.")),
            (nameof(InferenceOptions.MaxBatchSize), Flag("--batch", s_defaults.MaxBatchSize, "Most rows in one run of the model.")),
            (nameof(InferenceOptions.MaxBatchElements), Flag("--batch-elements", s_defaults.MaxBatchElements, "Most input values in one run of the model.")),
            (nameof(InferenceOptions.LingerMilliseconds),
                Flag("--linger", s_defaults.LingerMilliseconds, "Milliseconds that a row waits for a batch to fill; 0: while the run before goes on.")),
            (nameof(InferenceOptions.QueueCapacity), Flag("--queue", s_defaults.QueueCapacity, "Rows that may wait; beyond it requests get 429.")),
            (nameof(InferenceOptions.MaxRequestBytes), Flag("--max-request-bytes", s_defaults.MaxRequestBytes, "Longest request body; beyond it requests get 413.")),
            (nameof(InferenceOptions.MaxConcurrentRequests),
                Flag("--max-requests", s_defaults.MaxConcurrentRequests, "Infer requests at once; beyond them requests get 429.")),
            (nameof(InferenceOptions.ModelControl),
                Flag("--model-control", s_defaults.ModelControl, "Let requests load another version of the model, or unload it.")),
            (nameof(InferenceOptions.OtlpEndpoint),
                new Option<string?>("--otlp") { Description = "An OpenTelemetry collector for metrics and traces, such as http://127.0.0.1:4318 (default: none).", HelpName = "URL" }),
            (nameof(InferenceOptions.Certificate), File("--certificate", "The certificate of https addresses, PKCS#12 (.pfx) or PEM (default: none).")),
            (nameof(InferenceOptions.CertificateKey), File("--certificate-key", "The PEM file of its key (default: the certificate's).")),
            (nameof(InferenceOptions.PreStopSeconds),
                Flag("--pre-stop", s_defaults.PreStopSeconds, "Seconds after SIGTERM that requests are still taken, while the worker says that it is not ready.")),
            (nameof(InferenceOptions.DrainSeconds), Flag("--drain", s_defaults.DrainSeconds, "Seconds after that in which accepted requests may be answered.")),
            (nameof(InferenceOptions.CanarySeconds), Flag("--canary", s_defaults.CanarySeconds, "Seconds from one replay of the golden rows to the next.")),
            (nameof(InferenceOptions.Threads), Flag("--threads", s_defaults.Threads, "Threads of one run; the default is this machine's control-group limit.")),
            (nameof(InferenceOptions.Device), Flag("--device", s_defaults.Device, "auto, cpu or cuda.")),
        ];
        var command = new Command("serve", "Serve a verified model: Open Inference Protocol v2 over HTTP, or JSONL over standard input and output. "
            + "Secrets (ApiKey, CertificatePassword) come from the file or the environment alone: MIM__ApiKey=...")
        {
            stdin, file,
        };
        foreach (var (_, flag) in flags)
        {
            command.Add(flag);
        }
        command.SetAction(async (parsed, cancellationToken) =>
        {
            // A flag's default must not win over the file.
            var settings = from entry in flags
                           where parsed.GetResult(entry.Flag) is { Implicit: false }
                           select KeyValuePair.Create(entry.Key, Text(parsed, entry.Flag));
            if (parsed.GetValue(file) is { Exists: false } missing)
            {
                throw new UsageException($"--config {missing}: there is no such file.");
            }
            ConfigurationSources sources = new(settings) { File = parsed.GetValue(file)?.ToString(), Environment = ConfigurationSources.OfProcess() };
            using var host = parsed.GetValue(stdin)
                ? InferenceHost.CreateStream(sources, Console.OpenStandardInput(), Console.OpenStandardOutput())
                : InferenceHost.CreateHttp(sources);
            return await InferenceHost.RunAsync(host, cancellationToken);
        });
        return command;
    }

    static Option<T> Flag<T>(string name, T value, string description) => new(name) { Description = description, DefaultValueFactory = _ => value };

    static Option<string?> File(string name, string description) => new(name) { Description = description, HelpName = "FILE" };

    static string? Text(ParseResult parsed, Option flag) => flag switch
    {
        Option<int> number => parsed.GetValue(number).ToString(CultureInfo.InvariantCulture),
        Option<bool> flagged => parsed.GetValue(flagged) ? "true" : "false",
        Option<Device> device => parsed.GetValue(device).ToString(),
        Option<string> text => parsed.GetValue(text),
        _ => throw new System.Diagnostics.UnreachableException(flag.Name),
    };
}
