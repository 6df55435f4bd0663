using System.Text.Json.Nodes;
using Mim.Models;
using Mim.Training;
using static TorchSharp.torch;
using Measure = Mim.Training.Evaluation;

namespace Mim.Tests.Export;

/// <summary>A run of two small epochs, evaluated and exported once for all tests.</summary>
public sealed class ExportedRun : IDisposable
{
    readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("mim-export-");

    public ExportedRun()
    {
        Run = Path.Combine(_root.FullName, "run");
        var options = TrainingOptions.Parse(
            """
            dataset: { name: toy4, rows_per_epoch: 512 }
            preprocessing: [standardise]
            network: { hidden: [8], z: 3 }
            trainer: { epochs: 2, warmup_epochs: 1, batch: 64 }
            """, "test");
        var folder = RunFolder.Prepare(Run, options, new JsonObject { ["libtorch"] = "test" }, resume: false, force: false);
        using (var trainer = new Trainer(options, Dataset.Open(options.Dataset, options.Trainer.Seed), folder, TimeProvider.System))
        {
            trainer.Run(CancellationToken.None);
        }
        using var model = TrainedModel.Load(Run);
        NeverEvaluated = Record.Exception(() => PackageExport.Write(model, "toy", Folder, null, null));
        Report = Measure.Run(model, Request, null, CancellationToken.None);
        Report.Write(Path.Combine(Run, EvaluationReport.FileName));
        PackageExport.Write(model, "toy", Folder, "0123abcd+dirty", new string('a', 64));
    }

    public static EvaluationRequest Request { get; } = new() { ImportanceSamples = 20, Rows = 400 };

    public string Run { get; }

    public string Folder => Path.Combine(_root.FullName, "package");

    public EvaluationReport Report { get; }

    public Exception? NeverEvaluated { get; }

    public void Dispose() => _root.Delete(recursive: true);
}

public sealed class PackageExportTests(ExportedRun exported) : IClassFixture<ExportedRun>
{
    [Fact]
    public void The_package_opens_and_says_where_it_comes_from()
    {
        var manifest = ModelPackage.Open(exported.Folder).Manifest;
        Assert.Equal(("toy", 3, "gaussian", 1L), (manifest.Name, manifest.ZSize, manifest.Likelihood, manifest.Seed));
        Assert.Equal(LogVarFloor.Additive(1e-6), manifest.LogVarFloor);
        Assert.Equal([PreprocessingStep.Standardise], manifest.Preprocessing.Select(step => step.Kind));
        Assert.Equal(new ModelObjective("mim", "marginal", "same_z", null, null) { Prior = "standard" }, manifest.Objective);
        Assert.Equal(("0123abcd+dirty", new string('a', 64)), (manifest.TrainingCommit, manifest.StageKey));
        Assert.Equal("test", manifest.Engines["libtorch"]);
        Assert.Equal(exported.Report.MutualInformationKsg ?? double.NaN, manifest.Metrics["mutual_information_ksg"]);
        var card = File.ReadAllText(Path.Combine(exported.Folder, ModelPackage.CardFile));
        Assert.Contains($"`{manifest.SpaceId}`", card, StringComparison.Ordinal);
        Assert.Contains("| training | Adam, batch 64, at most 2 epochs", card, StringComparison.Ordinal);
        var other = TrainingOptions.Parse("trainer: { optimiser: adam_norm_grad, batch: 50, accumulate: 2, ema: 0.99 }", "test");
        Assert.Contains(
            "| training | Adam on gradients of unit norm, batch 50 × 2, weights averaged with decay 0.99, at most",
            ModelCard.Write(manifest, manifest.SpaceId, exported.Report, other), StringComparison.Ordinal);
    }

