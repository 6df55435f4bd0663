using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Mim.Training;

namespace Mim.Tests.Reporting;

public sealed class ReportPageTests
{
    static HtmlTree Page(params RunReport[] runs) => HtmlTree.Parse(ReportPage.Write(runs));

    static HtmlTree Comparison() => Page(SampleRuns.Create("mim"), SampleRuns.Create("vae", shift: 20, objective: ObjectiveName.Vae));

    [Fact]
    public void The_same_runs_give_the_same_bytes() => Assert.Equal(
        ReportPage.Write([SampleRuns.Create("mim", SampleRuns.Kind.Images)]), ReportPage.Write([SampleRuns.Create("mim", SampleRuns.Kind.Images)]));

    [Fact]
    public void Hostile_names_labels_keys_and_values_stay_text()
    {
        const string hostile = SampleRuns.Hostile;
        // A dot in a key of metrics.jsonl separates.
        var key = hostile.Replace(".", "", StringComparison.Ordinal);
        var run = SampleRuns.Create(hostile, labels: [hostile, "b", "c"]);
        run = run with
        {
            Dataset = hostile,
            Options = run.Options with { Dataset = run.Options.Dataset with { Path = hostile } },
            TrainedWith = new Dictionary<string, string> { [hostile] = hostile },
            Log = run.Log is { } log
                ? log with { Columns = new Dictionary<string, double[]>(log.Columns) { [key] = [.. log.Epochs.Select(e => (double)e)], [$"validation.encoding.{key}"] = new double[20] } }
                : null,
        };
        var page = Page(run, run with { Name = "b" });
        Assert.Empty(page.Of("img"));
        Assert.DoesNotContain(page.All, element => element.Attributes.Keys.Any(name => name.StartsWith("on", StringComparison.OrdinalIgnoreCase)));
        Assert.Equal(4, page.Of("script").Count());
        // Each of these is shown, and as it was given.
        Assert.Equal($"{hostile} · b on {hostile}", Assert.Single(page.Of("h1")).Text);
        Assert.Contains(hostile, page.Of("td").Select(cell => cell.Text));
        Assert.Equal(2, page.Of("h3").Count(title => title.Text == key));
        var groups = Charts(page)["codes-0"].GetProperty("groups").EnumerateArray().Select(group => group.GetProperty("name").GetString());
        Assert.Contains(hostile, groups);
    }

