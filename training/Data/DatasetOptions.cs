namespace Mim.Training;

/// <summary>
/// The <c>dataset:</c> and <c>preprocessing:</c> part of a training configuration. <see cref="Dataset.Open"/> validates it.
/// </summary>
public sealed record DatasetOptions
{
    public const int ReferenceRowsPerEpoch = 9984;

    internal static readonly IReadOnlyList<string> Formats = ["auto", "idx", "npy", "npz", "csv", "tsv", "jsonl"];

    internal const string Affine = "affine";

    internal static readonly IReadOnlyList<string> Augmentations = ["none", Affine];

    /// <summary>A generator (<c>toy4</c>, <c>toy4_20</c>, <c>toy-4</c>, <c>toyMIM</c>, <c>sprites</c>) or <c>file</c>.</summary>
    public string Name { get; init; } = "toy4_20";

    /// <summary>Observations of a <c>file</c> data set.</summary>
    public string? Path { get; init; }

    /// <summary>
    /// Labels in a file of their own (IDX, .npy or one value a line); otherwise the label column or key of <see cref="Path"/>, if any.
    /// </summary>
    public string? LabelsPath { get; init; }

    /// <summary>Further files of observations, of the same format and shape; their rows follow those of <see cref="Path"/> in this order.</summary>
    public IReadOnlyList<string> MorePaths { get; init; } = [];

    /// <summary>Their labels where <see cref="LabelsPath"/> has those of the first; the same label means the same in all files.</summary>
    public IReadOnlyList<string> MoreLabelsPaths { get; init; } = [];

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

    /// <summary>
    /// Columns to one-hot encode although their values are numbers; a column without a single number is categorical by itself.
    /// </summary>
    public IReadOnlyList<string> Categorical { get; init; } = [];

    /// <summary>
    /// Column, .npz key or JSONL key of the labels; null: <c>label</c> in JSONL and <c>y</c> in .npz if present, else none.
    /// </summary>
    public string? LabelColumn { get; init; }

    /// <summary>What an empty, <c>NA</c> or <c>NaN</c> value becomes: <c>error</c>, <c>mean</c>, <c>median</c> or a number.</summary>
    public string Missing { get; init; } = "error";

    public double ValidationFraction { get; init; } = 0.1;

    public double TestFraction { get; init; } = 0.1;

    /// <summary>The last rows of a file, in its order, are the validation split; <see cref="ValidationFraction"/> is then unused.</summary>
    public int? ValidationRows { get; init; }

    /// <summary>Decides which rows of a file belong to which split, and nothing else.</summary>
    public long SplitSeed { get; init; } = 1;

    /// <summary>Rows a generator draws per split and epoch; the reference's 78 full batches of 128.</summary>
    public int RowsPerEpoch { get; init; } = ReferenceRowsPerEpoch;

    /// <summary>What is done to the images of training rows in each epoch: <c>none</c>, or <c>affine</c>, see <see cref="AffineAugmentation"/>.</summary>
    public string Augment { get; init; } = "none";

    /// <summary>Height and width of the sprites, at least 28.</summary>
    public int ImageSize { get; init; } = 28;

    /// <summary>
    /// Kinds in order, each with an argument after a colon where it takes one: <c>standardise</c>, <c>scale: 255</c>,
    /// <c>dequantise: 256</c>, <c>dequantise_training: 256</c>, <c>binarise: 0.5</c>, <c>binarise_stochastic</c>, <c>binarise_static</c>, <c>pca: 20</c>. Imputation comes first by itself where
    /// <see cref="Missing"/> asks for it.
    /// </summary>
    public IReadOnlyList<string> Preprocessing { get; init; } = [];
}