    [Fact]
    public void Goldens_are_what_onnx_runtime_computes()
    {
        var package = ModelPackage.Open(exported.Folder);
        Assert.Equal([1, 2, 7, 64], package.Goldens.Select(golden => golden.Rows));
        foreach (var golden in package.Goldens)
        {
            using var scope = NewDisposeScope();
            var encoded = OrtRun.All(package.Encoder, TensorNames.X, tensor(golden.Tensors[TensorNames.X], [golden.Rows, 2]));
            var decoded = OrtRun.All(package.Decoder!, TensorNames.Z, tensor(golden.Tensors[TensorNames.Z], [golden.Rows, 3]));
            foreach (var (name, actual) in encoded.Concat(decoded))
            {
                var parity = Parity.Compare(
                    actual, golden.Tensors[name], Parity.EngineTolerance, Parity.EngineTolerance, units: package.Manifest.Units(name));
                Assert.True(parity.Passed, $"{name}, n = {golden.Rows}: {parity}");
            }
        }
    }

    [Fact]
    public void Exporting_again_gives_the_same_bytes()
    {
        var again = Path.Combine(Path.GetDirectoryName(exported.Folder) ?? "", "again");
        using var model = TrainedModel.Load(exported.Run);
        PackageExport.Write(model, "toy", again, "0123abcd+dirty", new string('a', 64));
        Assert.Equal(ModelPackage.Open(exported.Folder).Manifest.Files, ModelPackage.Open(again).Manifest.Files);
    }

    [Fact]
    public void Evaluating_again_gives_the_same_report()
    {
        using var model = TrainedModel.Load(exported.Run);
        Assert.Equal(exported.Report.ToJson(), Measure.Run(model, ExportedRun.Request, null, CancellationToken.None).ToJson());
    }

    [Fact]
    public void The_report_keeps_the_relations_between_its_numbers()
    {
        var report = exported.Report;
        Assert.Equal((400, 20, (int?)400, (int?)512), (report.Rows, report.ImportanceSamples, report.KsgRows, report.KnnTrainRows));
        Assert.Equal(report.Rate + report.Distortion, report.NegativeElbo, 1e-12);
        // Jensen: more samples bound tighter. The same draws estimate both, so the order is certain up to the analytic rate's noise.
        Assert.True(report.NllImportanceWeighted < report.NegativeElbo + 0.05, $"{report.NllImportanceWeighted} {report.NegativeElbo}");
        Assert.InRange(report.MutualInformationKsg ?? double.NaN, -0.2, report.KsgCeiling ?? double.NaN);
        // toy4 standardised: σ of both features is below 1, so a density of raw x is larger and its NLL smaller.
        Assert.True(report.RawDensityOffset < 0);
    }

