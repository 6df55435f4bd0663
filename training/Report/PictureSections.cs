namespace Mim.Training;

/// <summary>Reconstructions, samples and interpolations: images as images, points in the plane as points, other rows as lines over their dimensions.</summary>
static class PictureSections
{
    const int ReconstructedRows = 16, SheetColumns = 8, Pixels = 500;

    public static void Reconstructions(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        page.Note("E[x|z] at the posterior's mean, for rows of the test split." + Units(runs)
            + (runs.Any(run => run.Pictures is { Image: not null, SamplesAreMeans: false }) ? " Of an autoregressive model: the mean along its likeliest path." : ""));
        Each(page, runs, "reconstructions", "test rows and reconstructions", (run, i, id, title) =>
        {
            var pictures = run.Pictures;
            if (Plane(pictures))
            {
                page.Figure(new ScatterChart
                {
                    Id = id,
                    Title = title,
                    XLabel = "x1",
                    YLabel = "x2",
                    Groups = [Points("x", Chart.Muted, pictures.X), Points("reconstruction", i, pictures.Reconstructions)],
                    Legend = [new("x", Chart.Muted, KeyStyle.Dot), new("reconstruction", i, KeyStyle.Dot)],
                });
                return;
            }
            var rows = ModelPictures.EvenlySpaced(pictures.X.Count, ReconstructedRows);
            string[] names = [.. rows.Select(row => pictures.XLabels is { } labels
                ? (run.LabelNames is null ? "label " : "") + Labels.Name(labels[row], run.LabelNames)
                : $"row {row + 1}")];
            if (pictures.Image is { } shape)
            {
                var (low, high) = Range(pictures);
                float[][] images = [.. rows.Chunk(SheetColumns).SelectMany(chunk => chunk.Select(row => pictures.X[row]).Concat(chunk.Select(row => pictures.Reconstructions[row])))];
                page.Picture(
                    id, title, $"{rows.Length} test images in pairs of lines: above the image, below its reconstruction. From the left: {string.Join(", ", names)}.", null,
                    ImageSheet.Draw(images, shape, SheetColumns, 2, low, high), Scale(shape),
                    new DataTable("Root mean square error of each reconstruction", ["image", "label", "RMSE"],
                        [.. rows.Select((row, n) => (string[])[Chart.Text(n + 1), names[n], Chart.Text(Rmse(pictures.X[row], pictures.Reconstructions[row]))])]));
                return;
            }
            page.Figure(new ProfileChart
            {
                Id = id,
                Title = title,
                PanelWidth = 120,
                Panels = names,
                Layers =
                [
                    new("x", Chart.Muted, 1, 3, [.. rows.Select((row, n) => (n, (IReadOnlyList<float>)pictures.X[row]))]),
                    new("reconstruction", i, 1, 1.5, [.. rows.Select((row, n) => (n, (IReadOnlyList<float>)pictures.Reconstructions[row]))]),
                ],
                Legend = [new("x", Chart.Muted, KeyStyle.Solid), new("reconstruction", i, KeyStyle.Solid)],
            });
        });
    }

    public static void Samples(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        var means = runs.Select(run => run.Pictures.SamplesAreMeans).Distinct().ToArray();
        page.Note((means is [var one] ? $"{(one ? "E[x|z]" : "x ~ p(x|z)")} of codes drawn from the prior p(z)." :
                "Of codes drawn from the prior p(z): E[x|z], and x ~ p(x|z) of the autoregressive models.")
            + (runs.Any(run => run.Options.Objective.Name == ObjectiveName.Ae) ? " An autoencoder was trained without a prior; N(0, I) is taken for it." : ""));
        Each(page, runs, "samples", "draws of the model", (run, i, id, title) =>
        {
            var pictures = run.Pictures;
            if (Plane(pictures))
            {
                page.Figure(new ScatterChart
                {
                    Id = id,
                    Title = title,
                    XLabel = "x1",
                    YLabel = "x2",
                    Groups = [Points("test rows", Chart.Muted, pictures.X), Points("samples", i, pictures.Samples)],
                    Legend = [new("test rows", Chart.Muted, KeyStyle.Dot), new("samples", i, KeyStyle.Dot)],
                });
            }
            else if (pictures.Image is { } shape)
            {
                var (low, high) = Range(pictures);
                page.Picture(
                    id, title, $"{pictures.Samples.Count} images that the model made from codes of its prior.", null,
                    ImageSheet.Draw(pictures.Samples, shape, SheetColumns, 1, low, high), Scale(shape), null);
            }
            else
            {
                page.Figure(new ProfileChart
                {
                    Id = id,
                    Title = title,
                    PanelWidth = 300,
                    Panels = ["test rows", "samples"],
                    Layers =
                    [
                        new("test row", Chart.Muted, 0.6, 1, [.. pictures.X.Select(row => (0, (IReadOnlyList<float>)row))]),
                        new("sample", i, 0.45, 1, [.. pictures.Samples.Select(row => (1, (IReadOnlyList<float>)row))]),
                    ],
                    Legend = [new($"{pictures.X.Count} test rows", Chart.Muted, KeyStyle.Solid), new($"{pictures.Samples.Count} samples", i, KeyStyle.Solid)],
                });
            }
        });
    }

