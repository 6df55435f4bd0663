using System.Text.Json;
using Mim.Pipeline;
using Mim.Tests.Data;
using Mim.Training;
using SweepPage = Mim.Training.SweepPage;

namespace Mim.Tests.Reporting;

public sealed class SweepPageTests : IDisposable
{
    static readonly SweepReport.Statistic s_none = new(null, null, 0);

    static readonly JsonSerializerOptions s_json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Widths 5 and 500 of two models, one value of which was not measured.</summary>
    internal static SweepReport Sample(string text = "mim") => new(
        "toy4-hidden", $"{text} over the width", "hidden", [$"{text} carries more.", "It is the worse density."], [new("I(x;z) [nats]", "mi"), new("5-NN accuracy", "knn")],
        [
            Row("5 mim", "5", text, [new(4.168, 2.2, 5), new(0.7392, 0.19, 5)], ["4.88 ± 1.88", "0.81"]),
            Row("5 vae", "5", "vae", [new(0.012, 0.007, 5), s_none], ["about 0", "0.21"]),
            Row("500 mim", "500", text, [new(6.852, 0.097, 5), new(0.95, null, 5)], null),
            Row("500 vae", "500", "vae", [new(1.457, 0.037, 5), new(0.74, 0.006, 5)], ["1.43", "0.73 ± 0.01"]),
        ],
        "figures", [new("MIM carries more", "a - b", ">= 4", 5.395, true), new("the VAE carries nothing", "b", "<= 0.1", 1.457, false)], "engines: system");

    static SweepReport.Row Row(string label, string hidden, string model, IReadOnlyList<SweepReport.Statistic> values, IReadOnlyList<string>? published) =>
        new(label, new Dictionary<string, string> { ["hidden"] = hidden, ["objective"] = model }, values, published);

    [Theory]
    [InlineData("4.88 ± 1.88", 4.88, 1.88)]
    [InlineData("0.95", 0.95, null)]
    [InlineData(".45 ± .29", 0.45, 0.29)]
    [InlineData("-0.5", -0.5, null)]
    [InlineData("77", 77.0, null)]
    public void A_published_number_is_read_with_its_deviation(string text, double mean, double? sd) =>
        Assert.Equal(new SweepReport.Statistic(mean, sd, 0), SweepReport.Parse(text));

    [Theory]
    [InlineData("about 3")]
    [InlineData("~2–3")]
    [InlineData("1 ± ")]
    [InlineData("")]
    [InlineData("1e3")]
    public void What_is_no_number_is_not_drawn(string text) => Assert.Null(SweepReport.Parse(text));

    [Fact]
    public void Each_column_is_a_figure_of_each_model_over_the_setting_with_the_published_values_dashed()
    {
        var page = HtmlTree.Parse(SweepPage.Write(Sample()));
        var charts = JsonDocument.Parse(page.Of("script").Single(script => script["id"] == "charts").Text).RootElement;
        var first = charts.GetProperty("sweep-0");
        Assert.True(first.GetProperty("logarithmic").GetBoolean());
        var series = first.GetProperty("series").EnumerateArray().ToDictionary(s => s.GetProperty("name").GetString() ?? "");
        Assert.Equal(["mim", "mim, published", "vae", "vae, published"], series.Keys);
        Assert.Equal([5, 500], Numbers(series["mim"], "x"));
        Assert.Equal([4.168, 6.852], Numbers(series["mim"], "y"));
        Assert.Equal([1.968, 6.755], Numbers(series["mim"], "low"));
        Assert.Equal([6.368, 6.949], Numbers(series["mim"], "high"));
        Assert.Equal([500], Numbers(series["vae, published"], "x")); // "about 0" is none
        Assert.Equal("[2.2,0.097]", series["mim"].GetProperty("sd").GetRawText());
        Assert.Equal("[null]", series["vae, published"].GetProperty("sd").GetRawText());
        Assert.True(series["vae, published"].GetProperty("dashed").GetBoolean());
        Assert.Equal(series["vae"].GetProperty("colour").GetInt32(), series["vae, published"].GetProperty("colour").GetInt32());
        // The accuracy at 5 units was not measured.
        Assert.Equal([500], Numbers(charts.GetProperty("sweep-1").GetProperty("series")[2], "x"));

        static double[] Numbers(JsonElement s, string key) => [.. s.GetProperty(key).EnumerateArray().Select(value => value.GetDouble())];
    }

    [Fact]
    public void Every_value_stands_beside_the_published_one_and_failed_claims_come_first()
    {
        var page = HtmlTree.Parse(SweepPage.Write(Sample()));
        string[][] Cells(string caption) => [.. page.Of("table").Single(table => table.Of("caption").Single().Text == caption).Of("tr")
            .Select(row => row.Children.Select(cell => cell.Text).ToArray())];
        var values = Cells("Every value of the sweep");
        Assert.Equal(["setting", "I(x;z) [nats]", "I(x;z) [nats], published", "5-NN accuracy", "5-NN accuracy, published", "seeds"], values[0]);
        Assert.Equal(["5 mim", "4.168 ± 2.2", "4.88 ± 1.88", "0.7392 ± 0.19", "0.81", "5"], values[1]);
        Assert.Equal(["5 vae", "0.012 ± 0.007", "about 0", "–", "0.21", "5"], values[2]);
        Assert.Equal(["500 mim", "6.852 ± 0.097", "–", "0.95", "–", "5"], values[3]);
        var claims = Cells("The claims, as inequalities");
        Assert.Equal(["the VAE carries nothing", "no", "1.457", "<= 0.1", "b"], claims[1]);
        Assert.Equal("yes", claims[2][1]);
        Assert.Contains(page.Of("p"), p => p.Text == "1 of 2 do not hold.");
    }

