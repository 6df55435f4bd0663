using System.Text.Json.Nodes;

namespace Mim.Training;

/// <summary>Lines of one look, each a row of x over its dimensions, each in a panel. A step from 0 to 1 colours it between two colours.</summary>
public sealed record ProfileLayer(string Name, int Colour, double Opacity, double Width, IReadOnlyList<(int Panel, IReadOnlyList<float> Row)> Lines)
{
    /// <summary>Null: <see cref="Colour"/> alone.</summary>
    public double? Step { get; init; }
}

/// <summary>Rows of x as lines over its dimensions, in panels that share their scales.</summary>
public sealed record ProfileChart : Chart
{
    /// <summary>Columns of the table at the most.</summary>
    const int MaxDimensions = 24;

    /// <summary>Rows of the table at the most.</summary>
    const int MaxRows = 32;

    /// <summary>Narrowest panel, in CSS pixels.</summary>
    public required int PanelWidth { get; init; }

    public required IReadOnlyList<string> Panels { get; init; }

    public required IReadOnlyList<ProfileLayer> Layers { get; init; }

    int Width => Layers.SelectMany(layer => layer.Lines).Select(line => line.Row.Count).DefaultIfEmpty(0).Max();

    public override string Description =>
        $"{Panels.Count} panels of lines over the {Width} dimensions of x: {Title}. " + string.Join(", ", Legend.Select(key => key.Name)) + ".";

    public override DataTable Data
    {
        get
        {
            var shown = Math.Min(Width, MaxDimensions);
            string[][] rows = [.. from layer in Layers
                                  from line in layer.Lines
                                  orderby line.Panel
                                  select (string[])[$"{Panels[line.Panel]}: {layer.Name}", .. line.Row.Take(shown).Select(value => Text(value))]];
            string[][] kept = [.. ModelPictures.EvenlySpaced(rows.Length, MaxRows).Select(i => rows[i])];
            var of = (kept.Length < rows.Length ? $", {kept.Length} of {rows.Length} rows" : "")
                + (shown < Width ? $", the first {shown} of {Width} dimensions" : "");
            return new DataTable(Title + of, ["row", .. Enumerable.Range(1, shown).Select(d => $"x{d}")], kept);
        }
    }

    public override JsonObject ToJson() => new()
    {
        ["kind"] = "profiles",
        ["panelWidth"] = PanelWidth,
        ["panels"] = new JsonArray([.. Panels.Select(panel => JsonValue.Create(panel))]),
        ["layers"] = new JsonArray([.. Layers.Select(layer => new JsonObject
        {
            ["colour"] = layer.Colour,
            ["opacity"] = layer.Opacity,
            ["width"] = layer.Width,
            ["step"] = layer.Step,
            ["lines"] = new JsonArray([.. layer.Lines.Select(line => new JsonObject { ["panel"] = line.Panel, ["y"] = Numbers(line.Row) })]),
        })]),
    };
}
