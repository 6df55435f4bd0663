using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class EvaluationReportTests : IDisposable
{
    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mim-evaluation-");

    static EvaluationReport Report => SampleEvaluation.Report;

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
        Assert.Equal(2.5, metrics["joints.kl_decoding_encoding_lower"]);
        Assert.Equal(3.125, metrics["aggregate_posterior.kl_prior"]);
        Assert.DoesNotContain("seed", metrics);
        Assert.DoesNotContain(metrics.Keys, key => key.StartsWith("per_dimension", StringComparison.Ordinal));
        Assert.DoesNotContain("knn5_accuracy", (Report with { Knn5Accuracy = null }).Metrics());
    }

    [Fact]
    public void The_table_tells_the_reference_s_labels_from_the_statistics_they_name()
    {
        using var text = new StringWriter();
        EvaluationTable.Print(text, Report);
        Assert.Matches(" −ELBO, single sample +3\\.2500 nats  the MIM reference's \"NLL\"", text.ToString());
        Assert.Matches(" rate +5\\.0000 nats", text.ToString());
        Assert.Matches("\"MI\" +5\\.0625 nats  log q", text.ToString());
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
    public void No_two_rows_of_the_table_have_one_label()
    {
        var labels = EvaluationTable.Rows(Report).Select(row => row.Label).ToArray();
        Assert.Equal(labels.Distinct(), labels);
        Assert.Equal(["likelihood", "information", "joints", "reference, single sample", "labels", "reconstruction", "collapse", "training"],
            EvaluationTable.Groups(Report).Select(group => group.Title));
    }

    [Fact]
    public void A_decoder_that_draws_element_by_element_says_what_it_leaves_out()
    {
        var autoregressive = Report with { Joints = null, ReconstructionRows = 16 };
        autoregressive.Write(Path.Combine(_folder.FullName, EvaluationReport.FileName));
        Assert.DoesNotContain(autoregressive.Metrics().Keys, key => key.StartsWith("joints", StringComparison.Ordinal));
        using var text = new StringWriter();
        EvaluationTable.Print(text, autoregressive);
        Assert.Contains("the decoder draws x element by element: too slow", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("\"RMSE\", 16 rows", text.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_evaluation_is_named()
    {
        var path = Path.Combine(_folder.FullName, EvaluationReport.FileName);
        File.WriteAllText(path, "{\"rows\": 3}");
        Assert.StartsWith(path, Assert.Throws<InvalidDataException>(() => EvaluationReport.Read(path)).Message, StringComparison.Ordinal);
    }
}
