using System.Text.Json.Nodes;
using Mim.Models;
using Mim.Tests.Data;
using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Reporting;

/// <summary>Small runs, trained for a moment.</summary>
public sealed class SmallRuns : IDisposable
{
    readonly TempFolder _folder = new();

    public SmallRuns()
    {
        Train("toy4", new TrainingOptions { Dataset = new DatasetOptions { Name = "toy4_5", RowsPerEpoch = 256 }, Network = new NetworkOptions { Hidden = [6], Z = 3 } });
        Train("sprites", new TrainingOptions
        {
            Dataset = new DatasetOptions { Name = "sprites", RowsPerEpoch = 128 },
            Network = new NetworkOptions { Hidden = [6], Z = 2 },
            Likelihood = Likelihood.Bernoulli,
        });
    }

    public string this[string name] => _folder[name];

    public void Dispose() => _folder.Dispose();

    void Train(string name, TrainingOptions options)
    {
        options = options with { Trainer = new TrainerOptions { Epochs = 2, Batch = 64, WarmupEpochs = 1 } };
        var folder = RunFolder.Prepare(_folder[name], options, new JsonObject { ["libtorch"] = "test" }, resume: false, force: false);
        using var trainer = new Trainer(options, Dataset.Open(options.Dataset, options.Trainer.Seed), folder, TimeProvider.System);
        trainer.Run(CancellationToken.None);
    }
}

public sealed class RunReportTests(SmallRuns runs) : IClassFixture<SmallRuns>
{
    [Fact]
    public void A_run_is_read_with_its_curves_and_pictures_and_read_again_alike()
    {
        var run = RunReport.Read(runs["toy4"], "toy4", CancellationToken.None);
        Assert.Equal([1, 2], run.Log?.Epochs);
        Assert.Null(run.Evaluation);
        Assert.Equal("test", run.TrainedWith["libtorch"]);
        // 5·6 + 6 + 2·(6·3 + 3) of the encoder, 3·6 + 6 + 2·(6·5 + 5) of the decoder.
        Assert.Equal(78 + 94, run.Parameters);
        Assert.Equal(ReportPage.Write([run]), ReportPage.Write([RunReport.Read(runs["toy4"], "toy4", CancellationToken.None)]));
    }

    /// <summary>Oracle: the network called on the rows, and the closed form of the whole KL divergence.</summary>
    [Fact]
    public void Pictures_are_what_the_network_makes_of_test_rows()
    {
        using var model = TrainedModel.Load(runs["toy4"]);
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var pictures = ModelPictures.Draw(model, CancellationToken.None);
        var split = model.Dataset.Load(SplitName.Test, 0);
        Assert.Equal(split.Rows, pictures.Codes.Count);
        var x = tensor(split.X, [split.Rows, split.XDim]);
        var posterior = model.Network.encoder.call(x);
        var means = posterior.Mean;

        var taken = ModelPictures.EvenlySpaced(split.Rows, ModelPictures.MaxRows);
        Assert.Equal(taken.Length, pictures.X.Count);
        var reconstructions = model.Network.decoder.call(means).Mean;
        foreach (var (row, i) in taken.Select((row, i) => (row, i)))
        {
            Assert.Equal(split.X[(row * 5)..((row + 1) * 5)], pictures.X[i]);
            AssertClose(reconstructions[row], pictures.Reconstructions[i]);
            Assert.Equal(split.Labels?[row], pictures.XLabels?[i]);
        }

        // KL(q(z|x) ‖ N(0, I)) is the sum over dimensions; float32 in, double sums.
        var rate = ((Gaussian)posterior).KlToStandard().mean().item<float>();
        Assert.Equal(rate, pictures.Gauges.Kl?.Sum() ?? double.NaN, rate * 1e-5);

        // A path starts and ends at the reconstructions of its rows, and its middle is the decoder's at the middle of their codes.
        var ends = ModelPictures.EvenlySpaced(split.Rows, 2 * ModelPictures.Interpolations);
        for (var i = 0; i < ModelPictures.Interpolations; i++)
        {
            var (from, to) = (ends[i], ends[i + ModelPictures.Interpolations]);
            AssertClose(reconstructions[from], pictures.Paths[i][0]);
            AssertClose(reconstructions[to], pictures.Paths[i][^1]);
            var middle = model.Network.decoder.call(((means[from] + means[to]) / 2).unsqueeze(0)).Mean;
            AssertClose(middle[0], pictures.Paths[i][ModelPictures.InterpolationSteps / 2]);
        }
    }

    [Fact]
    public void Images_are_shown_as_images_and_their_samples_as_means()
    {
        var pictures = RunReport.Read(runs["sprites"], "sprites", CancellationToken.None).Pictures;
        Assert.Equal((28, 28), (pictures.Image?.Height, pictures.Image?.Width));
        Assert.True(pictures.SamplesAreMeans);
        Assert.All(pictures.Samples.SelectMany(row => row), value => Assert.InRange(value, 0, 1));
        // A Bernoulli draw would be 0 or 1.
        Assert.Contains(pictures.Samples.SelectMany(row => row), value => value is > 0 and < 1);
    }

    [Fact]
    public void An_evaluation_of_other_weights_is_refused()
    {
        var evaluation = Path.Combine(runs["sprites"], EvaluationReport.FileName);
        SampleRuns.Evaluation(0).Write(evaluation);
        try
        {
            var message = Assert.Throws<UsageException>(() => RunReport.Read(runs["sprites"], "sprites", CancellationToken.None)).Message;
            Assert.StartsWith($"{evaluation}: expected a measurement of ", message, StringComparison.Ordinal);
            Assert.EndsWith($"Run 'mim evaluate --run {runs["sprites"]}' again.", message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(evaluation);
        }
    }

    [Theory]
    [InlineData("runs/a/mim runs/a/vae", "mim vae")]
    [InlineData("runs/a/mim runs/b/mim", "a/mim b/mim")]
    [InlineData("runs/a/mim/", "mim")]
    [InlineData("mim ./vae", "mim vae")]
    public void Runs_are_named_by_what_tells_them_apart(string folders, string names) =>
        Assert.Equal(names.Split(' '), RunReport.Names(folders.Split(' ')));

    [Fact]
    public void The_same_run_twice_is_refused() => Assert.Equal(
        "--run: expected different runs, found runs/../runs/mim twice. Give each once.",
        Assert.Throws<UsageException>(() => RunReport.Names(["runs/../runs/mim", "runs/mim"])).Message);

    static void AssertClose(Tensor expected, float[] actual)
    {
        var values = expected.contiguous().data<float>().ToArray();
        Assert.Equal(values.Length, actual.Length);
        // float32, a few dozen terms, batches of other sizes
        Assert.All(values.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-5 * (1 + Math.Abs(pair.First))));
    }
}
