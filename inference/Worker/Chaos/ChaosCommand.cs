using System.CommandLine;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>chaos</c>: whether the worker keeps its word while everything around it breaks.</summary>
public static class ChaosCommand
{
    const int FullRecords = 1_000_000;
    const int FullDatabaseDownSeconds = 30;
    const int FullKills = 20;
    const int MaxBatch = 256;

    static readonly ChaosOptions s_defaults = new();
    static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    public static Command Create()
    {
        var seed = OptionFlags.Flag("--seed", s_defaults.Seed, "Draws the records, the poison among them, and which worker dies when.");
        Option<int?> records = new("--records") { Description = $"Good records (default: {s_defaults.Records}; with --full {FullRecords})." };
        var workers = OptionFlags.Flag("--workers", s_defaults.Workers, "Processes that compete for the queue.");
        Option<int?> batch = new("--batch") { Description = $"Each worker's --batch (default: so many that all in flight are a tenth of the records, at most {MaxBatch})." };
        var timeout = OptionFlags.Flag("--consumer-timeout", s_defaults.ConsumerTimeoutSeconds, "The broker's, in seconds; a machine that is slow or busy needs a longer one.");
        Option<bool> calm = new("--calm") { Description = "No faults but the poison: what the workers do undisturbed." };
        Option<bool> full = new("--full") { Description = $"{FullRecords} records, {FullKills} kills, the database away for {FullDatabaseDownSeconds} s." };
        Option<bool> json = new("--json") { Description = "Print the report as JSON; the faults go to standard error." };
        Command command = new("chaos",
            "Prove that no record is lost and none counts twice: start a RabbitMQ node and a PostgreSQL cluster of its own, let workers embed records "
            + "with poison among them, kill and restart everything, then look at every row and every dead letter. Exit 3 if anything is amiss.")
        {
            seed, records, workers, batch, timeout, calm, full, json,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var isFull = parsed.GetValue(full);
            var (count, processes) = (parsed.GetValue(records) ?? (isFull ? FullRecords : s_defaults.Records), parsed.GetValue(workers));
            ChaosOptions options = new()
            {
                Seed = parsed.GetValue(seed),
                Records = count,
                Workers = processes,
                // A fault that comes when all records are with the workers already finds nothing under way.
                Batch = parsed.GetValue(batch) ?? Math.Clamp(count / (10 * ChaosWorker.BatchesInFlight * Math.Max(1, processes)), 1, MaxBatch),
                ConsumerTimeoutSeconds = parsed.GetValue(timeout),
                Faults = !parsed.GetValue(calm),
                Kills = isFull ? FullKills : s_defaults.Kills,
                DatabaseDownSeconds = isFull ? FullDatabaseDownSeconds : s_defaults.DatabaseDownSeconds,
            };
            if (Faults(options) is { Length: > 0 } faults)
            {
                throw new UsageException(faults);
            }
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            await using var run = await ChaosRun.StartAsync(options, parsed.GetValue(json) ? error : output, cancellationToken);
            var report = await run.RunAsync(cancellationToken);
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonSerializer.Serialize(report, s_json));
            }
            else
            {
                foreach (var line in report.Lines())
                {
                    output.WriteLine(line);
                }
            }
            return report.Holds ? ExitCode.Done : ExitCode.Gate;
        });
        return command;
    }

    static string Faults(ChaosOptions options)
    {
        List<ValidationResult> faults = [];
        Validator.TryValidateObject(options, new ValidationContext(options), faults, validateAllProperties: true);
        return string.Join('\n', faults.SelectMany(fault => fault.MemberNames).Select(name =>
        {
            var property = typeof(ChaosOptions).GetProperty(name)!;
            var range = property.GetCustomAttribute<RangeAttribute>()!;
            var flag = name == nameof(ChaosOptions.ConsumerTimeoutSeconds) ? "consumer-timeout" : name.ToLowerInvariant();
            return $"--{flag}: expected an integer from {range.Minimum} to {range.Maximum}, found {property.GetValue(options)}.";
        }));
    }
}
