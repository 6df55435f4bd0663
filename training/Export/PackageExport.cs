using System.Text.Json;
using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>Turns a trained model into a package: graphs, the training engine's own goldens, manifest and card.</summary>
public static class PackageExport
{
    /// <summary>Writes <paramref name="folder"/>, replacing the package there if there is one. The run must have been evaluated.</summary>
    /// <param name="model">The best model of the run.</param>
    /// <param name="name">[a-z0-9][a-z0-9-]*.</param>
    /// <param name="folder">The package to be.</param>
    /// <param name="commit">See <see cref="TrainingCommit"/>.</param>
    /// <param name="stageKey">SHA-256 of the producing stage; null outside a pipeline.</param>
    /// <returns>The manifest as written.</returns>
    public static ModelManifest Write(TrainedModel model, string name, string folder, string? commit, string? stageKey)
    {
        if (!ModelManifest.IsName(name))
        {
            throw new UsageException(
                $"--name: expected lower-case letters, digits and inner hyphens ([a-z0-9][a-z0-9-]*), found '{name}'.");
        }
        var isPackage = File.Exists(Path.Combine(folder, ModelManifest.FileName));
        if (!isPackage && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new UsageException(
                $"--out {folder}: expected a package to replace, an empty folder or none, found other files. Choose another folder.");
        }
        if (model.Dataset.HasPreprocessingPerSplit)
        {
            throw new UsageException($"{model.Run.FullPath}: expected one preprocessing for all rows, found 'pca_per_split', which reproduces a defect of "
                + "the reference: its model belongs to no projection that a client could send rows through. Train with 'pca' to export.");
        }
        var evaluationFile = model.Run.Evaluation;
        if (!File.Exists(evaluationFile))
        {
            throw new UsageException(
                $"{evaluationFile}: a package says how good its model is; this run was never evaluated. Run 'mim evaluate --run {model.Run.FullPath}'.");
        }
        var evaluation = EvaluationReport.Read(evaluationFile);
        if (evaluation.CheckpointSha256 != model.CheckpointSha256)
        {
            throw new UsageException(
                $"{evaluationFile}: expected a measurement of {model.Run.BestCheckpoint} (epoch {model.Epoch}, {model.CheckpointSha256}), "
                + $"found one of other weights (epoch {evaluation.Epoch}, {evaluation.CheckpointSha256}). "
                + $"Run 'mim evaluate --run {model.Run.FullPath}' again.");
        }

        var (dataset, options) = (model.Dataset, model.Run.Options);
        var encoder = OnnxExport.Encoder(model.Network.encoder, model.Network.ZDim, dataset.XShape, dataset.Preprocessing);
        var spaceId = SpaceId.Compute(encoder, dataset.Preprocessing);
        // Metadata does not count towards the space id, so the file may carry it.
        encoder = OnnxExport.Encoder(model.Network.encoder, model.Network.ZDim, dataset.XShape, dataset.Preprocessing, spaceId);
        var decoder = OnnxExport.Decoder(model.Network.decoder, model.Network.ZDim, dataset.XShape, dataset.Preprocessing, spaceId);
        var manifest = new ModelManifest
        {
            Name = name,
            Kind = ModelManifest.Autoencoder,
            XShape = [.. dataset.XShape.Select(size => checked((int)size))],
            ZSize = model.Network.ZDim,
            Likelihood = Snake(options.Likelihood),
            Autoregressive = model.Network.decoder is AutoregressiveDecoder,
            LogVarFloor = model.Network.encoder.LogVarFloor,
            Preprocessing = dataset.Preprocessing,
            Tabular = dataset.Schema,
            Objective = Objective(options),
            Dataset = new ModelDataset(dataset.Name, dataset.Sha256),
            Seed = options.Trainer.Seed,
            Engines = model.Run.Engines,
            TrainingCommit = commit,
            StageKey = stageKey,
            MinimumOnnxRuntime = OnnxExport.MinimumOnnxRuntime,
            Metrics = evaluation.Metrics(),
        };
        return ModelPackage.Write(folder, manifest, encoder, decoder, Goldens(model), ModelCard.Write(manifest, spaceId, evaluation, options));
    }

    /// <summary>
    /// Raw rows of the test split, cycled if it is short, and what libtorch makes of them; z is a draw of each row's posterior.
    /// </summary>
    public static IReadOnlyList<Golden> Goldens(TrainedModel model)
    {
        var split = model.Dataset.Load(SplitName.Test, 0);
        return [.. Golden.RowCounts.Select(rows => Goldens(model, split, rows))];
    }

    static Golden Goldens(TrainedModel model, DataSplit split, int rows)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        using var noise = EvaluationNoise.Golden.Generator(model.Run.Options.Trainer.Seed);
        var raw = new float[rows * split.XDim];
        for (var row = 0; row < rows; row++)
        {
            split.X.AsSpan(row % split.Rows * split.XDim, split.XDim).CopyTo(raw.AsSpan(row * split.XDim));
        }
        var x = tensor(raw, [rows, split.XDim]).to(model.Network.Device);
        var preprocessing = new Preprocessing(model.Dataset.Preprocessing);
        var posterior = model.Network.encoder.call(preprocessing.Mean(x));
        var z = posterior.Sample(noise);
        var likelihood = model.Network.decoder.call(z);
        var given = likelihood is AutoregressiveBernoulli ? preprocessing.Mean(x) : null;
        if (likelihood is AutoregressiveBernoulli conditional && given is not null)
        {
            likelihood = conditional.Given(given);
        }
        var tensors = new Dictionary<string, float[]>
        {
            [TensorNames.X] = raw,
            [TensorNames.ZMean] = Values(posterior.Mean),
            [TensorNames.Z] = Values(z),
            [TensorNames.XMean] = Values(preprocessing.Inverse(likelihood.Mean)),
        };
        if (model.Network.encoder.LogVarFloor is not null)
        {
            tensors.Add(TensorNames.ZLogVar, Values(posterior.LogVar));
        }
        if (given is not null)
        {
            tensors.Add(TensorNames.XGiven, Values(given));
        }
        foreach (var (parameter, value) in likelihood.Parameters)
        {
            tensors.Add(parameter, Values(value));
        }
        return new Golden(rows, tensors);
    }

    static ModelObjective Objective(TrainingOptions options)
    {
        var (objective, prior) = (options.Objective, options.Prior);
        var ownQx = objective.QX != EncoderMarginal.Marginal;
        var decodes = objective.Name is ObjectiveName.Mim or ObjectiveName.MimMinusH;
        return new ModelObjective(
            Snake(objective.Name),
            objective.Name is ObjectiveName.Mim or ObjectiveName.AMim or ObjectiveName.VaePlusH or ObjectiveName.MimMinusH ? Snake(objective.QX) : null,
            decodes && !ownQx ? Snake(objective.DecoderLogQx) : null,
            decodes && !ownQx && objective.DecoderLogQx == DecoderLogQx.FreshZ ? objective.Samples : null,
            objective.Name is ObjectiveName.Vae or ObjectiveName.VaePlusH ? objective.Beta : null)
        {
            Prior = Snake(prior.Name),
            PriorComponents = prior.Name is PriorName.Mixture or PriorName.Vamp ? prior.Components : null,
            QXComponents = ownQx ? objective.QXComponents : null,
            BernoulliGradient = decodes && options.Likelihood.IsDiscrete() ? Snake(objective.BernoulliGradient) : null,
            Temperature = objective.Name == ObjectiveName.CMim ? objective.Temperature : null,
        };
    }

    static string Snake<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    static float[] Values(Tensor tensor) => tensor.cpu().contiguous().data<float>().ToArray();
}
