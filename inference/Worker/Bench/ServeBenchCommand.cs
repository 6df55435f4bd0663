using System.CommandLine;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>bench serve</c>: the server behind HTTP against a bare loop, or against another server, in one run.</summary>
static class ServeBenchCommand
{
    static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static Command Create()
    {
        var clients = OptionFlags.Flag("--clients", 64, "Connections that ask at once.");
        var rows = OptionFlags.Flag("--rows", 16, "Rows of a request.");
        var batch = OptionFlags.Flag("--batch", 64, "Most rows in one run of the model: the server's, and the bare loop's.");
        var seconds = OptionFlags.Flag("--seconds", 3, "Of each half of a pair.");
        var pairs = OptionFlags.Flag("--pairs", 7, "Interleaved pairs, ordered ABBA.");
        Option<bool> text = new("--text") { Description = "Numbers as JSON; else as binary tensors." };
        Option<string?> peer = new("--peer")
        {
            Description = "A command that serves the same requests and says 'listening on http://...' on standard error: the other half of each pair in place of the bare loop. "
                + "The model's folder comes after it.",
            HelpName = "COMMAND",
        };
        Option<bool> json = new("--json") { Description = "Print the result as JSON." };
        EngineFlags flags = new();
        Command command = new("serve", "Measure the HTTP server, a process of its own, under clients on this machine: rows a second, processor time a row, latency.")
        {
            clients, rows, batch, seconds, pairs, text, peer, json,
        };
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            foreach (var count in (Option<int>[])[clients, rows, batch, seconds, pairs])
            {
                if (parsed.GetValue(count) < 1)
                {
                    throw new UsageException($"{count.Name}: expected at least 1, found {parsed.GetValue(count)}.");
                }
            }
            ServeBench bench = new(flags.Open(parsed), flags.Engine(parsed))
            {
                Clients = parsed.GetValue(clients),
                Rows = parsed.GetValue(rows),
                Batch = parsed.GetValue(batch),
                Time = TimeSpan.FromSeconds(parsed.GetValue(seconds)),
                Pairs = parsed.GetValue(pairs),
                IsText = parsed.GetValue(text),
                Peer = parsed.GetValue(peer),
            };
            var result = await bench.RunAsync(parsed.InvocationConfiguration.Error, cancellationToken);
            var output = parsed.InvocationConfiguration.Output;
            if (parsed.GetValue(json))
            {
                output.WriteLine(JsonSerializer.Serialize(result, s_json));
                return ExitCode.Done;
            }
            foreach (var line in result.Lines())
            {
                output.WriteLine(line);
            }
            return ExitCode.Done;
        });
        return command;
    }
}
