using System.CommandLine;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>work</c>: records of a queue to vectors in a database, by as many workers as there are.</summary>
public static class WorkCommand
{
    public const string SourceFlag = "--source";
    public const string SinkFlag = "--sink";

    public static Command Create()
    {
        InferenceOptions defaults = new();
        OptionFlags flags = new(
            (nameof(InferenceOptions.Source), SourceOption($"Where records come from: {Addresses.Sources}.")),
            (nameof(InferenceOptions.Sink), SinkOption($"Where vectors go: {Addresses.Sinks}.")),
            (nameof(InferenceOptions.MaxBatchSize),
                OptionFlags.Flag("--batch", int.Parse(WorkHost.Defaults[0].Value!, null), "Most records that are embedded, written and acknowledged together.")),
            (nameof(InferenceOptions.InFlight),
                OptionFlags.Flag("--in-flight", defaults.InFlight, "Records that may have been read and not yet acknowledged; the broker's prefetch.")),
            (nameof(InferenceOptions.Urls),
                OptionFlags.Text("--urls", "Where to answer /v2/health/live, /v2/health/ready and /metrics, separated by semicolons (default: nowhere).", "URLS")),
            (nameof(InferenceOptions.ModelControl),
                OptionFlags.Flag("--model-control", defaults.ModelControl, "Let requests load another version of the model, of the same space, between two batches.")));
        Command command = new("work",
            "Embed the records of a queue into a sink. A record is acknowledged when the sink has its vector; one that cannot be embedded becomes a dead letter.");
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var host = WorkHost.Create(flags.Sources(parsed));
            return await InferenceHost.RunAsync(host, cancellationToken);
        });
        return command;
    }

    /// <summary>The variable keeps passwords out of the list of processes.</summary>
    internal static string VariableOf(string key) => InferenceOptions.EnvironmentPrefix + key;

    internal static string Missing(string flag, string key) => $"{flag}: expected an address, found none, nor {VariableOf(key)} in the environment.";

    internal static Option<string?> SourceOption(string description) => Address(SourceFlag, nameof(InferenceOptions.Source), description);

    internal static Option<string?> SinkOption(string description) => Address(SinkFlag, nameof(InferenceOptions.Sink), description);

    /// <summary>The address that a flag of a verb without a host gives, or the variable behind it.</summary>
    /// <exception cref="UsageException">Neither says it.</exception>
    internal static string Address(ParseResult parsed, Option<string?> flag, string key) =>
        parsed.GetValue(flag)
        ?? ConfigurationSources.OfProcess().FirstOrDefault(variable => variable.Key.Equals(key, StringComparison.OrdinalIgnoreCase)).Value
        ?? throw new UsageException(Missing(flag.Name, key));

    static Option<string?> Address(string flag, string key, string description) =>
        OptionFlags.Text(flag, $"{description} Default: the environment's {VariableOf(key)}.", "ADDRESS");
}