    public static void Interpolations(PageWriter page, IReadOnlyList<RunReport> runs)
    {
        page.Note($"E[x|z] at {ModelPictures.InterpolationSteps} steps on straight lines between the codes of two test rows.");
        Each(page, runs, "interpolations", "paths between test rows", (run, i, id, title) =>
        {
            var pictures = run.Pictures;
            var steps = ModelPictures.InterpolationSteps;
            if (Plane(pictures))
            {
                page.Figure(new ScatterChart
                {
                    Id = id,
                    Title = title,
                    XLabel = "x1",
                    YLabel = "x2",
                    Groups =
                    [
                        Points("test rows", Chart.Muted, pictures.X),
                        .. pictures.Paths.Select((path, n) => Points($"path {n + 1}", n, path) with { Joined = true }),
                    ],
                    Legend = [new("test rows", Chart.Muted, KeyStyle.Dot), .. pictures.Paths.Select((_, n) => new LegendKey($"path {n + 1}", n, KeyStyle.Solid))],
                });
            }
            else if (pictures.Image is { } shape)
            {
                var (low, high) = Range(pictures);
                page.Picture(
                    id, title, $"{pictures.Paths.Count} lines of {steps} images, each from the reconstruction of one test image to that of another.", null,
                    ImageSheet.Draw([.. pictures.Paths.SelectMany(path => path)], shape, steps, 1, low, high), Scale(shape), null);
            }
            else
            {
                page.Figure(new ProfileChart
                {
                    Id = id,
                    Title = title,
                    PanelWidth = 120,
                    Panels = [.. pictures.Paths.Select((_, n) => $"path {n + 1}")],
                    Layers = [.. Enumerable.Range(0, steps).Select(step => new ProfileLayer(
                        $"step {step + 1}", i, 1, step == 0 || step == steps - 1 ? 1.75 : 1, [.. pictures.Paths.Select((path, n) => (n, (IReadOnlyList<float>)path[step]))])
                    {
                        Step = (double)step / (steps - 1),
                    })],
                    Legend = [new("start", 0, KeyStyle.Solid), new("end", 1, KeyStyle.Solid)],
                });
            }
        });
    }

    static void Each(PageWriter page, IReadOnlyList<RunReport> runs, string id, string kind, Action<RunReport, int, string, string> write) => page.Grid("wide", () =>
    {
        for (var i = 0; i < runs.Count; i++)
        {
            write(runs[i], i, $"{id}-{i}", runs.Count == 1 ? char.ToUpperInvariant(kind[0]) + kind[1..] : $"{runs[i].Name}: {kind}");
        }
    });

    static string Units(IReadOnlyList<RunReport> runs) =>
        runs.Any(run => run.Pictures.Image is null && run.Options.Dataset.Preprocessing is { Count: > 0 }) ? " Values are those after preprocessing." : "";

    static bool Plane(ModelPictures pictures) => pictures.Image is null && pictures.X[0].Length == 2;

    static PointGroup Points(string name, int colour, IReadOnlyList<float[]> rows) =>
        new(name, colour, false, [.. rows.Select(row => ((double)row[0], (double)row[1]))]);

    /// <summary>Black and white are the darkest and the lightest pixel of the test images.</summary>
    static (float Low, float High) Range(ModelPictures pictures)
    {
        var (low, high) = (pictures.X.Min(row => row.Min()), pictures.X.Max(row => row.Max()));
        return low < high ? (low, high) : (low, low + 1);
    }

    /// <summary>Small images are shown larger.</summary>
    static int Scale(ImageShape shape) => Math.Max(1, Pixels / (SheetColumns * shape.Width));

    static double Rmse(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => ((double)x - y) * ((double)x - y)).Average());
}
