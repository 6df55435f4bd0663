using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class EvaluationReportTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mim-evaluation-");

    static EvaluationReport Report { get; } = new()
    {
        Split = "test",
        Rows = 9984,
        ImportanceSamples = 500,
        NllImportanceWeighted = 2.1,
        NegativeElbo = 3.5,
        NegativeElboSingleSample = 3.25,
        Rate = 5,
        Distortion = -1.5,
        MutualInformationKsg = 1.85,
        KsgK = 5,
        KsgRows = 9984,
        KsgCeiling = 7.703,
        KsgCoincidentRows = 0,
        Knn5Accuracy = 0.99,
        Knn5TrainRows = 9984,
        ReconstructionRmse = 0.5,
        ReconstructionL2Sampled = 144,
        ActiveUnits = 8,
        Z = 8,
        Likelihood = "gaussian",
        Preprocessing = ["standardise"],
        RawDensityOffset = 1.25,
        Seed = 1,
        Epoch = 150,
        CheckpointSha256 = new string('b', 64),
        Engines = new Dictionary<string, string> { ["torch"] = "test" },
    };

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void What_is_written_reads_back()
    {
        var path = Path.Combine(_folder.FullName, EvaluationReport.FileName);
        Report.Write(path);
        Assert.Equal(Report.ToJson(), EvaluationReport.Read(path).ToJson());
    }

    [Fact]
    public void Metrics_are_the_numbers_under_the_keys_of_the_file()
    {
        var metrics = Report.Metrics();
        Assert.Equal(1.85, metrics["mutual_information_ksg"]);
        Assert.Equal(0.99, metrics["knn5_accuracy"]);
        Assert.Equal(144, metrics["reconstruction_l2_sampled"]);
        Assert.Equal(3.25, metrics["negative_elbo_single_sample"]);
        Assert.DoesNotContain("seed", metrics);
        Assert.DoesNotContain("knn5_accuracy", (Report with { Knn5Accuracy = null }).Metrics());
    }

    [Fact]
    public void The_table_tells_the_reference_s_labels_from_the_statistics_they_name()
    {
        using var text = new StringWriter();
        EvaluationTable.Print(text, Report);
        Assert.Contains(
            "−ELBO, single sample          3.2500 nats  the MIM reference's \"NLL\"", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("k = 5, N = 9984, ceiling 7.703", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Binary_x_has_no_mutual_information_to_show()
    {
        var binary = Report with
        {
            Likelihood = "bernoulli",
            MutualInformationKsg = null,
            KsgK = null,
            KsgRows = null,
            KsgCeiling = null,
            KsgCoincidentRows = null,
        };
        Assert.DoesNotContain(binary.Metrics().Keys, key => key.Contains("ksg", StringComparison.Ordinal));
        using var text = new StringWriter();
        EvaluationTable.Print(text, binary);
        Assert.Contains("x is binary: its distances are 0 or 1 and say nothing", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("x̂ = E[x|z]", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_evaluation_is_named()
    {
        var path = Path.Combine(_folder.FullName, EvaluationReport.FileName);
        File.WriteAllText(path, "{\"rows\": 3}");
        Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => EvaluationReport.Read(path)).Message, StringComparison.Ordinal);
    }
}
