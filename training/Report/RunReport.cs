using Mim.Models;

namespace Mim.Training;

/// <summary>Everything that a page shows of one run.</summary>
public sealed record RunReport
{
    /// <summary>What tells the run from the others on the page.</summary>
    public required string Name { get; init; }

    public required TrainingOptions Options { get; init; }

    public required string Dataset { get; init; }

    public required string DatasetSha256 { get; init; }

    public required IReadOnlyList<long> XShape { get; init; }

    /// <summary>What label i is called; null: by its number.</summary>
    public required IReadOnlyList<string>? LabelNames { get; init; }

    /// <summary>Weights and biases of all networks.</summary>
    public required long Parameters { get; init; }

    /// <summary>Epoch of the best model, from 1.</summary>
    public required int BestEpoch { get; init; }

    public required string CheckpointSha256 { get; init; }

    /// <summary>What the run was trained with, and what its pictures were drawn with.</summary>
    public required IReadOnlyDictionary<string, string> TrainedWith { get; init; }

    public required IReadOnlyDictionary<string, string> DrawnWith { get; init; }

    /// <summary>Null: the run has no metrics.jsonl.</summary>
    public required TrainingLog? Log { get; init; }

    /// <summary>Null: the run was not evaluated.</summary>
    public required EvaluationReport? Evaluation { get; init; }

    public required ModelPictures Pictures { get; init; }

    /// <param name="folder">Of the run.</param>
    /// <param name="name">On the page.</param>
    /// <param name="cancellationToken">Looked at between pictures.</param>
    /// <exception cref="UsageException">There is no run, no model in it, or an evaluation of another model.</exception>
    public static RunReport Read(string folder, string name, CancellationToken cancellationToken)
    {
        using var model = TrainedModel.Load(folder);
        var run = model.Run;
        var evaluation = File.Exists(run.Evaluation) ? EvaluationReport.Read(run.Evaluation) : null;
        if (evaluation is not null && evaluation.CheckpointSha256 != model.CheckpointSha256)
        {
            throw new UsageException(
                $"{run.Evaluation}: expected a measurement of {run.BestCheckpoint} (epoch {model.Epoch}), found one of other weights "
                + $"(epoch {evaluation.Epoch}). Run 'mim evaluate --run {folder}' again.");
        }
        return new RunReport
        {
            Name = name,
            Options = run.Options,
            Dataset = model.Dataset.Name,
            DatasetSha256 = model.Dataset.Sha256,
            XShape = model.Dataset.XShape,
            LabelNames = model.Dataset.LabelNames,
            Parameters = model.Network.parameters().Sum(parameter => parameter.numel()),
            BestEpoch = model.Epoch,
            CheckpointSha256 = model.CheckpointSha256,
            TrainedWith = run.Engines,
            DrawnWith = EngineVersions.Current(),
            Log = File.Exists(run.Metrics) ? TrainingLog.Read(run.Metrics) : null,
            Evaluation = evaluation,
            Pictures = ModelPictures.Draw(model, cancellationToken),
        };
    }

    /// <summary>The ends of the paths that tell the runs apart: 'mim' and 'vae' for runs/toy4/mim and runs/toy4/vae.</summary>
    public static IReadOnlyList<string> Names(IReadOnlyList<string> folders)
    {
        string[][] parts = [.. folders.Select(folder => Path.GetFullPath(folder).Split('/', StringSplitOptions.RemoveEmptyEntries))];
        for (var depth = 1; depth <= parts.Max(part => part.Length); depth++)
        {
            string[] names = [.. parts.Select(part => string.Join('/', part.TakeLast(depth)))];
            if (names.Distinct(StringComparer.Ordinal).Count() == names.Length)
            {
                return names;
            }
        }
        var twice = folders.GroupBy(Path.GetFullPath, StringComparer.Ordinal).First(group => group.Count() > 1).First();
        throw new UsageException($"--run: expected different runs, found {twice} twice. Give each once.");
    }
}
