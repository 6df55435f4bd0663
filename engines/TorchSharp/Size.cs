using System.Collections;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>The sizes of a tensor's dimensions.</summary>
    public readonly struct Size : IEnumerable<long>
    {
        public static readonly Size Empty = new(Array.Empty<long>());

        readonly long[]? _shape;

        public Size(long[] shape) => _shape = [.. shape];

        public Size(int[] shape) => _shape = Array.ConvertAll(shape, size => (long)size);

        public Size(IEnumerable<long> shape) => _shape = [.. shape];

        public Size(long size) => _shape = [size];

        public Size(int size) => _shape = [size];

        public Size((long, long) size) => _shape = [size.Item1, size.Item2];

        public Size((long, long, long) size) => _shape = [size.Item1, size.Item2, size.Item3];

        public Size((long, long, long, long) size) => _shape = [size.Item1, size.Item2, size.Item3, size.Item4];

        public Size((int, int) size) => _shape = [size.Item1, size.Item2];

        public Size((int, int, int) size) => _shape = [size.Item1, size.Item2, size.Item3];

        public Size((int, int, int, int) size) => _shape = [size.Item1, size.Item2, size.Item3, size.Item4];

        public long[] Shape => _shape ?? [];

        public int Length => Shape.Length;

        public bool IsEmpty => Length == 0;

        public bool IsScalar => Length == 0;

        public long this[int idx] => Shape[idx];

        public long this[long idx] => Shape[idx];

        public static implicit operator Size(long size) => new(size);
        public static implicit operator Size(long[] size) => new(size);
        public static implicit operator Size((long, long) size) => new(size);
        public static implicit operator Size((long, long, long) size) => new(size);
        public static implicit operator Size((long, long, long, long) size) => new(size);

        public static bool operator ==(Size left, Size right) => left.Shape.AsSpan().SequenceEqual(right.Shape);

        public static bool operator !=(Size left, Size right) => !(left == right);

        public static Size operator +(Size left, Size right) => new([.. left.Shape, .. right.Shape]);

        public static Size operator +(Size left, IEnumerable<long> right) => new([.. left.Shape, .. right]);

        public long numel() => Shape.Aggregate(1L, (product, size) => product * size);

        public Size Slice(int first, int next) => new(Shape[first..next]);

        public IEnumerable<long> Take(int i) => Shape.Take(i);

        public IEnumerator<long> GetEnumerator() => ((IEnumerable<long>)Shape).GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public override bool Equals(object? obj) => obj is Size other && this == other;

        public override int GetHashCode() => Shape.Aggregate(Length, HashCode.Combine);
    }
}