    [Fact]
    public void A_run_that_was_never_evaluated_is_refused()
    {
        Assert.IsType<UsageException>(exported.NeverEvaluated);
        Assert.Contains("Run 'mim evaluate", exported.NeverEvaluated.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_evaluation_of_other_weights_is_refused()
    {
        var run = Path.Combine(Path.GetDirectoryName(exported.Run) ?? "", "other");
        Directory.CreateDirectory(Path.Combine(run, "checkpoints"));
        File.Copy(Path.Combine(exported.Run, "config.json"), Path.Combine(run, "config.json"));
        File.Copy(Path.Combine(exported.Run, "checkpoints", "best.npz"), Path.Combine(run, "checkpoints", "best.npz"));
        using var model = TrainedModel.Load(run);
        (exported.Report with { CheckpointSha256 = new string('0', 64) }).Write(model.Run.Evaluation);
        var e = Assert.Throws<UsageException>(() => PackageExport.Write(model, "toy", model.Run.Package, null, null));
        Assert.StartsWith(model.Run.Evaluation, e.Message, StringComparison.Ordinal);
        Assert.Contains("Run 'mim evaluate", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_projection_travels_with_the_package_and_one_for_each_split_is_refused()
    {
        string Run(string projection) => new TinyRun(Path.Combine(Path.GetDirectoryName(exported.Run) ?? "", projection), projection).Folder;

        using (var model = TrainedModel.Load(Run("pca")))
        {
            var manifest = PackageExport.Write(model, "toy", model.Run.Package, null, null);
            Assert.Equal(["pca", "standardise"], manifest.Preprocessing.Select(step => step.Kind));
            Assert.Equal([5], manifest.XShape);
            Assert.Equal([3L], manifest.InputShape);
            var package = ModelPackage.Open(model.Run.Package);
            Assert.All(package.Goldens, golden =>
            {
                Assert.Equal(golden.Rows * 5, golden.Tensors[TensorNames.X].Length);
                Assert.Equal(golden.Rows * 5, golden.Tensors[TensorNames.XMean].Length);
                Assert.Equal(golden.Rows * 3, golden.Tensors[TensorNames.XLogVar].Length);
            });
            Assert.Equal(package.Manifest.SpaceId, SpaceId.Compute(package.Encoder, model.Dataset.Preprocessing));
        }
        using (var model = TrainedModel.Load(Run("pca_per_split")))
        {
            var e = Assert.Throws<UsageException>(() => PackageExport.Write(model, "toy", model.Run.Package, null, null));
            Assert.Contains("Train with 'pca' to export.", e.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(model.Run.Package));
        }
    }

    /// <summary>One epoch on a projection of toy4_5, evaluated.</summary>
    sealed class TinyRun
    {
        public TinyRun(string folder, string projection)
        {
            Folder = folder;
            var options = TrainingOptions.Parse(
                $$"""
                dataset: { name: toy4_5, rows_per_epoch: 64 }
                preprocessing: [{{projection}}: 3{{(projection == "pca" ? ", standardise" : "")}}]
                network: { hidden: [4], z: 2 }
                trainer: { epochs: 1, warmup_epochs: 1, batch: 32 }
                """, "test");
            var run = RunFolder.Prepare(folder, options, new JsonObject(), resume: false, force: false);
            using (var trainer = new Trainer(options, Dataset.Open(options.Dataset, options.Trainer.Seed), run, TimeProvider.System))
            {
                trainer.Run(CancellationToken.None);
            }
            using var model = TrainedModel.Load(folder);
            Measure.Run(model, new EvaluationRequest { ImportanceSamples = 2 }, null, CancellationToken.None).Write(model.Run.Evaluation);
        }

        public string Folder { get; }
    }

    [Theory]
    [InlineData("Toy")]
    [InlineData("-toy")]
    [InlineData("a/b")]
    [InlineData("")]
    public void A_name_that_no_model_may_have_is_refused(string name)
    {
        using var model = TrainedModel.Load(exported.Run);
        var e = Assert.Throws<UsageException>(() => PackageExport.Write(model, name, exported.Folder, null, null));
        Assert.StartsWith("--name", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_with_other_files_is_not_replaced()
    {
        using var model = TrainedModel.Load(exported.Run);
        var e = Assert.Throws<UsageException>(() => PackageExport.Write(model, "toy", exported.Run, null, null));
        Assert.StartsWith("--out", e.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(exported.Run, "config.json")));
    }

    // Each kind's ln |dx/dy| by hand, over 4 dimensions.
    [Fact]
    public void Raw_density_offset_is_the_volume_that_preprocessing_takes_away()
    {
        PreprocessingStep standardise = new() { Kind = PreprocessingStep.Standardise, A = [0, 0, 0, 0], B = [1, 2, 4, 8] };
        PreprocessingStep scale = new() { Kind = PreprocessingStep.Scale, A = [0], B = [255] };
        PreprocessingStep dequantise = new() { Kind = PreprocessingStep.Dequantise, A = [256] };
        PreprocessingStep binarise = new() { Kind = PreprocessingStep.Binarise, A = [0.5f] };
        Assert.Equal(6 * Math.Log(2), Measure.RawDensityOffset([standardise], 4) ?? double.NaN, 1e-12);
        Assert.Equal(4 * Math.Log(255), Measure.RawDensityOffset([scale], 4) ?? double.NaN, 1e-12);
        Assert.Equal(4 * Math.Log(256), Measure.RawDensityOffset([dequantise], 4) ?? double.NaN, 1e-12);
        Assert.Null(Measure.RawDensityOffset([scale, binarise], 4));
        Assert.Equal(0, Measure.RawDensityOffset([], 4));
    }
}
