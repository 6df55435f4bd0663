using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>decode</c>: codes to the mean of p(x|z), in raw units; element by element when the decoder is autoregressive.</summary>
public static class DecodeCommand
{
    public static Command Create()
    {
        var flags = new StreamFlags();
        var sample = new Option<int?>("--sample")
        {
            Description = "Write a draw from p(x|z) with this seed; autoregressive decoders only (default: the mean).",
            HelpName = "SEED",
        };
        var command = new Command("decode", "Decode codes (z) into x_mean in raw units. Codes that name another space are refused. An autoregressive decoder "
            + "is run up to once for each element of x: x_mean is then the mean of each element given the likelier value of every earlier one.")
        {
            sample,
        };
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var package = flags.Open(parsed);
            var (input, output, format, batch) = (flags.Input(parsed), flags.Output(parsed), flags.Format(parsed), flags.Batch(parsed));
            using var reader = RowReader.Open(input, format, RowContract.Decode(package.Manifest));
            var labels = flags.Labels(parsed);
            labels?.Expect(reader.Total);
            using var model = OnnxModel.Decoder(package, batch, flags.Engine(parsed));
            var progress = Progress.To(parsed.InvocationConfiguration.Error, "decode");
            var run = Run(package.Manifest, model, parsed.GetValue(sample), cancellationToken);
            var rows = await RunAsync(package.Manifest, model, run, reader, labels, RowFormats.Of(output, format), output, progress, cancellationToken);
            flags.Report(parsed, progress, package.Manifest, rows);
            return ExitCode.Done;
        });
        return command;
    }

    static RunBatch Run(ModelManifest manifest, OnnxModel model, int? seed, CancellationToken cancellationToken)
    {
        if (manifest.Autoregressive)
        {
            var decoder = new AutoregressiveLoop(model, manifest, seed is { } value ? new Random(value) : null);
            return rows => decoder.Run(rows, cancellationToken);
        }
        return seed is null ? model.Run : throw new UsageException(
            $"--sample: the decoder of '{manifest.Name}' is not autoregressive: its x_mean and the likelihood '{manifest.Likelihood}' say all about p(x|z). "
            + "Leave --sample out.");
    }

    static async Task<long> RunAsync(
        ModelManifest manifest, OnnxModel model, RunBatch run, RowReader reader, Labels? labels, RowFormat format, string output, Progress progress,
        CancellationToken cancellationToken)
    {
        using var batcher = new MicroBatcher(model.Buffers, run, new(RowPipeline.QueueRows(model.Buffers.MaxRows)), manifest.Name, NullLogger.Instance);
        using var writer = new RowWriter(output, format, manifest);
        var rows = await RowPipeline.RunAsync(reader, batcher, block => labels?.Attach(block), Write, progress, cancellationToken);
        labels?.End();
        writer.Complete();
        return rows;

        void Write(RowBlock block)
        {
            for (var row = 0; row < block.Rows; row++)
            {
                writer.Write(block.Output(0, row), block.Ids[row], block.Labels[row]);
            }
            if (reader.MayBlock)
            {
                writer.Flush();
            }
        }
    }
}