    [Fact]
    public void Without_a_setting_to_draw_over_there_are_no_figures()
    {
        var page = HtmlTree.Parse(SweepPage.Write(Sample() with { Over = null }));
        Assert.Empty(page.Of("figure"));
        Assert.Equal(["Reading", "Values", "Claims", "Environment"], page.Of("h2").Select(heading => heading.Text));
        Assert.Equal(["mim carries more.", "It is the worse density."], page.Of("p").Where(p => p["class"] == "reading").Select(p => p.Text));
        Assert.DoesNotContain(HtmlTree.Parse(SweepPage.Write(Sample() with { Reading = [] })).Of("h2"), heading => heading.Text == "Reading");
    }

    [Fact]
    public void A_sweep_over_one_list_names_its_lines()
    {
        var sample = Sample();
        var page = HtmlTree.Parse(SweepPage.Write(sample with
        {
            Rows = [.. sample.Rows.Where(row => row.Label.EndsWith("mim", StringComparison.Ordinal))
                .Select(row => row with { Setting = new Dictionary<string, string> { ["hidden"] = row.Setting["hidden"] } })],
        }));
        Assert.Equal(["measured", "published", "measured", "published"], page.Of("li").Where(li => li.Parent?["class"] == "legend").Select(li => li.Text));
    }

    [Fact]
    public void Hostile_names_stay_text()
    {
        var page = HtmlTree.Parse(SweepPage.Write(Sample(SampleRuns.Hostile)));
        Assert.Equal(4, page.Of("script").Count());
        Assert.Empty(page.Of("img"));
        Assert.Equal($"{SampleRuns.Hostile} over the width", Assert.Single(page.Of("h1")).Text);
    }

    /// <summary>The two ends of comparison.json: one executable writes it, another reads it.</summary>
    [Fact]
    public void What_a_pipeline_writes_is_what_a_report_reads()
    {
        var yaml = _folder.Write("p.yml", """
            stages: { run: { matrix: { hidden: [5, 500], objective: [mim] }, cmd: x, metrics: ["m-${item.hidden}.json"] } }
            gates: [{ name: more, metric: run@500-mim.metrics.mi.mean, expect: ">= 6" }, { name: nothing, metric: run@5-mim.metrics.knn.mean, expect: "<= 0" }]
            comparison:
              page: runs/p/report.html
              title: MIM over the width
              over: hidden
              reading: [MIM carries more., "And: more."]
              matrix: { hidden: [5, 500], objective: [mim] }
              label: ${item.hidden} units
              metrics: run@${item.hidden}-${item.objective}
              columns: { I: mi, 5-NN: knn }
              published: { 5 units: [4.88 ± 1.88, "0.81"] }
              source: figure 3
            """);
        var file = PipelineFile.Read(yaml, []);
        var sweep = Assert.IsType<SweepTable>(file.Sweep);
        Assert.Equal(("runs/p/report.html", "MIM over the width", "hidden"), (sweep.Page?.Path, sweep.Page?.Title, sweep.Page?.Over));
        var path = _folder["comparison.json"];
        ComparisonFile.Write(path, "p", sweep, alias => alias == "run@5-mim"
            ? new Dictionary<string, double> { ["metrics.mi.mean"] = 4.5, ["metrics.mi.sd"] = 2.25, ["metrics.mi.n"] = 5, ["metrics.knn.mean"] = double.NaN }
            : new Dictionary<string, double> { ["mi"] = 6.75 }, [file.Gates[0].Judge(6.75, null), file.Gates[1].Judge(double.NaN, null)], "engines: system");

        var report = SweepReport.Read(path);
        Assert.Equal(("p", "MIM over the width", "hidden", "figure 3", "engines: system"), (report.Pipeline, report.Title, report.Over, report.Source, report.Environment));
        Assert.Equal(["MIM carries more.", "And: more."], report.Reading);
        Assert.Equal([new SweepReport.Column("I", "mi"), new SweepReport.Column("5-NN", "knn")], report.Columns);
        Assert.Equal(["5 units", "500 units"], report.Rows.Select(row => row.Label));
        Assert.Equal([new SweepReport.Statistic(4.5, 2.25, 5), s_none], report.Rows[0].Values);
        Assert.Equal([new SweepReport.Statistic(6.75, null, 1), s_none], report.Rows[1].Values);
        Assert.Equal(["4.88 ± 1.88", "0.81"], report.Rows[0].Published);
        Assert.Equal("500", report.Rows[1].Setting["hidden"]);
        Assert.Equal([new("more", "run@500-mim.metrics.mi.mean", ">= 6", 6.75, true), new("nothing", "run@5-mim.metrics.knn.mean", "<= 0", null, false)], report.Gates);
    }

    [Theory]
    [InlineData("{}", "comparison.json: key 'pipeline'")]
    [InlineData("no", "comparison.json:1")]
    public void A_file_that_is_no_comparison_is_named(string text, string expected)
    {
        var path = _folder.Write("comparison.json", text);
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => SweepReport.Read(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_do_not_fit_the_columns_or_the_axis_are_named()
    {
        var sample = Sample();
        var path = _folder["comparison.json"];
        Assert.Equal(
            $"{path}: row '5 mim': expected a value for each of the 2 columns. Run the pipeline again.",
            Fault(sample with { Rows = [sample.Rows[0] with { Values = [s_none] }] }));
        Assert.Equal(
            $"{path}: row '5 mim': expected a number for 'width' in its setting. Run the pipeline again.", Fault(sample with { Over = "width" }));

        string Fault(SweepReport report)
        {
            File.WriteAllText(path, JsonSerializer.Serialize(report, s_json));
            return Assert.Throws<InvalidDataException>(() => SweepReport.Read(path)).Message;
        }
    }
}
