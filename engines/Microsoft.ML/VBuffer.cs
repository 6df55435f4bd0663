namespace Microsoft.ML.Data;

/// <summary>A vector. The real one may be sparse; this one is always dense.</summary>
public readonly struct VBuffer<T>
{
    readonly T[]? _values;

    public readonly int Length;

    internal VBuffer(T[] values)
    {
        _values = values;
        Length = values.Length;
    }

    public ReadOnlySpan<T> GetValues() => _values;

    public IEnumerable<T> DenseValues() => _values ?? [];
}
