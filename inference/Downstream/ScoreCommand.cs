using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Mim.Models;

namespace Mim.Downstream;

static class ScoreCommand
{
    static readonly Option<string> s_model = new("--model") { Description = "Folder that 'mim downstream fit' wrote.", Required = true };

    static readonly Option<string> s_embeddings = new("--embeddings")
    {
        Description = "Embeddings of the same space: .npy (with its .json), .jsonl or .csv.",
        Required = true,
    };

    static readonly Option<string> s_out = new("--out")
    {
        Description = "File to write: .jsonl or .csv, a line an embedding with its cluster (from 1), squared distances, label and probabilities.",
        Required = true,
    };

    static readonly Option<bool> s_json = new("--json") { Description = "Print what was done as JSON." };

    public static Command Create()
    {
        var command = new Command("score", "Say cluster and class of new embeddings.") { s_model, s_embeddings, s_out, s_json };
        command.SetAction((parsed, _) => Task.FromResult(Run(parsed)));
        return command;
    }

    static int Run(ParseResult parsed)
    {
        var (folder, file, output) = (parsed.GetRequiredValue(s_model), parsed.GetRequiredValue(s_embeddings), parsed.GetRequiredValue(s_out));
        Action<TextWriter, DownstreamManifest, IEnumerable<Prediction>> write = Path.GetExtension(output) switch
        {
            ".jsonl" => WriteJsonl,
            ".csv" => WriteCsv,
            var other => throw new UsageException($"--out: expected a .jsonl or .csv file, found '{other}'."),
        };
        var model = DownstreamModel.Load(folder);
        var embeddings = EmbeddingSet.Read(file);
        var predictions = model.Predict(embeddings, file);
        AtomicFile.Write(output, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
            write(writer, model.Manifest, predictions);
        });
        Console.Out.WriteLine(parsed.GetValue(s_json)
            ? JsonSerializer.Serialize(new { rows = embeddings.Rows, @out = output, space_id = model.Manifest.SpaceId, engine = DownstreamManifest.CurrentEngine() })
            : $"{embeddings.Rows} rows  {output}");
        return ExitCode.Done;
    }

    static void WriteJsonl(TextWriter writer, DownstreamManifest manifest, IEnumerable<Prediction> predictions)
    {
        foreach (var prediction in predictions)
        {
            var line = new Dictionary<string, object>();
            if (prediction.Id is { } id)
            {
                line["id"] = id;
            }
            line["space_id"] = manifest.SpaceId;
            line["cluster"] = prediction.Cluster;
            line["squared_distances"] = prediction.SquaredDistances;
            if (prediction is { Label: { } label, Probabilities: { } probabilities } && manifest.Labels is { } labels)
            {
                line["label"] = label;
                line["probabilities"] = labels.Zip(probabilities).ToDictionary(p => p.First, p => p.Second);
            }
            writer.WriteLine(JsonSerializer.Serialize(line));
        }
    }

    static void WriteCsv(TextWriter writer, DownstreamManifest manifest, IEnumerable<Prediction> predictions)
    {
        string[] head =
        [
            "id", "space_id", "cluster", .. Enumerable.Range(1, manifest.Clusters).Select(c => $"squared_distance_{c}"),
            .. manifest.Labels is { } labels ? labels.Select(l => $"probability_{l}").Prepend("label") : [],
        ];
        writer.WriteLine(string.Join(',', head.Select(Quoted)));
        foreach (var prediction in predictions)
        {
            IEnumerable<string> cells =
            [
                prediction.Id ?? "", manifest.SpaceId, prediction.Cluster.ToString(CultureInfo.InvariantCulture), .. prediction.SquaredDistances.Select(Number),
                .. prediction is { Label: { } label, Probabilities: { } probabilities } ? probabilities.Select(Number).Prepend(label) : [],
            ];
            writer.WriteLine(string.Join(',', cells.Select(Quoted)));
        }
    }

    static string Number(float value) => value.ToString("R", CultureInfo.InvariantCulture);

    static string Quoted(string cell) =>
        cell.AsSpan().ContainsAny("\",\r\n") ? $"\"{cell.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : cell;
}
