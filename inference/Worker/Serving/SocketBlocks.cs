using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Mim.Inference;

/// <summary>
/// What a connection is read into: blocks of 64 KiB in place of the server's 4 KiB. A request of sixteen images then takes one read of the socket and not
/// thirteen, each of which wakes the reader anew. Idle connections hold none.
/// </summary>
sealed class SocketBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    public const int BlockBytes = 1 << 16;

    /// <summary>What is kept for later; beyond it blocks are the collector's.</summary>
    const int MaxFree = 256;

    readonly ConcurrentQueue<Block> _free = new();
    int _count;

    public override int MaxBufferSize => BlockBytes;

    /// <summary>One pool for whoever asks: blocks move between connections.</summary>
    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
        if (_free.TryDequeue(out var block))
        {
            Interlocked.Decrement(ref _count);
            return block;
        }
        return new Block(this);
    }

    protected override void Dispose(bool disposing)
    {
        // It outlives every server that was given it; blocks are managed memory.
    }

    void Return(Block block)
    {
        if (Interlocked.Increment(ref _count) <= MaxFree)
        {
            _free.Enqueue(block);
        }
        else
        {
            Interlocked.Decrement(ref _count);
        }
    }

    sealed class Block(SocketBlocks pool) : IMemoryOwner<byte>
    {
        // Pinned, because the operating system writes into it.
        public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);

        public void Dispose() => pool.Return(this);
    }
}
