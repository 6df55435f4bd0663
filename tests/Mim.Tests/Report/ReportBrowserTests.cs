using System.Text.Json.Nodes;
using Mim.Tests.Data;
using Mim.Training;

namespace Mim.Tests.Reporting;

/// <summary>One browser and three pages for all tests of this class.</summary>
public sealed class ReportPages : IDisposable
{
    readonly TempFolder _folder = new();
    readonly Lazy<Chromium> _browser = new();

    public Chromium Browser => _browser.Value;

    internal string this[SampleRuns.Kind kind] => File.Exists(_folder[$"{kind}.html"])
        ? _folder[$"{kind}.html"]
        : _folder.Write($"{kind}.html", ReportPage.Write(
            [SampleRuns.Create("mim", kind), SampleRuns.Create("vae", kind, shift: 20, objective: ObjectiveName.Vae)]));

    internal string Write(string name, params RunReport[] runs) => _folder.Write(name, ReportPage.Write(runs));

    internal string Write(string name, SweepReport sweep) => _folder.Write(name, SweepPage.Write(sweep));

    public void Dispose()
    {
        if (_browser.IsValueCreated)
        {
            _browser.Value.Dispose();
        }
        _folder.Dispose();
    }
}

public sealed class ReportBrowserTests(ReportPages pages) : IClassFixture<ReportPages>
{
    /// <summary>WCAG 2.2, 1.4.3 and 1.4.11.</summary>
    const double TextContrast = 4.5, GraphicContrast = 3;

    static readonly SampleRuns.Kind[] s_kinds = [SampleRuns.Kind.Plane, SampleRuns.Kind.Images, SampleRuns.Kind.Rows];

    Chromium Browser => pages.Browser;

    [BrowserFact]
    public void Pages_load_without_a_complaint_or_a_request()
    {
        foreach (var kind in s_kinds)
        {
            Browser.Open(pages[kind], 1280);
            Assert.Empty(Browser.Complaints);
            Assert.All(Browser.Requests, address => Assert.True(address == $"file://{pages[kind]}" || address.StartsWith("data:image/png", StringComparison.Ordinal), address));
        }
    }

    [BrowserFact]
    public void A_sweep_is_drawn_without_a_complaint_and_fits_a_phone()
    {
        var path = pages.Write("sweep.html", SweepPageTests.Sample());
        Browser.Open(path, 1280);
        Assert.Empty(Browser.Complaints);
        Assert.All(Browser.Requests, address => Assert.Equal($"file://{path}", address));
        // A line for each of the four series; a dot for each value that was measured here; a bar for each that has a deviation.
        int[] Marks(string chart) => [.. new[] { "[aria-label=line] path", "[aria-label=dot] circle", "[aria-label=rule] line" }
            .Select(marks => Browser.Evaluate<int>($"document.querySelectorAll('[data-chart={chart}] svg {marks}').length"))];
        Assert.Equal([4, 4, 5], Marks("sweep-0"));
        Assert.Equal([4, 3, 3], Marks("sweep-1"));
        var sample = SweepPageTests.Sample();
        var widths = new[] { 5, 20, 50, 100, 200, 300, 400, 500 }.Select(
            width => sample.Rows[0] with { Setting = new Dictionary<string, string> { ["hidden"] = $"{width}", ["objective"] = "mim" } });
        Browser.Open(pages.Write("sweep-of-eight.html", sample with { Rows = [.. widths] }), 320);
        Assert.Equal(320, Browser.Evaluate<int>("document.documentElement.scrollWidth"));
        Assert.True(Browser.Evaluate<bool>("""
            (() => {
                const boxes = [...document.querySelectorAll("[data-chart=sweep-0] [aria-label='x-axis tick label'] text")].map(t => t.getBoundingClientRect());
                return boxes.length > 2 && boxes.every((box, i) => i === 0 || box.left > boxes[i - 1].right);
            })()
            """));
    }

