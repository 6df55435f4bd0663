using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Microsoft.ML.Transforms;
using Mim.Models;

namespace Mim.Downstream;

/// <summary>
/// k-means and, given labels, a maximum-entropy classifier on one embedding space. Features enter as they were encoded: the prior fixes the scale of a
/// latent, and standardising would blow the collapsed ones up to the size of the informative ones.
/// </summary>
public sealed class DownstreamModel
{
    public const string ClustersFile = "clusters.zip";
    public const string ClassifierFile = "classifier.zip";

    const int Starts = 10;

    /// <summary>ML.NET's float32 sums differ in the last bits from run to run; an earlier start is kept unless a later one is better by more than that.</summary>
    const double Tie = 1e-5;

    /// <summary>
    /// ML.NET's default, 1e-7, stops well before the optimum (subgradient norm 1e-2 on 200 rows of 4 features); with this it ends where float32 does (4e-5).
    /// </summary>
    const float ToTheEnd = 1e-12f;

    const string Label = nameof(EmbeddingRow.Label);
    const string Features = nameof(EmbeddingRow.Features);
    const string Score = "Score";

    readonly MLContext _ml;
    readonly DataViewSchema _schema;
    readonly ITransformer _clusters;
    readonly ITransformer? _classifier;

    DownstreamModel(MLContext ml, DataViewSchema schema, DownstreamManifest manifest, ITransformer clusters, ITransformer? classifier)
    {
        _ml = ml;
        _schema = schema;
        Manifest = manifest;
        _clusters = clusters;
        _classifier = classifier;
    }

    public DownstreamManifest Manifest { get; }

    /// <param name="plan">What to train and test on; its checks have passed.</param>
    /// <param name="log">One line a model.</param>
    /// <param name="cancellationToken">Looked at between the models.</param>
    public static DownstreamModel Fit(FitPlan plan, Action<string> log, CancellationToken cancellationToken)
    {
        var ml = new MLContext(plan.Seed);
        var train = EmbeddingView.Load(ml, plan.Train, plan.Split.Train);
        var test = EmbeddingView.Load(ml, plan.Test, plan.Split.Test);

        var clusters = FitClusters(ml, train, plan.Clusters, cancellationToken);
        log($"k-means          {plan.Clusters} clusters of {plan.Split.Train.Count} rows");

        var keys = plan.Labels is null
            ? null
            : ml.Transforms.Conversion.MapValueToKey(Label, keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue).Fit(train);
        var keyedTest = keys?.Transform(test) ?? test;
        var clustered = clusters.Transform(keyedTest);
        var clustering = ml.Clustering.Evaluate(clustered, keys is null ? null : Label, featureColumnName: Features);

        TransformerChain<KeyToValueMappingTransformer>? classifier = null;
        MulticlassClassificationMetrics? classification = null;
        IReadOnlyList<string>? labels = null;
        if (keys is not null && plan.Labels is { Count: > 1 })
        {
            classifier = ml.MulticlassClassification.Trainers
                .LbfgsMaximumEntropy(new LbfgsMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1, OptimizationTolerance = ToTheEnd })
                .Append(ml.Transforms.Conversion.MapKeyToValue(nameof(ClassRow.PredictedName), nameof(ClusterRow.PredictedLabel)))
                .Fit(keys.Transform(train));
            log($"maximum entropy  {plan.Labels.Count} classes of {plan.Split.Train.Count} rows");
            cancellationToken.ThrowIfCancellationRequested();
            var classified = classifier.Transform(keyedTest);
            classification = ml.MulticlassClassification.Evaluate(classified);
            labels = ClassNames(classified);
        }

