using System.CommandLine;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>work</c>: records of a queue to vectors in a database, by as many workers as there are.</summary>
public static class WorkCommand
{
    /// <summary>The variables keep passwords out of the list of processes.</summary>
    public const string SourceVariable = "MIM_SOURCE";

    public const string SinkVariable = "MIM_SINK";

    static readonly WorkOptions s_work = new();

    public static Command Create()
    {
        EngineFlags engine = new();
        var source = AddressFlag("--source", SourceVariable, $"Where records come from: {Addresses.Sources}.");
        var sink = AddressFlag("--sink", SinkVariable, $"Where vectors go: {Addresses.Sinks}.");
        Option<int> batch = new("--batch")
        {
            Description = "Most records that are embedded, written and acknowledged together.",
            DefaultValueFactory = _ => s_work.Batch,
        };
        Option<int> inFlight = new("--in-flight")
        {
            Description = "Records that may have been read and not yet acknowledged; the broker's prefetch.",
            DefaultValueFactory = _ => s_work.InFlight,
        };
        Option<int> drain = new("--drain")
        {
            Description = "Seconds that records in flight may take to be written after SIGTERM.",
            DefaultValueFactory = _ => new InferenceOptions().DrainSeconds,
        };
        Command command = new("work",
            "Embed the records of a queue into a sink. A record is acknowledged when the sink has its vector; one that cannot be embedded becomes a dead letter.")
        {
            source, sink, batch, inFlight, drain,
        };
        engine.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var computing = engine.Engine(parsed);
            var work = new WorkOptions { Batch = parsed.GetValue(batch), InFlight = parsed.GetValue(inFlight) };
            InferenceOptions model = new()
            {
                Model = parsed.GetRequiredValue(engine.Model),
                Store = engine.StoreOf(parsed),
                MaxBatchSize = work.Batch,
                DrainSeconds = parsed.GetValue(drain),
                Threads = computing.Threads,
                Device = computing.Device,
            };
            using var host = WorkHost.Create(model, work, Address(parsed, source, SourceVariable), Address(parsed, sink, SinkVariable));
            return await WorkHost.RunAsync(host, cancellationToken);
        });
        return command;
    }

    internal static Option<string?> AddressFlag(string name, string variable, string description) => new(name)
    {
        Description = $"{description} Default: the environment's {variable}.",
        HelpName = "ADDRESS",
    };

    /// <exception cref="UsageException">Neither the flag nor the variable says it.</exception>
    internal static string Address(ParseResult parsed, Option<string?> flag, string variable) =>
        parsed.GetValue(flag) ?? Environment.GetEnvironmentVariable(variable) ?? throw new UsageException($"{flag.Name}: expected an address, found none, nor {variable} in the environment.");
}