    [BrowserFact]
    public void Hostile_names_run_nothing_and_are_drawn()
    {
        const string hostile = SampleRuns.Hostile;
        var run = SampleRuns.Create(hostile, labels: [hostile, "b", "c"]);
        Browser.Open(pages.Write("hostile.html", run, run with { Name = "b" }), 1280);
        Assert.Empty(Browser.Complaints);
        Assert.False(Browser.Evaluate<bool>("'pwned' in window"));
        Assert.Contains(hostile, Browser.Evaluate<string>("document.querySelector('[data-chart=codes-0] svg').textContent"), StringComparison.Ordinal);
    }

    [BrowserFact]
    public void Every_chart_has_marks_and_every_picture_its_pixels()
    {
        foreach (var kind in s_kinds)
        {
            Browser.Open(pages[kind], 1280);
            var charts = Browser.Evaluate("""
                [...document.querySelectorAll("[data-chart]")].map(chart => {
                    const marks = [...chart.querySelectorAll("svg [aria-label=line] path, svg [aria-label=dot] circle, svg [aria-label=bar] rect")];
                    const box = chart.querySelector("svg").getBoundingClientRect();
                    return [chart.dataset.chart, marks.filter(mark => { const b = mark.getBoundingClientRect(); return b.width + b.height > 0; }).length, box.width, box.height];
                })
                """).AsArray();
            Assert.NotEmpty(charts);
            Assert.All(charts, chart =>
            {
                Assert.True(chart?[1]?.GetValue<int>() > 0, $"{chart?[0]} has no mark");
                Assert.True(chart?[2]?.GetValue<double>() > 100 && chart[3]?.GetValue<double>() > 80, $"{chart?[0]} has no size");
            });
        }
        Browser.Open(pages[SampleRuns.Kind.Images], 1280);
        // The first picture's alpha and grey, as the browser decodes them, beside what was drawn.
        var pixels = Browser.Evaluate("""
            [...document.images].map(image => {
                const canvas = document.createElement("canvas");
                [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
                const context = canvas.getContext("2d");
                context.drawImage(image, 0, 0);
                return image.complete ? [canvas.width, canvas.height, ...context.getImageData(0, 0, canvas.width, canvas.height).data] : [];
            })
            """).AsArray();
        Assert.Equal(6, pixels.Count);
        var pictures = SampleRuns.Create("mim", SampleRuns.Kind.Images).Pictures;
        var (low, high) = (pictures.X.Min(row => row.Min()), pictures.X.Max(row => row.Max()));
        int[] first = [.. pixels[0]?.AsArray().Select(value => value?.GetValue<int>() ?? -1) ?? []];
        Assert.Equal((8 * (5 + 1)) - 1, first[0]);
        for (var y = 0; y < 6; y++)
        {
            for (var x = 0; x < 5; x++)
            {
                var at = 2 + (((y * first[0]) + x) * 4);
                var grey = (int)Math.Round((pictures.X[0][(y * 5) + x] - low) / (high - low) * 255);
                Assert.Equal([grey, grey, grey, 255], first[at..(at + 4)]);
            }
        }
        Assert.Equal(0, first[2 + (5 * 4) + 3]); // the gap
    }

    [BrowserFact]
    public void Nothing_is_wider_than_a_phone()
    {
        foreach (var kind in s_kinds)
        {
            Browser.Open(pages[kind], 320);
            Assert.Equal(320, Browser.Evaluate<int>("document.documentElement.scrollWidth"));
            // What is wider scrolls in a region of its own; the rest ends where the screen does.
            var wide = Browser.Evaluate("""
                [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, nav ul, .unseen, .skip") && e.getBoundingClientRect().right > 320.5)
                    .map(e => e.outerHTML.slice(0, 80))
                """).AsArray();
            Assert.Empty(wide);
            Assert.True(Browser.Evaluate<double>("Math.min(...[...document.querySelectorAll('svg text')].map(t => parseFloat(getComputedStyle(t).fontSize)))") >= 10);
        }
    }

