using Mim.Configuration;

namespace Mim.Training;

/// <summary>The <c>dataset:</c> and <c>preprocessing:</c> part of a training configuration. <see cref="Dataset.Open"/> validates it.</summary>
public sealed record DatasetOptions
{
    public const int ReferenceRowsPerEpoch = 9984;

    internal static readonly IReadOnlyList<string> Formats = ["auto", "idx", "npy", "npz", "csv", "tsv", "jsonl"];

    /// <summary>The keys of <c>dataset:</c>, in the order in which help lists them.</summary>
    internal static readonly IReadOnlyList<string> Keys =
    [
        "name", "path", "labels_path", "test_path", "test_labels_path", "format", "x_key", "delimiter", "header", "columns", "categorical", "label_column",
        "missing", "validation_fraction", "test_fraction", "split_seed", "rows_per_epoch", "image_size",
    ];

    /// <summary>A generator (<c>toy4</c>, <c>toy4_20</c>, <c>toy-4</c>, <c>sprites</c>) or <c>file</c>.</summary>
    public string Name { get; init; } = "toy4_20";

    /// <summary>Observations of a <c>file</c> data set.</summary>
    public string? Path { get; init; }

    /// <summary>Labels in a file of their own (IDX, .npy or one value a line); otherwise the label column or key of <see cref="Path"/>, if any.</summary>
    public string? LabelsPath { get; init; }

    /// <summary>A test split in a file of its own, of the same format; <see cref="TestFraction"/> is then unused.</summary>
    public string? TestPath { get; init; }

    public string? TestLabelsPath { get; init; }

    /// <summary><c>auto</c> (by extension), <c>idx</c>, <c>npy</c>, <c>npz</c>, <c>csv</c>, <c>tsv</c> or <c>jsonl</c>.</summary>
    public string Format { get; init; } = "auto";

    /// <summary>Key of the observations in .npz and in JSONL objects.</summary>
    public string XKey { get; init; } = "x";

    /// <summary>One character, or <c>tab</c>; null: a comma, in .tsv a tab.</summary>
    public string? Delimiter { get; init; }

    /// <summary>Whether the first line of a CSV file names its columns; without it they are <c>c0</c>, <c>c1</c>, ….</summary>
    public bool Header { get; init; } = true;

    /// <summary>Columns that make up x, in this order; empty: all but the label.</summary>
    public IReadOnlyList<string> Columns { get; init; } = [];

    /// <summary>Columns to one-hot encode although their values are numbers; a column without a single number is categorical by itself.</summary>
    public IReadOnlyList<string> Categorical { get; init; } = [];

    /// <summary>Column, .npz key or JSONL key of the labels; null: <c>label</c> in JSONL and <c>y</c> in .npz if present, else none.</summary>
    public string? LabelColumn { get; init; }

    /// <summary>What an empty, <c>NA</c> or <c>NaN</c> value becomes: <c>error</c>, <c>mean</c>, <c>median</c> or a number.</summary>
    public string Missing { get; init; } = "error";

    public double ValidationFraction { get; init; } = 0.1;

    public double TestFraction { get; init; } = 0.1;

    /// <summary>Decides which rows of a file belong to which split, and nothing else.</summary>
    public long SplitSeed { get; init; } = 1;

    /// <summary>Rows a generator draws per split and epoch; the reference's 78 full batches of 128.</summary>
    public int RowsPerEpoch { get; init; } = ReferenceRowsPerEpoch;

    /// <summary>Height and width of the sprites, at least 28.</summary>
    public int ImageSize { get; init; } = 28;

    /// <summary>
    /// Kinds in order, each with an argument after a colon where it takes one: <c>standardise</c>, <c>scale: 255</c>, <c>dequantise: 256</c>,
    /// <c>binarise: 0.5</c>, <c>binarise_stochastic</c>. Imputation comes first by itself where <see cref="Missing"/> asks for it.
    /// </summary>
    public IReadOnlyList<string> Preprocessing { get; init; } = [];

    /// <summary>Reads the two sections of a configuration; a fault is collected where it stands and thrown with the others of the document.</summary>
    internal static DatasetOptions Read(YamlMapping configuration)
    {
        var defaults = new DatasetOptions();
        var options = configuration.Mapping("dataset", Keys) is { } dataset ? Read(dataset, defaults) : defaults;
        return options with { Preprocessing = configuration.Items("preprocessing")?.Select(StepText).OfType<string>().ToArray() ?? [] };
    }

    static DatasetOptions Read(YamlMapping dataset, DatasetOptions defaults) => new()
    {
        Name = dataset.Text("name") ?? defaults.Name,
        Path = dataset.Text("path"),
        LabelsPath = dataset.Text("labels_path"),
        TestPath = dataset.Text("test_path"),
        TestLabelsPath = dataset.Text("test_labels_path"),
        Format = dataset.OneOf("format", Formats) ?? defaults.Format,
        XKey = dataset.Text("x_key") ?? defaults.XKey,
        Delimiter = dataset.Text("delimiter"),
        Header = dataset.Boolean("header") ?? defaults.Header,
        Columns = dataset.Texts("columns") ?? [],
        Categorical = dataset.Texts("categorical") ?? [],
        LabelColumn = dataset.Text("label_column"),
        Missing = dataset.Text("missing") ?? defaults.Missing,
        ValidationFraction = dataset.Double("validation_fraction") ?? defaults.ValidationFraction,
        TestFraction = dataset.Double("test_fraction") ?? defaults.TestFraction,
        SplitSeed = dataset.Int64("split_seed") ?? defaults.SplitSeed,
        RowsPerEpoch = dataset.Int32("rows_per_epoch") ?? defaults.RowsPerEpoch,
        ImageSize = dataset.Int32("image_size") ?? defaults.ImageSize,
    };

    /// <summary>A step is a kind, or a kind with its argument: <c>[standardise]</c>, <c>[scale: 255]</c>.</summary>
    static string? StepText(YamlNode node)
    {
        switch (node)
        {
            case YamlScalar scalar:
                return scalar.Text;
            case YamlMapping mapping when mapping.Keys.Count() == 1 && mapping.Entries.Single() is { Value: YamlScalar argument } entry:
                return $"{entry.Key}: {argument.Text}";
            default:
                node.Faults.Add(node.Where, $"{node.Path}: expected a kind, or a kind and its argument such as 'scale: 255', found {node.Describe()}.");
                return null;
        }
    }
}
