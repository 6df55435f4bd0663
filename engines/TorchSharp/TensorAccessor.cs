using System.Collections;
using static TorchSharp.torch;

namespace TorchSharp.Utils;

/// <summary>The elements of a CPU tensor in row-major order, read from and written to its own memory.</summary>
public sealed unsafe class TensorAccessor<T> : IDisposable, IEnumerable<T>
    where T : unmanaged
{
    readonly Tensor _tensor;
    readonly T* _data;
    readonly long[] _shape;
    readonly long[] _strides;
    readonly bool _contiguous;

    internal TensorAccessor(Tensor tensor)
    {
        if (tensor.dtype != DtypeOf(typeof(T)))
        {
            throw new ArgumentException($"{typeof(T).Name} is not compatible with {tensor.dtype}");
        }

        if (!tensor.is_cpu())
        {
            throw new InvalidOperationException(
                "Reading data from non-CPU memory is not supported. Move or copy the tensor to the cpu before reading.");
        }

        _tensor = tensor;
        _data = (T*)_tensor.Data();
        _shape = _tensor.shape;
        _strides = _tensor.stride();
        _contiguous = _tensor.is_contiguous();
    }

    public long Count => _tensor.NumberOfElements;

    public bool IsReadOnly => false;

    public T this[params long[] indices]
    {
        get => _data[Offset(indices)];
        set => _data[Offset(indices)] = value;
    }

    public static bool operator ==(TensorAccessor<T> left, TensorAccessor<T> right) => left.Equals(right);

    public static bool operator !=(TensorAccessor<T> left, TensorAccessor<T> right) => !left.Equals(right);

    public T[] ToArray()
    {
        var values = new T[Count];
        CopyTo(values);
        return values;
    }

    public Array ToNDArray()
    {
        if (_shape.Length == 0)
        {
            return ToArray();
        }

        var values = Array.CreateInstance(typeof(T), _shape);
        var flat = ToArray();
        Buffer.BlockCopy(flat, 0, values, 0, Buffer.ByteLength(flat));
        return values;
    }

    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var target = array[arrayIndex..];
        var count = (int)Math.Min(Count - tensorIndex, target.Length);
        if (_contiguous)
        {
            new ReadOnlySpan<T>(_data + tensorIndex, count).CopyTo(target);
        }
        else
        {
            for (var k = 0; k < count; k++)
            {
                target[k] = _data[Offset(tensorIndex + k)];
            }
        }

        GC.KeepAlive(_tensor);
    }

    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var source = array[arrayIndex..];
        var count = (int)Math.Min(Count - tensorIndex, source.Length);
        if (_contiguous)
        {
            source[..count].CopyTo(new Span<T>(_data + tensorIndex, count));
        }
        else
        {
            for (var k = 0; k < count; k++)
            {
                _data[Offset(tensorIndex + k)] = source[k];
            }
        }

        GC.KeepAlive(_tensor);
    }

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)ToArray()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override bool Equals(object? obj) => obj is TensorAccessor<T> other && Count == other.Count && ToArray().AsSpan().SequenceEqual(other.ToArray());

    public override int GetHashCode() => Count.GetHashCode();

    public void Dispose()
    {
    }

    long Offset(long[] indices)
    {
        if (indices.Length == 1)
        {
            return Offset(indices[0]);
        }

        var offset = 0L;
        for (var k = 0; k < indices.Length; k++)
        {
            offset += indices[k] * _strides[k];
        }

        return offset;
    }

    // Of the element at a row-major position.
    long Offset(long position)
    {
        if ((ulong)position >= (ulong)Count)
        {
            throw new IndexOutOfRangeException($"Element {position} of {Count}.");
        }

        if (_contiguous)
        {
            return position;
        }

        var offset = 0L;
        for (var k = _shape.Length - 1; k >= 0; k--)
        {
            (position, var index) = Math.DivRem(position, _shape[k]);
            offset += index * _strides[k];
        }

        return offset;
    }
}