    [BrowserFact]
    public void A_chart_is_drawn_anew_when_its_width_changes()
    {
        Browser.Open(pages[SampleRuns.Kind.Rows], 1280);
        Browser.Call("Emulation.setDeviceMetricsOverride", ("width", 390), ("height", 800), ("deviceScaleFactor", 1), ("mobile", false));
        Browser.Evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(() => done(1)))))");
        Assert.True(Browser.Evaluate<bool>("""
            [...document.querySelectorAll("[data-chart]")].every(chart => +chart.querySelector("svg").getAttribute("width") <= chart.clientWidth)
            """));
        Assert.Empty(Browser.Complaints);
    }

    [BrowserFact]
    public void Print_is_light_complete_and_on_pages()
    {
        // A4 less its margins, at 96 pixels an inch.
        Browser.Open(pages[SampleRuns.Kind.Rows], 688, media: "print", dark: true);
        Assert.True(Browser.Evaluate<bool>("getComputedStyle(document.querySelector('nav')).display === 'none'"));
        Assert.Equal("rgb(255, 255, 255)", Browser.Evaluate<string>("getComputedStyle(document.body).backgroundColor"));
        Assert.Equal("rgb(0, 0, 0)", Browser.Evaluate<string>("getComputedStyle(document.body).color"));
        Assert.True(Browser.Evaluate<int>("document.documentElement.scrollWidth") <= 688);
        Assert.Empty(Browser.Evaluate("""
            [...document.querySelectorAll("svg, img")].filter(e => e.getBoundingClientRect().right > 688.5).map(e => e.outerHTML.slice(0, 80))
            """).AsArray());
        var pdf = Convert.FromBase64String(Browser.Call("Page.printToPDF", ("printBackground", false))["data"]?.GetValue<string>() ?? "");
        Assert.Equal("%PDF-"u8.ToArray(), pdf[..5]);
        var count = System.Text.RegularExpressions.Regex.Count(System.Text.Encoding.Latin1.GetString(pdf), @"/Type\s*/Page\b");
        Assert.InRange(count, 2, 12);
    }

    [BrowserFact]
    public void The_keyboard_reaches_everything_in_order_and_focus_is_seen()
    {
        Browser.Open(pages[SampleRuns.Kind.Rows], 1280);
        var expected = Browser.Evaluate<int>("""
            window.stops = [...document.querySelectorAll("a, summary, [tabindex='0']")].filter(e => !e.closest("details:not([open]) > .scroll")); stops.length
            """);
        Assert.True(expected > 25);
        for (var i = 0; i < expected; i++)
        {
            Browser.Press("Tab");
            var reached = Browser.Evaluate<int>("stops.indexOf(document.activeElement)");
            Assert.True(reached == i, $"stop {i}: found {Browser.Evaluate<string>("document.activeElement.outerHTML.slice(0, 120)")}");
            Assert.Equal("solid", Browser.Evaluate<string>("getComputedStyle(document.activeElement).outlineStyle"));
        }
        Browser.Evaluate("document.querySelector('summary').focus(), 1");
        Browser.Press("Enter");
        Assert.True(Browser.Evaluate<bool>("document.querySelector('details').open"));
    }

    /// <summary>Oracle: the browser's own accessibility tree, which is what a screen reader gets.</summary>
    [BrowserFact]
    public void A_screen_reader_finds_names_landmarks_and_headings()
    {
        Browser.Open(pages[SampleRuns.Kind.Images], 1280);
        var tree = Browser.Call("Accessibility.getFullAXTree")["nodes"]?.AsArray() ?? [];
        var nodes = tree.OfType<JsonNode>().Where(node => node["ignored"]?.GetValue<bool>() == false)
            .Select(node => (Role: Value(node, "role"), Name: Value(node, "name"))).ToArray();
        string[] named = ["image", "figure", "table", "region", "navigation", "link", "heading", "columnheader", "rowheader", "DisclosureTriangle"];
        Assert.All(nodes.Where(node => named.Contains(node.Role)), node => Assert.True(node.Name.Length > 0, $"a {node.Role} without a name"));
        Assert.All(["main", "banner", "navigation", "contentinfo"], role => Assert.Single(nodes, node => node.Role == role));
        Assert.Equal(
            ["Overview", "Evaluation", "Training", "Latent space", "Reconstructions", "Samples", "Interpolations", "Configuration", "Environment"],
            nodes.Where(node => node.Role == "heading").Select(node => node.Name)
                .Intersect(Browser.Evaluate("[...document.querySelectorAll('h2')].map(h => h.textContent)").AsArray().Select(h => (string?)h ?? "")));
        // Inside a chart there is nothing to stumble over: it is one image with a description.
        Assert.DoesNotContain(nodes, node => node.Role is "SvgRoot" or "graphics-document");

        static string Value(JsonNode node, string key) => (string?)node[key]?["value"] ?? "";
    }

    [BrowserFact]
    public void Contrast_suffices_in_light_and_in_dark()
    {
        foreach (var dark in new[] { false, true })
        {
            Browser.Open(pages[SampleRuns.Kind.Rows], 1280, dark: dark);
            var paper = Colour("body", "backgroundColor");
            Assert.Equal(dark, Luminance(paper) < 0.5);
            foreach (var text in new[] { "h1", "h2", ".note", "td", "thead th", ".how", "summary", ".legend li", "nav a", "svg text" })
            {
                Assert.True(Contrast(Colour(text, "color"), paper) >= TextContrast, $"{text}, dark {dark}: {Contrast(Colour(text, "color"), paper)}");
            }
            for (var i = 0; i < Chart.Colours; i++)
            {
                Browser.Evaluate($"document.querySelector('footer').style.color = 'var(--c{i})'");
                var colour = Colour("footer", "color");
                Assert.True(Contrast(colour, paper) >= GraphicContrast, $"c{i}, dark {dark}: {Contrast(colour, paper)}");
            }
        }

        double[] Colour(string selector, string property)
        {
            var text = Browser.Evaluate<string>($"getComputedStyle(document.querySelector({System.Text.Json.JsonSerializer.Serialize(selector)})).{property}");
            return [.. text[(text.IndexOf('(') + 1)..text.IndexOf(')')].Split(',').Take(3).Select(c => double.Parse(c, System.Globalization.CultureInfo.InvariantCulture) / 255)];
        }
    }

    [BrowserFact]
    public void Who_wants_less_motion_gets_none()
    {
        Browser.Open(pages[SampleRuns.Kind.Rows], 1280, reducedMotion: true);
        Assert.Equal("auto", Browser.Evaluate<string>("getComputedStyle(document.documentElement).scrollBehavior"));
        Browser.Open(pages[SampleRuns.Kind.Rows], 1280);
        Assert.Equal("smooth", Browser.Evaluate<string>("getComputedStyle(document.documentElement).scrollBehavior"));
    }

    /// <summary>WCAG 2.2, relative luminance and contrast ratio.</summary>
    static double Luminance(double[] colour)
    {
        double[] linear = [.. colour.Select(c => c <= 0.04045 ? c / 12.92 : Math.Pow((c + 0.055) / 1.055, 2.4))];
        return (0.2126 * linear[0]) + (0.7152 * linear[1]) + (0.0722 * linear[2]);
    }

    static double Contrast(double[] a, double[] b)
    {
        var (light, dark) = (Math.Max(Luminance(a), Luminance(b)), Math.Min(Luminance(a), Luminance(b)));
        return (light + 0.05) / (dark + 0.05);
    }
}
