using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>bench</c>: the encode path, file to file, against a bare loop over the same rows in memory.</summary>
public static class BenchCommand
{
    static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    sealed record Result(
        string Model, string Engine, int Threads, int Rows, int Batch, double BareSeconds, double EncodeSeconds,
        double Ratio, double RatioLow, double RatioHigh, IReadOnlyList<double> Ratios);

    public static Command Create()
    {
        var input = new Option<string>("--in") { Description = "Rows of features as .npy.", Required = true, HelpName = "FILE.npy" };
        var batch = new Option<int>("--batch") { Description = "Rows in one run of the model.", DefaultValueFactory = _ => 64 };
        var pairs = new Option<int>("--pairs") { Description = "Interleaved pairs, ordered ABBA.", DefaultValueFactory = _ => 15 };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var flags = new EngineFlags();
        var command = new Command("bench", "Measure encode (.npy to .npy) against a bare ONNX Runtime loop over the same rows in memory; 1 is equally fast.")
        {
            input, batch, pairs, json, ServeBenchCommand.Create(),
        };
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            foreach (var count in (Option<int>[])[pairs, batch])
            {
                if (parsed.GetValue(count) < 1)
                {
                    throw new UsageException($"{count.Name}: expected at least 1, found {parsed.GetValue(count)}.");
                }
            }
            var result = await MeasureAsync(
                flags.Open(parsed), parsed.GetRequiredValue(input), parsed.GetValue(batch), parsed.GetValue(pairs), flags.Engine(parsed), cancellationToken);
            Console.Out.WriteLine(parsed.GetValue(json)
                ? JsonSerializer.Serialize(result, s_json)
                : string.Create(CultureInfo.InvariantCulture,
                    $"{result.Model}: {result.Rows:N0} rows, batch {result.Batch}, {result.Engine}, {result.Threads} threads\n"
                    + $"bare loop {result.BareSeconds:F3} s, encode {result.EncodeSeconds:F3} s (medians)\n"
                    + $"encode / bare {result.Ratio:F3}, 95 % of {result.Ratios.Count} pairs: {result.RatioLow:F3} to {result.RatioHigh:F3}"));
            return ExitCode.Done;
        });
        return command;
    }

    static async Task<Result> MeasureAsync(ModelPackage package, string input, int batch, int pairs, EngineOptions engine, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("mim-bench");
        try
        {
            var output = Path.Combine(folder.FullName, "z.npy");
            using var model = OnnxModel.Encoder(package, batch, engine);
            using var bare = new BareLoop(package, Npy.Read(input).ToSingle(), batch, engine);
            await EncodeAsync();
            bare.Run();
            List<double> bareSeconds = [], encodeSeconds = [];
            var rows = 0L;
            for (var pair = 0; pair < pairs; pair++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (pair % 2 == 0)
                {
                    TimeBare();
                    await TimeEncodeAsync();
                }
                else
                {
                    await TimeEncodeAsync();
                    TimeBare();
                }
                await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                    $"pair {pair + 1,3}  bare {bareSeconds[^1]:F3} s  encode {encodeSeconds[^1]:F3} s  ratio {bareSeconds[^1] / encodeSeconds[^1]:F3}"));
            }
            var ratio = PairedRatio.Of([.. bareSeconds.Zip(encodeSeconds, (a, b) => a / b)]);
            return new(package.Manifest.Name, OnnxModel.Engine, engine.Threads, (int)rows, batch, Median(bareSeconds), Median(encodeSeconds),
                ratio.Median, ratio.Low, ratio.High, ratio.Ratios);

            void TimeBare()
            {
                var start = Stopwatch.GetTimestamp();
                bare.Run();
                bareSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            async Task TimeEncodeAsync()
            {
                var start = Stopwatch.GetTimestamp();
                rows = await EncodeAsync();
                encodeSeconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            async Task<long> EncodeAsync()
            {
                using var reader = RowReader.Open(input, null, RowContract.Encode(package.Manifest));
                var silent = new Progress("encode", TextWriter.Null, terminal: false, TimeProvider.System);
                return await EncodeCommand.RunAsync(package.Manifest, model, reader, null, EmbeddingFormat.Npy, output, null, silent, cancellationToken);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
