using System.CommandLine;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The options that encode and decode share.</summary>
sealed class StreamFlags
{
    static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    readonly EngineFlags _engine = new();
    readonly Option<string> _input = new("--in") { Description = "Rows: a .npy, .jsonl, .csv or .tsv file, or - for standard input.", Required = true };
    readonly Option<string> _output = new("--out") { Description = "The file to write (it appears when complete), or - for standard output.", Required = true };
    readonly Option<RowFormat?> _format = new("--format") { Description = "npy, jsonl, csv or tsv: the format of -, input and output (default: none)." };
    readonly Option<int> _batch = new("--batch") { Description = "Rows in one run of the model.", DefaultValueFactory = _ => 64 };
    readonly Option<bool> _json = new("--json") { Description = "Print what was done as JSON on standard output." };
    readonly Option<string?> _labels = new("--labels") { Description = "Integer labels to carry along, one a row (default: none).", HelpName = "FILE.npy" };

    sealed record Result(string Model, string? Version, string SpaceId, long Rows, double Seconds, string Out);

    public string Input(ParseResult parsed) => parsed.GetRequiredValue(_input);

    public string Output(ParseResult parsed) => parsed.GetRequiredValue(_output) is var path && path == RowFormats.Dash && parsed.GetValue(_json)
        ? throw new UsageException("--json: standard output is taken by --out -. Write the rows to a file.")
        : path;

    public RowFormat? Format(ParseResult parsed) => parsed.GetValue(_format);

    public EngineOptions Engine(ParseResult parsed) => _engine.Engine(parsed);

    public ModelPackage Open(ParseResult parsed) => _engine.Open(parsed);

    public Labels? Labels(ParseResult parsed) => parsed.GetValue(_labels) is { } file ? new Labels(file) : null;

    /// <summary>Ends the progress and, with <c>--json</c>, says the same to a program.</summary>
    public void Report(ParseResult parsed, Progress progress, ModelManifest manifest, long rows)
    {
        var elapsed = progress.Elapsed;
        progress.End(rows, elapsed);
        if (parsed.GetValue(_json))
        {
            Result result = new(manifest.Name, manifest.Version, manifest.SpaceId, rows, elapsed.TotalSeconds, Output(parsed));
            parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(result, s_json));
        }
    }

    public int Batch(ParseResult parsed)
    {
        var batch = parsed.GetValue(_batch);
        return batch is >= 1 and <= 1 << 16 ? batch : throw new UsageException($"--batch: expected 1 to {1 << 16}, found {batch}.");
    }

    public void AddTo(Command command)
    {
        command.Add(_input);
        command.Add(_output);
        command.Add(_format);
        command.Add(_batch);
        command.Add(_labels);
        command.Add(_json);
        _engine.AddTo(command);
    }
}
