namespace Mim.Inference;

/// <summary>Rows on their way from a reader through the batcher to a writer; reused, so that a long file is no garbage.</summary>
sealed class RowBlock
{
    readonly float[] _input;
    readonly float[][] _outputs;

    public RowBlock(int capacity, BatchBuffers shape)
    {
        Capacity = capacity;
        InputWidth = shape.InputWidth;
        OutputWidths = shape.OutputWidths;
        _input = GC.AllocateUninitializedArray<float>(checked(capacity * InputWidth));
        _outputs = [.. OutputWidths.Select(width => GC.AllocateUninitializedArray<float>(checked(capacity * width)))];
        Outputs = new Memory<float>[_outputs.Length];
        Ids = new string?[capacity];
        Labels = new string?[capacity];
    }

    public int Capacity { get; }
    public int InputWidth { get; }
    public IReadOnlyList<int> OutputWidths { get; }

    /// <summary>Rows present.</summary>
    public int Rows { get; private set; }

    public string?[] Ids { get; }
    public string?[] Labels { get; }

    /// <summary>The present rows, for the batcher.</summary>
    public ReadOnlyMemory<float> Present => _input.AsMemory(0, Rows * InputWidth);

    /// <summary>One buffer for each model output, as long as the present rows.</summary>
    public Memory<float>[] Outputs { get; }

    /// <summary>Ends when the outputs are there.</summary>
    public ValueTask Completion { get; set; }

    public Span<float> All => _input;

    public Span<float> Row(int row) => _input.AsSpan(row * InputWidth, InputWidth);

    public ReadOnlySpan<float> Output(int output, int row) => _outputs[output].AsSpan(row * OutputWidths[output], OutputWidths[output]);

    public void SetRows(int rows)
    {
        Rows = rows;
        for (var i = 0; i < Outputs.Length; i++)
        {
            Outputs[i] = _outputs[i].AsMemory(0, rows * OutputWidths[i]);
        }
    }
}
