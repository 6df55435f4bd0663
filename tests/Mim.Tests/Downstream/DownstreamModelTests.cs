using System.IO.Compression;
using System.Text;
using Mim.Downstream;
using Mim.Models;
using Mim.Tests.Evaluation;

namespace Mim.Tests.Downstream;

public sealed class DownstreamModelTests : IDisposable
{
    static readonly string s_space = new('a', 64);
    static readonly string s_foreign = new('b', 64);

    readonly string _folder = Directory.CreateTempSubdirectory("mim-downstream-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Separated_labels_are_clustered_and_classified_without_a_fault()
    {
        var manifest = Fit(Write("train.csv", labels: 3, separation: 20));
        Assert.Equal(1, manifest.Metrics.Nmi);
        Assert.Equal(1, manifest.Metrics.MicroAccuracy);
        Assert.Equal(1, manifest.Metrics.MacroAccuracy);
        Assert.Equal(["l0", "l1", "l2"], manifest.Labels);
        Assert.Equal([[8, 0, 0], [0, 8, 0], [0, 0, 8]], manifest.ConfusionMatrix);
        Assert.Equal([8, 8, 8], manifest.ClusterRows);
        Assert.InRange(manifest.Metrics.AverageDistance, 1.5, 6); // χ² with 4 degrees of freedom, mean of 24: 4 ± 0.6, and centroids of 32 rows
    }

    [Fact]
    public void A_model_that_was_saved_and_loaded_says_the_same()
    {
        var file = Write("train.csv");
        var model = DownstreamModel.Fit(FitPlan.Create(file, null, 0.2, null, 1), _ => { }, default);
        model.Save(_folder);
        var embeddings = EmbeddingSet.Read(file);
        var (before, after) = (model.Predict(embeddings, file).ToArray(), DownstreamModel.Load(_folder).Predict(embeddings, file).ToArray());
        Assert.Equal(embeddings.Rows, after.Length);
        foreach (var (a, b) in before.Zip(after))
        {
            Assert.Equal(a with { SquaredDistances = b.SquaredDistances, Probabilities = b.Probabilities }, b);
            Assert.Equal(a.SquaredDistances, b.SquaredDistances);
            Assert.Equal(a.Probabilities, b.Probabilities);
        }
        Assert.Equal("r0", after[0].Id);
    }

    [Fact]
    public void The_label_predicted_is_the_one_with_the_greatest_probability()
    {
        var file = Write("train.csv", separation: 1);
        var manifest = Fit(file);
        foreach (var prediction in DownstreamModel.Load(_folder).Predict(EmbeddingSet.Read(file), file))
        {
            Assert.Equal(1, prediction.Probabilities!.Sum(), 1e-5f); // float32
            Assert.Equal(manifest.Labels![Array.IndexOf(prediction.Probabilities!, prediction.Probabilities!.Max())], prediction.Label);
            Assert.Equal((uint)Array.IndexOf(prediction.SquaredDistances, prediction.SquaredDistances.Min()) + 1, prediction.Cluster);
        }
    }

    [StandInFact]
    public void The_same_seed_writes_the_same_bytes_and_another_seed_others()
    {
        var file = Write("train.csv", separation: 1);
        string[] Run(string name, int seed)
        {
            var folder = Path.Combine(_folder, name);
            DownstreamModel.Fit(FitPlan.Create(file, null, 0.2, null, seed), _ => { }, default).Save(folder);
            return [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(Hashes.Sha256)];
        }
        Assert.Equal(Run("a", 1), Run("b", 1));
        Assert.NotEqual(Run("c", 2), Run("a", 1));
    }

    [Fact]
    public void Embeddings_without_labels_are_clustered_only()
    {
        Fit(Write("labelled.csv"));
        Assert.True(File.Exists(Path.Combine(_folder, DownstreamModel.ClassifierFile)));
        var file = Write("plain.csv", labelled: false);
        var manifest = Fit(file, clusters: 3);
        Assert.Null(manifest.Metrics.Nmi);
        Assert.Null(manifest.Metrics.LogLoss);
        Assert.Null(manifest.Labels);
        Assert.Equal(24, manifest.ClusterRows.Sum());
        Assert.False(File.Exists(Path.Combine(_folder, DownstreamModel.ClassifierFile))); // the earlier fit's
        Assert.All(DownstreamModel.Load(_folder).Predict(EmbeddingSet.Read(file), file), p => Assert.Null(p.Label));
        Assert.DoesNotContain("accuracy", File.ReadAllText(Path.Combine(_folder, "metrics.json")), StringComparison.Ordinal);
        Assert.Contains("--clusters", Assert.Throws<UsageException>(() => Fit(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Test_rows_from_a_file_of_their_own_are_all_measured()
    {
        var manifest = Fit(Write("train.csv"), Write("test.csv", rows: 30));
        Assert.Equal((120, 30), (manifest.TrainRows, manifest.TestRows));
        Assert.Equal(30, manifest.ConfusionMatrix!.Sum(row => row.Sum()));
        Assert.Null(manifest.TestFraction);
    }

    [Fact]
    public void Another_space_is_refused_with_both_ids()
    {
        var train = Write("train.csv");
        var foreign = Write("foreign.csv", space: s_foreign);
        Fit(train);
        foreach (var act in new Action[]
        {
            () => DownstreamModel.Load(_folder).Predict(EmbeddingSet.Read(foreign), foreign),
            () => FitPlan.Create(train, foreign, 0.2, null, 1),
        })
        {
            var refusal = Assert.Throws<InvalidDataException>(act).Message;
            Assert.Contains(s_space, refusal, StringComparison.Ordinal);
            Assert.Contains(s_foreign, refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Another_size_is_refused()
    {
        var other = Write("other.csv", dims: 3);
        Fit(Write("train.csv"));
        var refusal = Assert.Throws<InvalidDataException>(() => DownstreamModel.Load(_folder).Predict(EmbeddingSet.Read(other), other));
        Assert.Contains("expected 4 dimensions, found 3", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_test_label_that_training_never_saw_is_refused()
    {
        var refusal = Assert.Throws<InvalidDataException>(() => FitPlan.Create(Write("train.csv", labels: 2), Write("test.csv", labels: 3), 0.2, null, 1));
        Assert.Contains("row 2: expected a label that occurs in", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("'l2'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_that_are_not_finite_are_refused()
    {
        var path = Path.Combine(_folder, "nan.npy");
        Npy.Write(path, NpyArray.From([0f, 1, 2, float.NaN, 4, 5], 3, 2));
        File.WriteAllText(path + ".json", $$"""{"space_id":"{{s_space}}","model":"m","version":null,"rows":3,"dims":2,"ids":null,"labels":null}""");
        var refusal = Assert.Throws<InvalidDataException>(() => FitPlan.Create(path, null, 0.2, 2, 1));
        Assert.Contains("row 1: expected finite values, found NaN in z[1]", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void More_clusters_than_rows_are_refused() =>
        Assert.Contains("at most 8", Assert.Throws<UsageException>(() => FitPlan.Create(Write("few.csv", rows: 10, labelled: false), null, 0.2, 9, 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_model_file_that_is_not_the_one_described_is_refused()
    {
        Fit(Write("train.csv"));
        File.AppendAllText(Path.Combine(_folder, DownstreamModel.ClustersFile), " ");
        var refusal = Assert.Throws<InvalidDataException>(() => DownstreamModel.Load(_folder));
        Assert.Contains("clusters.zip: expected sha256", refusal.Message, StringComparison.Ordinal);
    }

    [StandInFact]
    public void A_model_file_of_the_real_package_is_refused()
    {
        var manifest = Fit(Write("train.csv"));
        using var memory = new MemoryStream();
        using (var zip = new ZipArchive(memory, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var entry in new[] { "TrainingInfo/Version.txt", "TransformerChain/Model.key", "TransformerChain/Transform_000/Model.key", "Schema" })
            {
                zip.CreateEntry(entry).Open().Dispose();
            }
        }
        var bytes = memory.ToArray();
        File.WriteAllBytes(Path.Combine(_folder, DownstreamModel.ClustersFile), bytes);
        StrictJson.Write(Path.Combine(_folder, DownstreamManifest.FileName), manifest with
        {
            Files = [new(DownstreamModel.ClustersFile, Hashes.Sha256(bytes), bytes.Length), .. manifest.Files.Skip(1)],
        });
        var refusal = Assert.Throws<InvalidDataException>(() => DownstreamModel.Load(_folder));
        Assert.Contains("model file of the real Microsoft.ML package", refusal.Message, StringComparison.Ordinal);
    }

    [StandInFact]
    public void The_stand_in_says_so_in_its_files()
    {
        Fit(Write("train.csv"));
        using var zip = ZipFile.OpenRead(Path.Combine(_folder, DownstreamModel.ClassifierFile));
        using var reader = new StreamReader(zip.GetEntry("stand-in.json")!.Open());
        Assert.Contains("stand-in", reader.ReadToEnd(), StringComparison.Ordinal);
        Assert.DoesNotContain(zip.Entries, e => e.FullName.StartsWith("Transform", StringComparison.Ordinal) || e.FullName == "Schema");
    }

    [Fact]
    public void The_report_states_space_engine_metrics_and_confusions()
    {
        var manifest = Fit(Write("train.csv"));
        var report = Report.Markdown(manifest);
        Assert.Contains($"| space | {s_space} |", report, StringComparison.Ordinal);
        Assert.Contains($"| engine | {DownstreamManifest.CurrentEngine()} |", report, StringComparison.Ordinal);
        Assert.Contains("| l0 | 8 | 0 | 0 | 1.0000 |", report, StringComparison.Ordinal);
        Assert.Contains("| precision | 1.0000 | 1.0000 | 1.0000 |  |", report, StringComparison.Ordinal);
        Assert.Equal(manifest.Metrics, DownstreamModel.ReadManifest(_folder).Metrics);
    }

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.5)]
    [InlineData(0.99)]
    public void A_split_covers_every_row_once_and_takes_its_share_of_each_label(double fraction)
    {
        string[] labels = [.. Enumerable.Repeat("a", 50).Concat(Enumerable.Repeat("b", 10)).Append("c")];
        var split = Split.Stratified(labels.Length, labels, fraction, 3);
        Assert.Equal(Enumerable.Range(0, labels.Length), split.Train.Concat(split.Test).Order());
        foreach (var (label, count) in new[] { ("a", 50), ("b", 10) })
        {
            Assert.Equal(Math.Clamp((int)Math.Round(count * fraction), 1, count - 1), split.Test.Count(row => labels[row] == label));
        }
        Assert.Contains(60, split.Train); // the only row of its label
        Assert.Equal(split.Test, Split.Stratified(labels.Length, labels, fraction, 3).Test);
        Assert.NotEqual(split.Test, Split.Stratified(labels.Length, labels, fraction, 4).Test);
    }

    DownstreamManifest Fit(string file, string? test = null, int? clusters = null) =>
        DownstreamModel.Fit(FitPlan.Create(file, test, 0.2, clusters, 1), _ => { }, default).Save(_folder);

    string Write(string name, int rows = 120, int dims = 4, int labels = 3, double separation = 20, bool labelled = true, string? space = null)
    {
        var gauss = new Gauss(5);
        var text = new StringBuilder($"id,label,space_id,{string.Join(',', Enumerable.Range(0, dims).Select(d => $"z_{d}"))}\n");
        for (var row = 0; row < rows; row++)
        {
            var label = row % labels;
            var z = Enumerable.Range(0, dims).Select(d => FormattableString.Invariant($"{gauss.Next() + (d == label ? separation : 0):0.0000}"));
            text.Append(FormattableString.Invariant($"r{row},{(labelled ? $"l{label}" : "")},{space ?? s_space},{string.Join(',', z)}\n"));
        }
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text.ToString());
        return path;
    }
}
