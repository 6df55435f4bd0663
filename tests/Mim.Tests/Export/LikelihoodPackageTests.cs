using System.Text.Json.Nodes;
using Mim.Models;
using Mim.Training;
using static TorchSharp.torch;
using Measure = Mim.Training.Evaluation;

namespace Mim.Tests.Export;

/// <summary>Train, evaluate, export: what each prior and likelihood leaves behind opens, replays and says what it is.</summary>
public sealed class LikelihoodPackageTests : IDisposable
{
    readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("mim-likelihoods-");

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData("gaussian_fixed", "gaussian", "a_mim", "marginal", "x_log_var,x_mean")]
    [InlineData("gaussian_mixture", "vamp", "mim", "marginal", "x_mean,x_mixture_log_var,x_mixture_logits,x_mixture_mean")]
    [InlineData("gaussian_mixture", "mixture", "mim", "pseudo", "x_mean,x_mixture_log_var,x_mixture_logits,x_mixture_mean")]
    [InlineData("logistic", "standard", "c_mim", "marginal", "x_location,x_log_scale,x_mean")]
    [InlineData("logistic", "vamp", "mim", "prior", "x_location,x_log_scale,x_mean")]
    [InlineData("gaussian", "marginal", "mim_minus_h", "marginal", "x_log_var,x_mean")]
    [InlineData("gaussian_mixture", "standard", "vae", "marginal", "x_mean,x_mixture_log_var,x_mixture_logits,x_mixture_mean", "[pca: 2]")]
    public void A_package_replays_its_goldens_and_says_what_was_trained(
        string likelihood, string prior, string objective, string qx, string outputs, string preprocessing = "[]")
    {
        var gradient = objective == "mim" && likelihood == "logistic" ? "score_function" : "mean_image";
        var data = likelihood == "logistic" ? "{ name: sprites, rows_per_epoch: 64 }" : "{ name: toy4, rows_per_epoch: 128 }";
        var options = TrainingOptions.Parse(
            $$"""
            preset: published
            dataset: {{data}}
            preprocessing: {{preprocessing}}
            likelihood: {{likelihood}}
            prior: { name: {{prior}}, components: 7 }
            objective: { name: {{objective}}, q_x: {{qx}}, q_x_components: 3, beta_warmup_epochs: 1, bernoulli_gradient: {{gradient}} }
            network: { hidden: [8], z: 3, likelihood_components: 4 }
            trainer: { epochs: 2, warmup_epochs: 1, batch: 32 }
            """, "test");
        var run = Path.Combine(_root.FullName, "run");
        var folder = RunFolder.Prepare(run, options, new JsonObject { ["libtorch"] = "test" }, resume: false, force: false);
        using (var trainer = new Trainer(options, Dataset.Open(options.Dataset, options.Trainer.Seed), folder, TimeProvider.System))
        {
            trainer.Run(CancellationToken.None);
        }
        using var model = TrainedModel.Load(run);
        var report = Measure.Run(model, new EvaluationRequest { ImportanceSamples = 5, Rows = 30 }, null, CancellationToken.None);
        Assert.Equal(report.Rate + report.Distortion, report.NegativeElbo, 1e-12);
        report.Write(Path.Combine(run, EvaluationReport.FileName));
        var package = Path.Combine(run, "package");
        PackageExport.Write(model, "toy", package, null, null);

        var opened = ModelPackage.Open(package);
        var said = opened.Manifest.Objective;
        Assert.Equal((likelihood, objective, prior), (opened.Manifest.Likelihood, said.Name, said.Prior));
        Assert.Equal(prior is "vamp" or "mixture" ? 7 : null, said.PriorComponents);
        Assert.Equal(qx == "marginal" ? null : 3, said.QXComponents);
        Assert.Equal(objective == "c_mim" ? 0.1 : null, said.Temperature);
        Assert.Equal(objective == "mim" && likelihood == "logistic" ? "score_function" : null, said.BernoulliGradient);
        Assert.Contains($"| prior | {prior}", File.ReadAllText(Path.Combine(package, ModelPackage.CardFile)), StringComparison.Ordinal);
        foreach (var golden in opened.Goldens)
        {
            using var scope = NewDisposeScope();
            var decoded = OrtRun.All(opened.Decoder!, TensorNames.Z, tensor(golden.Tensors[TensorNames.Z], [golden.Rows, 3]));
            Assert.Equal(outputs, string.Join(',', decoded.Keys.Order(StringComparer.Ordinal)));
            foreach (var (name, actual) in decoded)
            {
                var parity = Parity.Compare(actual, golden.Tensors[name], Parity.EngineTolerance, Parity.EngineTolerance, units: opened.Manifest.Units(name));
                Assert.True(parity.Passed, $"{name}, n = {golden.Rows}: {parity}");
            }
        }
    }
}
