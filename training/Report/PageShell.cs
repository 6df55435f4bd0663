using System.Security.Cryptography;
using System.Text;

namespace Mim.Training;

/// <summary>A part of a page under a heading of its own.</summary>
/// <param name="Id">Unique on the page.</param>
public sealed record PageSection(string Id, string Title, Action Write);

/// <summary>
/// One HTML file around sections. It loads nothing: style, scripts, numbers and pictures are in it, and its content security policy admits these
/// alone, by their hashes. The same contents give the same bytes.
/// </summary>
static class PageShell
{
    /// <summary>The style sheet that Observable Plot puts into a chart of the class that report.js gives it.</summary>
    const string PlotStyleHash = "sha256-zrfVyvY1E/5V+DXZunsRZW8XTqTsuIZzp8dBDThhSn8=";

    /// <param name="page">What the sections write to.</param>
    /// <param name="kind">What sort of page it is, above the title.</param>
    /// <param name="title">The one first-level heading.</param>
    /// <param name="sections">In order.</param>
    public static string Write(PageWriter page, string kind, string title, IReadOnlyList<PageSection> sections)
    {
        var style = Resource("report.css");
        // A notice goes with every copy, and a page is one.
        string[] scripts =
        [
            Notice("d3.LICENSE") + Resource("d3.min.js"), Notice("plot.LICENSE") + Resource("plot.umd.min.js"), Resource("report.js"),
        ];
        var html = page.Html;
        html.Begin("html", ("lang", "en"));
        html.Begin("head");
        html.Void("meta", ("charset", "utf-8"));
        html.Void("meta", ("http-equiv", "Content-Security-Policy"), ("content", Policy(style, scripts)));
        html.Void("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1"));
        html.Void("meta", ("name", "color-scheme"), ("content", "light dark"));
        html.Void("meta", ("name", "referrer"), ("content", "no-referrer"));
        html.Element("title", title);
        html.Raw("style", style);
        html.End();
        html.Begin("body");
        html.Element("a", "Skip to the report", ("class", "skip"), ("href", "#main"));
        html.Begin("header").Element("p", kind, ("class", "kind")).Element("h1", title);
        html.Begin("nav", ("aria-label", "Sections")).Begin("ul");
        foreach (var section in sections)
        {
            html.Begin("li").Element("a", section.Title, ("href", $"#{section.Id}")).End();
        }
        html.End().End().End();
        html.Begin("main", ("id", "main"));
        html.Begin("noscript").Element("p", "The charts need JavaScript. Their numbers are in the tables below them.").End();
        foreach (var section in sections)
        {
            page.Section(section.Id, section.Title, section.Write);
        }
        html.End();
        html.Begin("footer").Element("p", "Made by mim report. The file is complete: it opens without a network, and contains no address to load from.").End();
        html.Raw("script", page.Charts, ("type", "application/json"), ("id", "charts"));
        foreach (var script in scripts)
        {
            html.Raw("script", script);
        }
        html.End().End();
        return html.ToString();
    }

    /// <summary>Nothing but what is in the page may run, style, show or be reached.</summary>
    static string Policy(string style, IEnumerable<string> scripts) =>
        $"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; style-src '{Hash(style)}' '{PlotStyleHash}'; "
        + $"script-src {string.Join(' ', scripts.Select(script => $"'{Hash(script)}'"))}";

    static string Hash(string contents) => $"sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(contents)))}";

    static string Notice(string resource) => $"/*\n{Resource(resource).Trim()}\n*/\n";

    static string Resource(string name)
    {
        using var stream = typeof(PageShell).Assembly.GetManifestResourceStream($"report/{name}")
            ?? throw new InvalidOperationException($"The assembly lacks its resource 'report/{name}'.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
