using System.CommandLine;
using Microsoft.Extensions.Logging.Abstractions;
using Mim.Models;

namespace Mim.Inference;

/// <summary><c>encode</c>: rows of features to embeddings.</summary>
public static class EncodeCommand
{
    public static Command Create()
    {
        var flags = new StreamFlags();
        var sample = new Option<int?>("--sample")
        {
            Description = "Write a draw from q(z|x) with this seed instead of its mean (default: the mean).",
            HelpName = "SEED",
        };
        var command = new Command("encode", "Encode rows of features into embeddings (z_mean) that carry the model's space id.") { sample };
        flags.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var package = flags.Open(parsed);
            var (input, output, format, batch) = (flags.Input(parsed), flags.Output(parsed), flags.Format(parsed), flags.Batch(parsed));
            using var reader = RowReader.Open(input, format, RowContract.Encode(package.Manifest));
            var labels = flags.Labels(parsed);
            labels?.Expect(reader.Total);
            using var model = OnnxModel.Encoder(package, batch, flags.Engine(parsed));
            var progress = Progress.To(parsed.InvocationConfiguration.Error, "encode");
            var rows = await RunAsync(
                package.Manifest, model, reader, labels, Format(output, format), output, parsed.GetValue(sample), progress, cancellationToken);
            flags.Report(parsed, progress, package.Manifest, rows);
            return ExitCode.Done;
        });
        return command;
    }

    internal static async Task<long> RunAsync(
        ModelManifest manifest, OnnxModel model, RowReader reader, Labels? labels, EmbeddingFormat format, string output, int? sample, Progress progress,
        CancellationToken cancellationToken)
    {
        if (sample is not null && model.Outputs.Count < 2)
        {
            throw new UsageException($"--sample: the encoder of '{manifest.Name}' is deterministic (it has no {TensorNames.ZLogVar}). Leave --sample out.");
        }
        var posterior = sample is { } seed ? new PosteriorSample(seed) : null;
        var z = new float[manifest.ZSize];
        using var batcher = new MicroBatcher(model.Buffers, model.Run, new(RowPipeline.QueueRows(model.Buffers.MaxRows)), manifest.Name, NullLogger.Instance);
        using var writer = EmbeddingWriter.Create(output, format, manifest.SpaceId, manifest.Name, manifest.ZSize, manifest.Version);
        var rows = await RowPipeline.RunAsync(reader, batcher, block => labels?.Attach(block), Write, progress, cancellationToken);
        labels?.End();
        writer.Complete();
        return rows;

        void Write(RowBlock block)
        {
            for (var row = 0; row < block.Rows; row++)
            {
                if (posterior is null)
                {
                    writer.Write(block.Output(0, row), block.Ids[row], block.Labels[row]);
                }
                else
                {
                    posterior.Draw(block.Output(0, row), block.Output(1, row), z);
                    writer.Write(z, block.Ids[row], block.Labels[row]);
                }
            }
            if (reader.MayBlock)
            {
                writer.Flush();
            }
        }
    }

    static EmbeddingFormat Format(string output, RowFormat? format) => RowFormats.Of(output, format) switch
    {
        RowFormat.Npy => EmbeddingFormat.Npy,
        RowFormat.Jsonl => EmbeddingFormat.Jsonl,
        RowFormat.Csv => EmbeddingFormat.Csv,
        _ => throw new UsageException($"{output}: expected embeddings as .npy, .jsonl or .csv, found .tsv."),
    };
}
