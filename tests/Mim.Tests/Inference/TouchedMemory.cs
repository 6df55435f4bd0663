using System.Buffers;

namespace Mim.Tests.Inference;

/// <summary>Memory that tells when somebody looks into it, so that a test can stop the inference thread there, or kill it.</summary>
sealed class TouchedMemory(float[] values, Action touched) : MemoryManager<float>
{
    /// <summary>All of it, without a look.</summary>
    public Memory<float> Whole => CreateMemory(values.Length);

    public override Span<float> GetSpan()
    {
        touched();
        return values;
    }

    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException();

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}
