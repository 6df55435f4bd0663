using System.Globalization;
using System.Text;

namespace Mim.Downstream;

/// <summary>A manifest for people: Markdown for a file, an aligned table for a terminal.</summary>
public static class Report
{
    public static string Markdown(DownstreamManifest manifest)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"# Downstream report{(manifest.Model.Length == 0 ? "" : $": {manifest.Model}")}\n\n");
        Table(text, ["", ""], Facts(manifest).Select(f => new[] { f.Name, f.Value }));
        text.Append(CultureInfo.InvariantCulture, $"\n## Metrics\n\nMeasured on {manifest.TestRows} rows that the models have not seen.\n\n");
        Table(text, ["metric", "value", "unit", "definition"], Metrics(manifest).Select(m => new[] { m.Name, m.Value, m.Unit, m.Definition }));
        text.Append("\n## Clusters\n\nTest rows by cluster.\n\n");
        Table(text, ["cluster", "rows"], manifest.ClusterRows.Select((rows, c) => new[] { Number(c + 1), Number(rows) }));
        if (manifest is { Labels: { } labels, ConfusionMatrix: { } counts })
        {
            text.Append("\n## Confusion matrix\n\nRows: actual label, columns: predicted label. Recall = right / actual, precision = right / predicted.\n\n");
            var body = labels.Select((label, a) => (string[])
                [label, .. counts[a].Select(n => Number(n)), Share(counts[a][a], counts[a].Sum())]);
            string[] precision = ["precision", .. labels.Select((_, p) => Share(counts[p][p], counts.Sum(row => row[p]))), ""];
            Table(text, ["", .. labels, "recall"], body.Append(precision));
        }
        return text.ToString();
    }

    public static string Plain(DownstreamManifest manifest)
    {
        (string Name, string Value)[] lines = [.. Facts(manifest), .. Metrics(manifest).Select(m => (m.Name, $"{m.Value} {m.Unit}".TrimEnd()))];
        var width = lines.Max(l => l.Name.Length);
        return string.Concat(lines.Select(l => $"{l.Name.PadRight(width)}  {l.Value}\n"));
    }

    static IEnumerable<(string Name, string Value)> Facts(DownstreamManifest manifest)
    {
        yield return ("space", manifest.SpaceId);
        yield return ("embeddings", manifest.Embeddings);
        yield return ("dimensions", Number(manifest.Dims));
        yield return ("train rows", Number(manifest.TrainRows));
        yield return ("test rows", manifest.TestEmbeddings is { } file
            ? $"{manifest.TestRows} of {file}"
            : string.Create(CultureInfo.InvariantCulture, $"{manifest.TestRows}, {manifest.TestFraction:0.##} of each label"));
        yield return ("clusters", Number(manifest.Clusters));
        yield return ("labels", manifest.Labels is { } labels ? Number(labels.Count) : "none");
        yield return ("seed", Number(manifest.Seed));
        yield return ("engine", manifest.Engine);
    }

    static IEnumerable<(string Name, string Value, string Unit, string Definition)> Metrics(DownstreamManifest manifest)
    {
        var m = manifest.Metrics;
        yield return ("NMI", Value(m.Nmi), "", "I(label; cluster) / H(label); 1 = the cluster tells the label");
        yield return ("average distance", Value(m.AverageDistance), "squared latent units", "mean squared distance to the nearest centroid; depends on the scale of the space");
        yield return ("Davies–Bouldin", Value(m.DaviesBouldin), "", "mean over clusters of the worst scatter / separation; lower is better");
        yield return ("micro accuracy", Value(m.MicroAccuracy), "", "share of the rows classified right");
        yield return ("macro accuracy", Value(m.MacroAccuracy), "", "mean over labels of the share classified right");
        yield return ("log-loss", Value(m.LogLoss), m.LogLoss is null ? "" : "nats", "mean −ln p(label)");
        yield return ("log-loss reduction", Value(m.LogLossReduction), "", "1 − log-loss / H(label); 0 = no better than the frequencies of the labels");
    }

    static void Table(StringBuilder text, string[] head, IEnumerable<string[]> rows)
    {
        Row(text, head);
        Row(text, Array.ConvertAll(head, _ => "---"));
        foreach (var row in rows)
        {
            Row(text, row);
        }
    }

    static void Row(StringBuilder text, string[] cells) =>
        text.Append("| ").AppendJoin(" | ", cells.Select(c => c.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" "))).Append(" |\n");

    static string Value(double? value) => value?.ToString("0.0000", CultureInfo.InvariantCulture) ?? "–";

    static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    static string Share(int part, int whole) => whole == 0 ? "–" : Value((double)part / whole);
}
