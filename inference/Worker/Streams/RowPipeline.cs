namespace Mim.Inference;

/// <summary>
/// Pushes a file through the batcher. Reading and writing happen here while the inference thread computes: a few blocks are always in flight,
/// and they are written in the order in which they were read.
/// </summary>
static class RowPipeline
{
    /// <summary>Enough that the batcher never waits for a block to be written, few enough that memory stays small.</summary>
    const int Blocks = 4;
    const int BatchesInBlock = 4;

    /// <summary>Rows that may wait: all blocks but the one being filled.</summary>
    public static int QueueRows(int batch) => Blocks * BatchesInBlock * batch;

    /// <param name="attach">Called for each block before it is submitted.</param>
    /// <param name="write">Called for each block once its outputs are there.</param>
    /// <returns>The number of rows.</returns>
    public static async Task<long> RunAsync(
        RowReader reader, MicroBatcher batcher, Action<RowBlock> attach, Action<RowBlock> write, Progress progress, CancellationToken cancellationToken)
    {
        var free = new Stack<RowBlock>();
        for (var i = 0; i < Blocks; i++)
        {
            free.Push(new RowBlock(batcher.Buffers.MaxRows * BatchesInBlock, batcher.Buffers));
        }
        var inFlight = new Queue<RowBlock>(Blocks);
        var rows = 0L;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var block = free.TryPop(out var spare) ? spare : await OldestAsync();
            // A read of standard input cannot be cancelled, only left.
            var read = reader.MayBlock
                ? await Task.Run(() => reader.Read(block), cancellationToken).WaitAsync(cancellationToken)
                : reader.Read(block);
            if (read == 0)
            {
                break;
            }
            attach(block);
            if (!batcher.TryRun(block.Present, block.Rows, block.Outputs, cancellationToken, out var completion))
            {
                throw new InvalidOperationException($"The batcher refused {block.Rows} rows.", batcher.Completion.Exception);
            }
            block.Completion = completion;
            inFlight.Enqueue(block);
        }
        while (inFlight.Count > 0)
        {
            await OldestAsync();
        }
        return rows;

        async ValueTask<RowBlock> OldestAsync()
        {
            var block = inFlight.Dequeue();
            await block.Completion;
            write(block);
            rows += block.Rows;
            progress.Report(rows, reader.Total);
            return block;
        }
    }
}
