using System.Numerics.Tensors;
using Mim.Models;

namespace Mim.Inference;

/// <summary>What the rows of a file are for a model.</summary>
/// <param name="Tensor">The model input they become; also the key of a JSONL object.</param>
/// <param name="Width">Values in a row.</param>
/// <param name="AllowMissing">NaN, JSON null and an empty CSV cell are passed on, because the graph imputes them.</param>
/// <param name="Schema">The columns of a table, if the model was trained on one.</param>
/// <param name="SpaceId">The space that a row which names one must name; null when rows have none.</param>
sealed record RowContract(string Tensor, int Width, bool AllowMissing, TabularSchema? Schema, string? SpaceId)
{
    public static RowContract Encode(ModelManifest manifest) =>
        new(TensorNames.X, manifest.XDim, manifest.Preprocessing.Any(step => step.Kind == PreprocessingStep.Impute), manifest.Tabular, null);

    public static RowContract Decode(ModelManifest manifest) => new(TensorNames.Z, manifest.ZSize, false, null, manifest.SpaceId);

    /// <summary>The first value that the model cannot take, and why; null when there is none.</summary>
    public (int Index, string Fault)? BadValue(ReadOnlySpan<float> values)
    {
        if (TensorPrimitives.IsFiniteAll(values))
        {
            return null;
        }
        for (var i = 0; i < values.Length; i++)
        {
            if (float.IsInfinity(values[i]))
            {
                return (i, "expected a finite float32, found an infinity.");
            }
            if (float.IsNaN(values[i]) && !AllowMissing)
            {
                return (i, "expected a finite float32, found a missing value. The model was trained without missing values.");
            }
        }
        return null;
    }
}

/// <summary>Reads a file or standard input block by block. A bad row is an error that names file and line; nothing is skipped.</summary>
abstract class RowReader(string name, RowContract contract) : IDisposable
{
    protected string Name => name;

    protected RowContract Contract => contract;

    /// <summary>Rows in all, if the format says so in advance.</summary>
    public virtual long? Total => null;

    /// <summary>A read may wait for somebody to type.</summary>
    public bool MayBlock { get; private init; }

    public static RowReader Open(string path, RowFormat? format, RowContract contract)
    {
        if (path != RowFormats.Dash && !File.Exists(path))
        {
            throw new UsageException($"{path}: there is no such file.");
        }
        var actual = RowFormats.Of(path, format);
        var dash = path == RowFormats.Dash;
        var name = dash ? "standard input" : path;
        var stream = dash ? Console.OpenStandardInput() : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        try
        {
            return actual switch
            {
                RowFormat.Npy => new NpyRows(stream, name, contract) { MayBlock = dash },
                RowFormat.Jsonl => new JsonlRows(stream, name, contract) { MayBlock = dash },
                _ => new CsvRows(stream, name, contract, actual == RowFormat.Tsv ? '\t' : ',') { MayBlock = dash },
            };
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Fills the block with the next rows.</summary>
    /// <returns>How many; 0 at the end.</returns>
    public int Read(RowBlock block)
    {
        Array.Clear(block.Ids);
        Array.Clear(block.Labels);
        var rows = Fill(block);
        block.SetRows(rows);
        return contract.BadValue(block.Present.Span) is { } bad
            ? throw new InvalidDataException($"{Where(bad.Index / contract.Width)}: {contract.Tensor}[{bad.Index % contract.Width}]: {bad.Fault}")
            : rows;
    }

    public abstract void Dispose();

    /// <summary>Writes rows, ids and labels from the block's start and returns the number of rows.</summary>
    protected abstract int Fill(RowBlock block);

    /// <summary>File and line or row of a row of the latest block.</summary>
    protected abstract string Where(int rowInBlock);
}

/// <summary>How rows are laid out in a file.</summary>
enum RowFormat
{
    Npy,
    Jsonl,
    Csv,
    Tsv,
}

static class RowFormats
{
    public const string Dash = "-";

    /// <summary>The extension says the format; for "-", <c>--format</c> does.</summary>
    public static RowFormat Of(string path, RowFormat? format) => path == Dash
        ? format ?? throw new UsageException("-: --format is missing: expected npy, jsonl, csv or tsv.")
        : Path.GetExtension(path) switch
        {
            ".npy" => RowFormat.Npy,
            ".jsonl" => RowFormat.Jsonl,
            ".csv" => RowFormat.Csv,
            ".tsv" => RowFormat.Tsv,
            var other => throw new UsageException($"{path}: expected .npy, .jsonl, .csv or .tsv, found '{other}'. Give the file one of these extensions."),
        };
}