    /// <summary>Oracle: SHA-256 over the element's text, as Content Security Policy Level 3 section 8.4 has it.</summary>
    [Fact]
    public void The_policy_admits_the_page_s_own_scripts_and_style_and_nothing_else()
    {
        var page = Comparison();
        var policy = Assert.Single(page.Of("meta"), meta => meta["http-equiv"] == "Content-Security-Policy")["content"] ?? "";
        var directives = policy.Split("; ").ToDictionary(directive => directive.Split(' ')[0], directive => directive.Split(' ')[1..]);
        Assert.Equal(["base-uri", "default-src", "form-action", "img-src", "script-src", "style-src"], directives.Keys.Order(StringComparer.Ordinal));
        Assert.All(["default-src", "base-uri", "form-action"], name => Assert.Equal(["'none'"], directives[name]));
        Assert.Equal(["data:"], directives["img-src"]);
        Assert.Equal(page.Of("script").Where(script => script["type"] is null).Select(Hash), directives["script-src"]);
        // The second is what Observable Plot puts into its charts; ReportBrowserTests knows whether it is right.
        Assert.Equal(page.Of("style").Select(Hash), directives["style-src"][..1]);
        Assert.Equal(2, directives["style-src"].Length);

        static string Hash(HtmlTree element) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(element.Text)))}'";
    }

    [Theory]
    [InlineData(SampleRuns.Kind.Plane)]
    [InlineData(SampleRuns.Kind.Images)]
    [InlineData(SampleRuns.Kind.Rows)]
    internal void Nothing_is_loaded_from_anywhere(SampleRuns.Kind kind)
    {
        var page = Page(SampleRuns.Create("mim", kind));
        string[] loading = ["src", "href", "srcset", "action", "data", "poster", "style"];
        var addresses = page.All.SelectMany(element => element.Attributes).Where(attribute => loading.Contains(attribute.Key)).Select(attribute => attribute.Value);
        Assert.All(addresses, address => Assert.Matches("^(#[a-z]+$|data:image/png;base64,)", address));
        Assert.DoesNotMatch("(?i)@import|url\\(", Assert.Single(page.Of("style")).Text);
    }

    [Fact]
    public void Beside_a_vae_a_page_says_when_to_take_which()
    {
        bool Says(HtmlTree page) => page.Of("p").Any(p => p.Text.StartsWith("When to take which: MIM where", StringComparison.Ordinal));
        Assert.True(Says(Comparison()));
        Assert.False(Says(Page(SampleRuns.Create("a"), SampleRuns.Create("b", shift: 20))));
        Assert.False(Says(Page(SampleRuns.Create("a"))));
    }

    [Fact]
    public void Landmarks_headings_and_references_are_in_order()
    {
        var page = Comparison();
        Assert.All(["main", "header", "nav", "footer", "h1", "title"], tag => Assert.Single(page.Of(tag)));
        Assert.Equal("en", Assert.Single(page.Of("html"))["lang"]);
        var level = 0;
        foreach (var heading in page.Of("h1", "h2", "h3", "h4", "h5", "h6"))
        {
            var next = heading.Tag[1] - '0';
            Assert.True(next <= level + 1, $"'{heading.Text}' is of level {next} below one of level {level}");
            level = next;
        }
        var ids = page.All.Where(element => element["id"] is not null).GroupBy(element => element["id"] ?? "").ToDictionary(group => group.Key, group => group.Count());
        Assert.All(ids, id => Assert.Equal(1, id.Value));
        Assert.All(page.Of("a"), link => Assert.Contains((link["href"] ?? "")[1..], ids));
        Assert.All(page.All.Select(element => element["aria-labelledby"]).OfType<string>(), id => Assert.Contains(id, ids));
        // All sections, in the order in which they stand.
        Assert.Equal(page.Of("section").Select(section => $"#{section["id"]}"), Assert.Single(page.Of("nav")).Of("a").Select(link => link["href"]));
    }

    [Fact]
    public void Every_table_has_a_caption_and_headers_and_can_be_scrolled_by_keyboard()
    {
        var page = Comparison();
        Assert.NotEmpty(page.Of("table"));
        foreach (var table in page.Of("table"))
        {
            var caption = Assert.Single(table.Of("caption")).Text;
            Assert.NotEqual("", caption);
            var columns = Assert.Single(table.Of("thead")).Of("th");
            Assert.All(columns, header => Assert.Equal("col", header["scope"]));
            Assert.All(table.Of("tbody").SelectMany(body => body.Children), row =>
            {
                if (row.Children is [{ Tag: "th" } title])
                {
                    Assert.Equal(("rowgroup", $"{columns.Count()}"), (title["scope"], title["colspan"]));
                    return;
                }
                Assert.Equal("row", row.Children[0]["scope"]);
                Assert.Equal(columns.Count(), row.Children.Count);
            });
            var region = table.Parent;
            Assert.Equal(("region", "0", caption), (region?["role"], region?["tabindex"], region?["aria-label"]));
        }
    }

    [Theory]
    [InlineData(SampleRuns.Kind.Plane)]
    [InlineData(SampleRuns.Kind.Images)]
    [InlineData(SampleRuns.Kind.Rows)]
    internal void Every_chart_is_also_words_and_a_table(SampleRuns.Kind kind)
    {
        var page = Page(SampleRuns.Create("mim", kind), SampleRuns.Create("vae", kind, shift: 20));
        var charts = Charts(page);
        var plots = page.All.Where(element => element["data-chart"] is not null).ToArray();
        Assert.Equal(charts.Keys.Order(StringComparer.Ordinal), plots.Select(plot => plot["data-chart"] ?? "").Order(StringComparer.Ordinal));
        Assert.All(plots, plot =>
        {
            Assert.Equal("img", plot["role"]);
            Assert.True(plot["aria-label"]?.Length > 30);
            var figure = plot.Parent;
            Assert.Equal("figure", figure?.Tag);
            Assert.NotEmpty(Assert.Single(figure?.Of("details") ?? []).Of("td"));
        });
        Assert.All(page.Of("img"), image => Assert.True(image["alt"]?.Length > 30));
        Assert.Equal(kind == SampleRuns.Kind.Images ? 6 : 0, page.Of("img").Count());
    }

    [Fact]
    public void Statistics_stand_side_by_side_as_the_evaluation_prints_them()
    {
        var rows = Statistics(Comparison());
        foreach (var row in EvaluationTable.Rows(SampleRuns.Evaluation(0)))
        {
            var cells = rows[row.Label];
            Assert.Equal(row.Value, cells[1].Text.Split(' ')[0]);
            Assert.Equal(row.Unit, cells[3].Text);
            Assert.Equal(row.Better == Better.Neither ? "" : row.Better.ToString().ToLowerInvariant(), cells[4].Text);
        }
        Assert.Equal(("100.0000", "80.0000"), (rows["NLL, importance-weighted"][1].Text, rows["NLL, importance-weighted"][2].Of("strong").Single().Text));
        Assert.Equal("27.5000", rows["reconstruction RMSE"][1].Of("strong").Single().Text);
        Assert.Equal("1.7500", rows["mutual information, KSG"][1].Of("strong").Single().Text);
        // Neither direction is better, or both are equal.
        Assert.Empty(rows["rate"].SelectMany(cell => cell.Of("strong")));
        Assert.Empty(rows["5-NN accuracy"].SelectMany(cell => cell.Of("strong")));
    }

    [Fact]
    public void Where_information_and_likelihood_disagree_the_page_says_so() => Assert.Contains(
        "the codes of mim tell most about x (I(x;z) by its lower bound: 1.75 nats, vae 1.55), but as a density of x it is 20.0 nats a row behind vae.",
        Comparison().Text, StringComparison.Ordinal);

    [Fact]
    public void Of_binary_images_whose_information_is_at_its_ceiling_the_page_still_says_whose_likelihood_is_behind()
    {
        Assert.Contains(
            "Information does not tell the runs apart (I(x;z) by its lower bound: 9.20 nats), but as a density of x mim is 20.0 nats a row behind vae.",
            Page(Binary("mim", 0), Binary("vae", 20)).Text, StringComparison.Ordinal);

        static RunReport Binary(string name, double shift) => SampleRuns.Create(name, SampleRuns.Kind.Images) with
        {
            Evaluation = SampleRuns.Evaluation(shift) with
            {
                MutualInformationKsg = null,
                AggregatePosterior = SampleRuns.Evaluation(0).AggregatePosterior with { MutualInformationLower = 9.2 + (shift / 10_000) },
            },
        };
    }

    [Theory]
    [InlineData("pca: 10", "pca: 20")]
    [InlineData("pca: 10", "pca_per_split: 10")]
    [InlineData("scale: 1", "scale: 255")]
    public void Runs_of_other_preprocessing_have_no_best(string one, string other)
    {
        Assert.Contains($"not measured alike (preprocessing: [{one}] / [{other}])", Page(With("a", one), With("b", other)).Text, StringComparison.Ordinal);

        static RunReport With(string name, string step)
        {
            var run = SampleRuns.Create(name);
            return run with { Options = run.Options with { Dataset = run.Options.Dataset with { Preprocessing = [step] } } };
        }
    }

    [Fact]
    public void A_likelihood_within_its_error_is_no_disagreement()
    {
        var (mim, vae) = (SampleRuns.Create("mim"), SampleRuns.Create("vae", shift: 20));
        Assert.DoesNotContain("disagree", Page(Noisy(mim), Noisy(vae)).Text, StringComparison.Ordinal);

        // 20 nats apart, each ± 10.
        static RunReport Noisy(RunReport run) => run with { Evaluation = run.Evaluation is { } e ? e with { NllStandardError = 10 } : null };
    }

    [Fact]
    public void Runs_that_were_not_measured_alike_have_no_best()
    {
        var other = SampleRuns.Create("vae", shift: 20);
        var page = Page(SampleRuns.Create("mim"), other with { Evaluation = SampleRuns.Evaluation(20) with { ImportanceSamples = 50 } });
        Assert.Empty(page.Of("strong"));
        Assert.Contains("not measured alike (importance samples: 500 / 50)", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_without_evaluation_or_curves_still_has_a_page()
    {
        var page = Page(SampleRuns.Create("mim") with { Evaluation = null, Log = null });
        Assert.Contains("Not evaluated: mim.", page.Text, StringComparison.Ordinal);
        Assert.Contains("mim has no metrics.jsonl", page.Text, StringComparison.Ordinal);
        Assert.Contains("codes-0", Charts(page));
    }

    [Fact]
    public void Keys_that_differ_stand_apart()
    {
        var page = Comparison();
        var table = Assert.Single(page.Of("table"), table => table.Of("caption").Single().Text == "Keys that differ");
        Assert.Equal(["objective.name", "mim", "vae"], Assert.Single(table.Of("tbody").Single().Children).Children.Select(cell => cell.Text));
    }

    static Dictionary<string, JsonElement> Charts(HtmlTree page) => JsonDocument
        .Parse(Assert.Single(page.Of("script"), script => script["type"] == "application/json").Text).RootElement
        .EnumerateObject().ToDictionary(chart => chart.Name, chart => chart.Value);

    static Dictionary<string, List<HtmlTree>> Statistics(HtmlTree page) => page.Of("table")
        .Single(table => table.Of("caption").Single().Text == "Statistics of the evaluation").Of("tbody").SelectMany(body => body.Children)
        .Where(row => row.Children.Count > 1).ToDictionary(row => row.Children[0].Text, row => row.Children);
}
