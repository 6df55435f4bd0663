namespace Mim.Inference;

/// <summary>
/// The memory of one batch: <paramref name="maxRows"/> input rows and the rows of every output, row-major. Pinned, so that an engine can read
/// and write in place; owned by whoever runs batches, one run at a time.
/// </summary>
public sealed class BatchBuffers(int maxRows, int inputWidth, params int[] outputWidths)
{
    readonly float[] _input = GC.AllocateUninitializedArray<float>(checked(maxRows * inputWidth), pinned: true);
    readonly float[][] _outputs = [.. outputWidths.Select(width => GC.AllocateUninitializedArray<float>(checked(maxRows * width), pinned: true))];

    public int MaxRows => maxRows;

    public int InputWidth => inputWidth;

    public IReadOnlyList<int> OutputWidths => outputWidths;

    public Memory<float> Input(int rows) => _input.AsMemory(0, rows * inputWidth);

    public Memory<float> Output(int output, int rows) => _outputs[output].AsMemory(0, rows * outputWidths[output]);
}
