using System.Text.Json.Nodes;

namespace Mim.Training;

/// <summary>The parts that the sections of a report are made of, and the numbers of the charts among them.</summary>
public sealed class PageWriter
{
    readonly JsonObject _charts = [];

    public HtmlWriter Html { get; } = new();

    /// <summary>What report.js draws: the charts by their ids. Every character that HTML knows is escaped.</summary>
    public string Charts => _charts.ToJsonString();

    public void Section(string id, string title, Action contents)
    {
        Html.Begin("section", ("id", id), ("aria-labelledby", $"{id}-title"));
        Html.Element("h2", title, ("id", $"{id}-title"));
        contents();
        Html.End();
    }

    public void Note(string text) => Html.Element("p", text, ("class", "note"));

    /// <summary>Blocks side by side where there is room.</summary>
    /// <param name="kind">wide, or small for many.</param>
    /// <param name="contents">Writes the blocks.</param>
    public void Grid(string kind, Action contents)
    {
        Html.Begin("div", ("class", $"grid {kind}"));
        contents();
        Html.End();
    }

    public void Figure(Chart chart)
    {
        _charts.Add(chart.Id, chart.ToJson());
        Html.Begin("figure", ("aria-labelledby", $"{chart.Id}-title"));
        Caption(chart.Id, chart.Title, chart.Note, chart.Legend);
        Html.Begin("div", ("class", "plot"), ("data-chart", chart.Id), ("role", "img"), ("aria-label", chart.Description)).End();
        Details($"Data: {chart.Title}", chart.Data);
        Html.End();
    }

    /// <param name="id">Unique on the page.</param>
    /// <param name="title">Of the figure.</param>
    /// <param name="alternative">The picture in words.</param>
    /// <param name="note">Below the title; null: none.</param>
    /// <param name="sheet">The image as PNG, with its size in pixels.</param>
    /// <param name="scale">CSS pixels to each of them, where there is room.</param>
    /// <param name="data">The numbers that go with it; null: none.</param>
    public void Picture(string id, string title, string alternative, string? note, (byte[] Png, int Width, int Height) sheet, int scale, DataTable? data)
    {
        Html.Begin("figure", ("aria-labelledby", $"{id}-title"));
        Caption(id, title, note, []);
        Html.Void(
            "img", ("class", "sheet"), ("alt", alternative), ("width", Chart.Text(sheet.Width * scale)), ("height", Chart.Text(sheet.Height * scale)),
            ("src", $"data:image/png;base64,{Convert.ToBase64String(sheet.Png)}"));
        if (data is not null)
        {
            Details($"Data: {title}", data);
        }
        Html.End();
    }

    /// <summary>A table that is there for those who ask.</summary>
    public void Details(string summary, DataTable table)
    {
        Html.Begin("details").Element("summary", summary);
        Table(table);
        Html.End();
    }

    /// <param name="table">Its caption is for those who do not see the heading above.</param>
    /// <param name="look">A class of the style sheet; empty: none.</param>
    public void Table(DataTable table, string look = "")
    {
        BeginTable(table.Caption, captionShown: false, look);
        Header(table.Columns);
        Html.Begin("tbody");
        foreach (var row in table.Rows)
        {
            Html.Begin("tr").Element("th", row[0], ("scope", "row"));
            foreach (var cell in row.Skip(1))
            {
                Html.Element("td", cell);
            }
            Html.End();
        }
        Html.End();
        EndTable();
    }

    /// <summary>Opens a table in a region of its own, which the keyboard can scroll where the screen is narrow.</summary>
    public void BeginTable(string caption, bool captionShown, string look = "")
    {
        Html.Begin("div", ("class", $"scroll {look}".TrimEnd()), ("role", "region"), ("aria-label", caption), ("tabindex", "0"));
        Html.Begin("table").Element("caption", caption, ("class", captionShown ? "shown" : "unseen"));
    }

    public void Header(IReadOnlyList<string> columns)
    {
        Html.Begin("thead").Begin("tr");
        foreach (var column in columns)
        {
            Html.Element("th", column, ("scope", "col"));
        }
        Html.End().End();
    }

    public void EndTable() => Html.End().End();

    void Caption(string id, string title, string? note, IReadOnlyList<LegendKey> legend)
    {
        Html.Begin("figcaption").Element("h3", title, ("id", $"{id}-title"));
        if (note is not null)
        {
            Note(note);
        }
        if (legend.Count > 0)
        {
            Html.Begin("ul", ("class", "legend"));
            foreach (var key in legend)
            {
                Html.Begin("li");
                Key(key.Colour, key.Style);
                Html.Text(key.Name).End();
            }
            Html.End();
        }
        Html.End();
    }

    /// <summary>The swatch of a colour; its meaning stands beside it.</summary>
    public void Key(int colour, KeyStyle style) => Html.Begin(
        "span", ("class", $"key {style.ToString().ToLowerInvariant()} {(colour == Chart.Muted ? "muted" : $"c{colour}")}"), ("aria-hidden", "true")).End();
}
