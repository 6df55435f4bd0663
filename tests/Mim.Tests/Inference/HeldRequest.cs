using Mim.Inference;

namespace Mim.Tests.Inference;

/// <summary>A request that the inference thread cannot finish until it is released.</summary>
sealed class HeldRequest : IDisposable
{
    readonly SemaphoreSlim _entered = new(0);
    readonly ManualResetEventSlim _open = new();
    readonly TouchedMemory _memory;

    HeldRequest(MicroBatcher batcher)
    {
        _memory = new(new float[batcher.Buffers.InputWidth], () =>
        {
            _entered.Release();
            _open.Wait();
        });
        Assert.True(batcher.TryRun(_memory.Whole, 1, new Memory<float>[batcher.Buffers.OutputWidths.Count], CancellationToken.None, out var completion));
        Completion = completion.AsTask();
    }

    public Task Completion { get; }

    /// <summary>Ends when the thread is inside the request's run: what comes now waits.</summary>
    public static async Task<HeldRequest> StartAsync(MicroBatcher batcher)
    {
        HeldRequest held = new(batcher);
        await held._entered.WaitAsync();
        return held;
    }

    public void Release() => _open.Set();

    public void Dispose()
    {
        Release();
        ((IDisposable)_memory).Dispose();
        // The semaphore and the event are left: the thread may still be leaving them.
    }
}
