namespace Mim.Inference;

/// <summary>
/// The memory of one batch: <see cref="MaxRows"/> input rows and the rows of every output, row-major. Pinned, so that an engine can read
/// and write in place; owned by whoever runs batches, one run at a time. An engine computes whole <see cref="Buckets"/>: rows behind a batch hold what
/// an earlier one left there, which nobody reads.
/// </summary>
public sealed class BatchBuffers
{
    readonly float[] _input;
    readonly float[][] _outputs;
    readonly int[] _outputWidths;
    readonly int[] _bucketOf;

    public BatchBuffers(int maxRows, int inputWidth, params int[] outputWidths)
        : this(Buckets.UpTo(maxRows), inputWidth, outputWidths)
    {
    }

    /// <param name="sizes">Of runs, ascending; the last is the most rows.</param>
    public BatchBuffers(int[] sizes, int inputWidth, params int[] outputWidths)
    {
        var maxRows = sizes[^1];
        (MaxRows, InputWidth, _outputWidths) = (maxRows, inputWidth, outputWidths);
        _input = GC.AllocateArray<float>(checked(maxRows * inputWidth), pinned: true);
        _outputs = [.. outputWidths.Select(width => GC.AllocateArray<float>(checked(maxRows * width), pinned: true))];
        Sizes = sizes;
        _bucketOf = [.. Enumerable.Range(0, maxRows + 1).Select(rows => Array.FindIndex(sizes, size => size >= rows))];
    }

    public int MaxRows { get; }

    public int InputWidth { get; }

    public IReadOnlyList<int> OutputWidths => _outputWidths;

    /// <summary>The sizes of runs, ascending.</summary>
    public IReadOnlyList<int> Sizes { get; }

    /// <summary>Index in <see cref="Sizes"/> of the run that computes this many rows.</summary>
    public int Bucket(int rows) => _bucketOf[rows];

    /// <summary>The rows that are computed for so many.</summary>
    public int Padded(int rows) => Sizes[_bucketOf[rows]];

    public Memory<float> Input(int rows) => _input.AsMemory(0, rows * InputWidth);

    public Memory<float> Output(int output, int rows) => _outputs[output].AsMemory(0, rows * _outputWidths[output]);
}