        var manifest = new DownstreamManifest
        {
            SpaceId = plan.Train.SpaceId,
            Model = plan.Train.Model,
            Dims = plan.Train.Dims,
            Engine = DownstreamManifest.CurrentEngine(),
            Embeddings = plan.TrainFile,
            TestEmbeddings = plan.TestFile,
            TestFraction = plan.TestFraction,
            Seed = plan.Seed,
            TrainRows = plan.Split.Train.Count,
            TestRows = plan.Split.Test.Count,
            Clusters = plan.Clusters,
            ClusterRows = ClusterRows(ml, clustered, plan.Clusters),
            Labels = labels,
            ConfusionMatrix = classification is null ? null : [.. classification.ConfusionMatrix.Counts.Select(row => (int[])[.. row.Select(n => (int)n)])],
            Metrics = new()
            {
                // ML.NET says NaN without labels, or with one.
                Nmi = double.IsNaN(clustering.NormalizedMutualInformation) ? null : clustering.NormalizedMutualInformation,
                AverageDistance = clustering.AverageDistance,
                DaviesBouldin = clustering.DaviesBouldinIndex,
                MicroAccuracy = classification?.MicroAccuracy,
                MacroAccuracy = classification?.MacroAccuracy,
                LogLoss = classification?.LogLoss,
                LogLossReduction = classification?.LogLossReduction,
            },
            Files = [],
        };
        return new(ml, train.Schema, manifest, clusters, classifier);
    }

    /// <summary>
    /// Writes the model files, metrics.json, and last of all downstream.json with the hashes of the former. Nothing is written before all
    /// models are bytes in memory, so that a fit that fails or is interrupted leaves an earlier one as it was.
    /// </summary>
    /// <returns>The manifest as written.</returns>
    public DownstreamManifest Save(string folder)
    {
        List<(string Name, byte[] Bytes)> models = [(ClustersFile, Serialise(_clusters))];
        if (_classifier is not null)
        {
            models.Add((ClassifierFile, Serialise(_classifier)));
        }
        var manifest = Manifest with { Files = [.. models.Select(m => new PackageFile(m.Name, Hashes.Sha256(m.Bytes), m.Bytes.Length))] };
        foreach (var (name, bytes) in models)
        {
            AtomicFile.Write(Path.Combine(folder, name), stream => stream.Write(bytes));
        }
        MetricsFile.Write(Path.Combine(folder, MetricsFile.FileName), manifest);
        StrictJson.Write(Path.Combine(folder, DownstreamManifest.FileName), manifest);
        if (_classifier is null)
        {
            File.Delete(Path.Combine(folder, ClassifierFile)); // of an earlier fit with labels
        }
        return manifest;
    }

    public static DownstreamModel Load(string folder)
    {
        var manifest = ReadManifest(folder);
        var ml = new MLContext(manifest.Seed);
        var clusters = Read(ml, folder, ClustersFile, manifest, out var schema);
        var classifier = manifest.Labels is null ? null : Read(ml, folder, ClassifierFile, manifest, out _);
        return new(ml, schema, manifest, clusters, classifier);
    }

    public static DownstreamManifest ReadManifest(string folder)
    {
        var path = Path.Combine(folder, DownstreamManifest.FileName);
        if (!File.Exists(path))
        {
            throw new UsageException($"{folder}: expected the folder that 'mim downstream fit' wrote, found no {DownstreamManifest.FileName} in it.");
        }
        return StrictJson.Read<DownstreamManifest>(File.ReadAllBytes(path), path);
    }

    /// <summary>The cluster and class of every embedding, in order.</summary>
    /// <param name="embeddings">Of the space that this model was fitted in.</param>
    /// <param name="name">The file they came from, for messages.</param>
    /// <exception cref="InvalidDataException">Another space, another size, or a value that is not finite.</exception>
    public IEnumerable<Prediction> Predict(EmbeddingSet embeddings, string name)
    {
        embeddings.RequireSpace(Manifest.SpaceId, name);
        FitPlan.RequireDims(embeddings, Manifest.Dims, name);
        FitPlan.RequireFinite(embeddings, name);
        var data = EmbeddingView.Load(_ml, embeddings, Enumerable.Range(0, embeddings.Rows));
        var clusters = _ml.Data.CreateEnumerable<ClusterRow>(_clusters.Transform(data), reuseRowObject: false);
        if (_classifier is null)
        {
            return clusters.Select((c, row) => new Prediction(embeddings.Ids?[row], c.PredictedLabel, c.Score, null, null));
        }
        var classes = _ml.Data.CreateEnumerable<ClassRow>(_classifier.Transform(data), reuseRowObject: false);
        return clusters.Zip(classes).Select((pair, row) =>
            new Prediction(embeddings.Ids?[row], pair.First.PredictedLabel, pair.First.Score, pair.Second.PredictedName, pair.Second.Score));
    }

    /// <summary>
    /// The start with the least average distance on the training rows. ML.NET starts once, which finds poor optima: on 20 Gaussian clusters in 8 dimensions the
    /// mutual information of single starts ran from 0.90 to 0.97.
    /// </summary>
    static ClusteringPredictionTransformer<KMeansModelParameters> FitClusters(MLContext ml, IDataView train, int clusters, CancellationToken cancellationToken)
    {
        // One thread and a named initialisation: with ML.NET's defaults for both, the same seed does not give the same clusters.
        var options = new KMeansTrainer.Options
        {
            NumberOfClusters = clusters,
            InitializationAlgorithm = KMeansTrainer.InitializationAlgorithm.KMeansPlusPlus,
            NumberOfThreads = 1,
        };
        var best = ml.Clustering.Trainers.KMeans(options).Fit(train);
        var least = ml.Clustering.Evaluate(best.Transform(train)).AverageDistance;
        for (var start = 1; start < Starts; start++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // A trainer draws its seed from the context when it is made: the next one starts elsewhere.
            var other = ml.Clustering.Trainers.KMeans(options).Fit(train);
            var distance = ml.Clustering.Evaluate(other.Transform(train)).AverageDistance;
            if (distance < least * (1 - Tie))
            {
                (best, least) = (other, distance);
            }
        }
        return best;
    }

    byte[] Serialise(ITransformer model)
    {
        using var memory = new MemoryStream();
        _ml.Model.Save(model, _schema, memory);
        return memory.ToArray();
    }

    static ITransformer Read(MLContext ml, string folder, string name, DownstreamManifest manifest, out DataViewSchema schema)
    {
        var path = Path.Combine(folder, name);
        var expected = manifest.Files.FirstOrDefault(f => f.Path == name)
            ?? throw new InvalidDataException($"{Path.Combine(folder, DownstreamManifest.FileName)}: key 'files': expected '{name}', found none. Run 'mim downstream fit' again.");
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path}: expected a model file as {DownstreamManifest.FileName} says, found none. Run 'mim downstream fit' again.");
        }
        var bytes = File.ReadAllBytes(path);
        var found = Hashes.Sha256(bytes);
        if (found != expected.Sha256)
        {
            throw new InvalidDataException(
                $"{path}: expected sha256 {expected.Sha256} as {DownstreamManifest.FileName} says, found {found}. An interrupted fit leaves this: run 'mim downstream fit' again.");
        }
        try
        {
            return ml.Model.Load(new MemoryStream(bytes), out schema);
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or ArgumentException or InvalidDataException)
        {
            throw new InvalidDataException($"{path}: written by {manifest.Engine}, cannot be read by {DownstreamManifest.CurrentEngine()}: {e.Message} Run 'mim downstream fit' again.", e);
        }
    }

    static int[] ClusterRows(MLContext ml, IDataView clustered, int clusters)
    {
        var rows = new int[clusters];
        foreach (var row in ml.Data.CreateEnumerable<ClusterRow>(clustered, reuseRowObject: true))
        {
            rows[row.PredictedLabel - 1]++;
        }
        return rows;
    }

    static string[] ClassNames(IDataView classified)
    {
        VBuffer<ReadOnlyMemory<char>> names = default;
        classified.Schema[Score].GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    sealed class ClusterRow
    {
        /// <summary>1…k.</summary>
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }

    sealed class ClassRow
    {
        public string PredictedName { get; set; } = "";

        public float[] Score { get; set; } = [];
    }
}
