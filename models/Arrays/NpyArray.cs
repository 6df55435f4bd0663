using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Mim.Models;

/// <summary>The element types of <c>.npy</c> files that this project reads and writes; all little-endian.</summary>
[SuppressMessage("Naming", "CA1720", Justification = "The names are numpy's, where the type is the meaning.")]
public enum NpyType
{
    Float32,
    Float64,
    Int64,
    Int32,
    UInt8,
    Bool,
}

/// <summary>A dense array in row-major order: the contents of one <c>.npy</c> file.</summary>
public sealed class NpyArray
{
    internal NpyArray(NpyType type, long[] shape, byte[] bytes)
    {
        Type = type;
        Shape = shape;
        Bytes = bytes;
    }

    public NpyType Type { get; }

    /// <summary>Sizes from the outermost dimension; empty for a single number.</summary>
    public long[] Shape { get; }

    /// <summary>The elements, little-endian.</summary>
    public byte[] Bytes { get; }

    public int Length => Bytes.Length / NpyHeader.SizeOf(Type);

    public static NpyArray From(ReadOnlySpan<float> data, params ReadOnlySpan<long> shape) =>
        Of(NpyType.Float32, data.Length, shape, MemoryMarshal.AsBytes(data));

    public static NpyArray From(ReadOnlySpan<double> data, params ReadOnlySpan<long> shape) =>
        Of(NpyType.Float64, data.Length, shape, MemoryMarshal.AsBytes(data));

    public static NpyArray From(ReadOnlySpan<long> data, params ReadOnlySpan<long> shape) =>
        Of(NpyType.Int64, data.Length, shape, MemoryMarshal.AsBytes(data));

    public static NpyArray From(ReadOnlySpan<byte> data, params ReadOnlySpan<long> shape) => Of(NpyType.UInt8, data.Length, shape, data);

    /// <summary>A copy as float32. Integers beyond 2^24 and doubles are rounded to the nearest.</summary>
    public float[] ToSingle()
    {
        var result = new float[Length];
        NpyHeader.ToSingle(Type, Bytes, result);
        return result;
    }

    /// <summary>A copy as float64.</summary>
    public double[] ToDouble()
    {
        switch (Type)
        {
            case NpyType.Float64:
                return MemoryMarshal.Cast<byte, double>(Bytes).ToArray();
            case NpyType.Float32:
                return Array.ConvertAll(ToSingle(), value => (double)value);
            default:
                return Array.ConvertAll(ToInt64(), value => (double)value);
        }
    }

    /// <summary>A copy as integers, for labels and counters; an array of floating-point numbers is refused.</summary>
    public long[] ToInt64()
    {
        var result = new long[Length];
        switch (Type)
        {
            case NpyType.Int64:
                MemoryMarshal.Cast<byte, long>(Bytes).CopyTo(result);
                break;
            case NpyType.Int32:
                var integers = MemoryMarshal.Cast<byte, int>(Bytes);
                for (var i = 0; i < result.Length; i++)
                {
                    result[i] = integers[i];
                }
                break;
            case NpyType.UInt8 or NpyType.Bool:
                for (var i = 0; i < result.Length; i++)
                {
                    result[i] = Bytes[i];
                }
                break;
            default:
                throw new InvalidDataException(
                    $"Expected an array of integers, found {NpyHeader.Describe(Type)}. Convert it with numpy's astype('int64').");
        }
        return result;
    }

    static NpyArray Of(NpyType type, int length, ReadOnlySpan<long> shape, ReadOnlySpan<byte> bytes)
    {
        long elements = 1;
        foreach (var size in shape)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(size, nameof(shape));
            elements = checked(elements * size);
        }
        if (elements != length)
        {
            throw new ArgumentException(
                $"Shape [{string.Join(", ", shape.ToArray())}]: expected {elements} elements, found {length}.", nameof(shape));
        }
        return new NpyArray(type, shape.ToArray(), bytes.ToArray());
    }
}
