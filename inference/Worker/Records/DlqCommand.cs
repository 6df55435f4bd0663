using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>dlq</c>: what could not be embedded, why, and back to its queue.</summary>
public static class DlqCommand
{
    const int DefaultMax = 50;

    static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    sealed record Letter(
        string? Key, string Reason, long Attempts, string? Model, string? ModelVersion, string? SpaceId, string? RejectedAt, long Redrives, string? Traceparent, string Body);

    public static Command Create() => new("dlq", "Look at the dead letters of a queue, or send them back to it.") { List(), Show(), Redrive() };

    static Command List()
    {
        var source = Source();
        Option<int> max = new("--max") { Description = "Most dead letters to look at, the oldest first.", DefaultValueFactory = _ => DefaultMax };
        Option<bool> json = new("--json") { Description = "Print one JSON object a dead letter." };
        Command command = new("list", "One line a dead letter: key, deliveries, model version and reason.") { source, max, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var letters = await Queue(parsed, source).PeekAsync(Most(parsed.GetValue(max)), null, cancellationToken);
            var output = parsed.InvocationConfiguration.Output;
            foreach (var letter in letters)
            {
                output.WriteLine(parsed.GetValue(json)
                    ? Json(letter)
                    : string.Create(CultureInfo.InvariantCulture, $"{letter.Key ?? "(no key)",-24} {letter.Attempts,3} {letter.ModelVersion ?? "-",-12} {letter.Reason}"));
            }
            return ExitCode.Done;
        });
        return command;
    }

    static Command Show()
    {
        var source = Source();
        Argument<string> key = new("KEY") { Description = "The record's key." };
        Command command = new("show", "Everything about one dead letter, as JSON.") { key, source };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var wanted = parsed.GetRequiredValue(key);
            var letters = await Queue(parsed, source).PeekAsync(int.MaxValue, wanted, cancellationToken);
            foreach (var letter in letters)
            {
                parsed.InvocationConfiguration.Output.WriteLine(Json(letter));
            }
            return letters.Count > 0 ? ExitCode.Done : throw new UsageException($"{wanted}: there is no dead letter with this key. 'mim dlq list' shows which there are.");
        });
        return command;
    }

    static Command Redrive()
    {
        var source = Source();
        Option<string?> key = new("--key") { Description = "Only the record with this key (default: all that are there now)." };
        Command command = new("redrive", "Send dead letters back to their queue, without what the rejection added.") { source, key };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var sent = await Queue(parsed, source).RedriveAsync(parsed.GetValue(key), cancellationToken);
            parsed.InvocationConfiguration.Output.WriteLine($"{sent} sent back");
            return sent > 0 || parsed.GetValue(key) is not { } wanted ? ExitCode.Done : throw new UsageException($"{wanted}: there is no dead letter with this key.");
        });
        return command;
    }

    static Option<string?> Source() => WorkCommand.SourceOption("The source whose dead letters are meant.");

    static RabbitDeadLetters Queue(ParseResult parsed, Option<string?> source) =>
        new(RabbitAddress.Parse(source.Name, WorkCommand.Address(parsed, source, nameof(InferenceOptions.Source))));

    static int Most(int max) => max >= 1 ? max : throw new UsageException($"--max: expected at least 1, found {max}.");

    /// <summary>A body need not be text: what is not UTF-8 shows as U+FFFD.</summary>
    static string Json(DeadLetter letter) => JsonSerializer.Serialize(
        new Letter(letter.Key, letter.Reason, letter.Attempts, letter.Model, letter.ModelVersion, letter.SpaceId, letter.At, letter.Redrives, letter.TraceParent,
            Encoding.UTF8.GetString(letter.Body.Span)),
        s_json);
}
