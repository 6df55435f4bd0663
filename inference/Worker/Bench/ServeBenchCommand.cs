using System.CommandLine;
using System.Globalization;
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

/// <summary>One half of a pair.</summary>
/// <param name="Rows">Rows that were embedded.</param>
/// <param name="Seconds">By the clock.</param>
/// <param name="ProcessorSeconds">Of whoever computed, its clients aside.</param>
/// <param name="P50">Milliseconds of a request, or of a run.</param>
/// <param name="P99">Milliseconds of a request, or of a run.</param>
sealed record ServeBenchHalf(long Rows, double Seconds, double ProcessorSeconds, double P50, double P99)
{
    public double RowsPerSecond => Rows / Seconds;

    public double MicrosecondsPerRow => 1e6 * ProcessorSeconds / Rows;
}

/// <summary>What a run of <c>bench serve</c> found.</summary>
/// <param name="Other">The bare loop, or the peer.</param>
/// <param name="Throughput">Rows a second by the clock, ours / other.</param>
/// <param name="Efficiency">Rows a processor-second, ours / other.</param>
/// <param name="ResidentMiB">Of the server at the end.</param>
sealed record ServeBenchResult(
    string Model, string Engine, int Threads, int Clients, int RowsPerRequest, int Batch, bool IsText, string OtherName,
    ServeBenchHalf Ours, ServeBenchHalf Other, PairedRatio Throughput, PairedRatio Efficiency, long Requests, long ResidentMiB)
{
    public IEnumerable<string> Lines()
    {
        yield return Text($"{Model}: {Clients} clients, {RowsPerRequest} rows a request, {(IsText ? "JSON" : "binary")}, batch {Batch}, {Engine}, {Threads} threads; {Requests:N0} requests");
        yield return Line("server", Ours);
        yield return Line(OtherName, Other);
        yield return Text($"rows a second, server / {OtherName}: {Throughput.Median:F3}, 95 % of {Throughput.Ratios.Count} pairs: {Throughput.Low:F3} to {Throughput.High:F3}");
        yield return Text($"rows a processor-second, server / {OtherName}: {Efficiency.Median:F3}, 95 %: {Efficiency.Low:F3} to {Efficiency.High:F3}");
        yield return Text($"processor time a row, server - {OtherName}: {Ours.MicrosecondsPerRow - Other.MicrosecondsPerRow:F1} us; p99: {Ours.P99 - Other.P99:F2} ms; server's memory {ResidentMiB} MiB");
    }

    static string Line(string name, ServeBenchHalf half) =>
        Text($"{name,-10} {half.RowsPerSecond,10:N0} rows/s  {half.MicrosecondsPerRow,8:F1} us of processor a row  p50 {half.P50,7:F2} ms  p99 {half.P99,7:F2} ms");

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
