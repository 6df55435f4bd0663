using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>
/// One argument of an operator call. It keeps the managed owner of whatever it points at, so that nothing is collected while the
/// call runs, and costs no allocation.
/// </summary>
readonly struct Arg
{
    readonly object _owner;
    readonly long _bits;
    readonly int _length;
    readonly Tag _tag;

    Arg(Tag tag, long bits = 0, int length = 0) => (_tag, _bits, _length, _owner) = (tag, bits, length, Array.Empty<long>());

    Arg(Tag tag, object owner) => (_tag, _owner) = (tag, owner);

    Arg(Tag tag, Array list) => (_tag, _owner, _length) = (tag, list, list.Length);

    /// <summary>Leaves the argument to the operator schema's own default.</summary>
    public static Arg Absent => default;

    public static Arg None => new(Tag.None);

    public static implicit operator Arg(Tensor? value) => value is null ? new(Tag.None) : new(Tag.Tensor, (object)value);
    public static implicit operator Arg(long value) => new(Tag.Int, value);
    public static implicit operator Arg(int value) => new(Tag.Int, value);
    public static implicit operator Arg(double value) => new(Tag.Double, BitConverter.DoubleToInt64Bits(value));
    public static implicit operator Arg(float value) => (double)value;
    public static implicit operator Arg(bool value) => new(Tag.Bool, value ? 1 : 0);
    public static implicit operator Arg(long? value) => value is { } v ? v : None;
    public static implicit operator Arg(int? value) => value is { } v ? v : None;
    public static implicit operator Arg(double? value) => value is { } v ? v : None;
    public static implicit operator Arg(bool? value) => value is { } v ? v : None;
    public static implicit operator Arg(ScalarType value) => new(Tag.Int, (long)value);
    public static implicit operator Arg(ScalarType? value) => value is { } v ? v : None;
    public static implicit operator Arg(Device? value) => value is null ? new(Tag.None) : new(Tag.Device, (long)value.type, value.index);
    public static implicit operator Arg(Generator? value) => value is null ? new(Tag.None) : new(Tag.Generator, (object)value);
    public static implicit operator Arg(string? value) => value is null ? None : new(Tag.String, Encoding.UTF8.GetBytes(value));
    public static implicit operator Arg(long[]? value) => value is null ? new(Tag.None) : new(Tag.IntList, value);
    public static implicit operator Arg(ReadOnlySpan<long> value) => value.ToArray();
    public static implicit operator Arg(Size value) => value.Shape;
    public static implicit operator Arg((long, long) value) => new long[] { value.Item1, value.Item2 };
    public static implicit operator Arg((long, long, long) value) => new long[] { value.Item1, value.Item2, value.Item3 };
    public static implicit operator Arg((long, long, long, long) value) => new long[] { value.Item1, value.Item2, value.Item3, value.Item4 };
    public static implicit operator Arg((long, long)? value) => value is { } v ? v : None;
    public static implicit operator Arg((long, long, long)? value) => value is { } v ? v : None;
    public static implicit operator Arg(double[]? value) => value is null ? new(Tag.None) : new(Tag.DoubleList, value);
    public static implicit operator Arg(Tensor[] value) => new(Tag.TensorList, value);
    public static implicit operator Arg(Scalar? value) => value is null ? new(Tag.None) : value.Argument;

    /// <summary>The value of an integer or boolean argument: exact where a double would round.</summary>
    public long? Integer => _tag is Tag.Int or Tag.Bool ? _bits : null;

    /// <summary>A list in which null stands for an absent tensor, as index operators take it.</summary>
    public static Arg Optional(Tensor?[] value) => new(Tag.OptionalTensorList, value);

    public static Arg List(IEnumerable<Tensor> value) => value as Tensor[] ?? [.. value];

    public static Arg Of(Complex value) => new(Tag.Complex, new[] { value.Real, value.Imaginary });

    /// <summary>How many 8-byte words of scratch memory <see cref="Write"/> needs.</summary>
    public int Words => _tag switch
    {
        Tag.IntList or Tag.DoubleList or Tag.TensorList or Tag.OptionalTensorList => _length,
        Tag.String => (_length + sizeof(long) - 1) / sizeof(long),
        Tag.Complex => 2,
        _ => 0,
    };

    public unsafe long* Write(NativeValue* target, long* scratch)
    {
        target->Tag = _tag;
        target->Length = _length;
        target->Bits = _bits;
        switch (_tag)
        {
            case Tag.Tensor:
                target->Bits = Unsafe.As<Tensor>(_owner).Handle;
                return scratch;
            case Tag.Generator:
                target->Bits = Unsafe.As<Generator>(_owner).Handle;
                return scratch;
            case Tag.IntList:
                Unsafe.As<long[]>(_owner).CopyTo(new Span<long>(scratch, _length));
                break;
            case Tag.DoubleList or Tag.Complex:
                Unsafe.As<double[]>(_owner).CopyTo(new Span<double>(scratch, _length));
                break;
            case Tag.String:
                Unsafe.As<byte[]>(_owner).CopyTo(new Span<byte>(scratch, _length));
                break;
            case Tag.TensorList or Tag.OptionalTensorList:
                var tensors = Unsafe.As<Tensor?[]>(_owner);
                for (var k = 0; k < tensors.Length; k++)
                {
                    scratch[k] = tensors[k]?.Handle ?? 0;
                }

                break;
            default:
                return scratch;
        }

        target->Bits = (long)scratch;
        return scratch + Words;
    }
}

/// <summary>An ATen operator by name and overload. The dispatcher is asked once; each call then costs well under a microsecond.</summary>
sealed unsafe class Operator(string name, string overload = "")
{
    const int Scratch = 64;

    nint _handle;

    nint Handle => _handle != 0 ? _handle : _handle = Native.Check(Native.mim_operator("aten::" + name, overload));

    /// <summary>Runs an operator that returns one tensor.</summary>
    public Tensor Call(params ReadOnlySpan<Arg> args)
    {
        NativeValue result;
        Run(args, &result, 1);
        return new Tensor((nint)result.Bits);
    }

    /// <summary>Runs an operator that changes its first argument, and returns that very tensor.</summary>
    public Tensor InPlace(Tensor self, params ReadOnlySpan<Arg> args)
    {
        Run(args, null, 0, self);
        return self;
    }

    public (Tensor, Tensor) Call2(params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc NativeValue[2];
        Run(args, results, 2);
        return (new Tensor((nint)results[0].Bits), new Tensor((nint)results[1].Bits));
    }

    public (Tensor, Tensor, Tensor) Call3(params ReadOnlySpan<Arg> args)
    {
        var results = stackalloc NativeValue[3];
        Run(args, results, 3);
        return (new Tensor((nint)results[0].Bits), new Tensor((nint)results[1].Bits), new Tensor((nint)results[2].Bits));
    }

    /// <summary>Runs an operator that returns a list or a tuple of any number of tensors.</summary>
    public Tensor[] CallList(params ReadOnlySpan<Arg> args)
    {
        const int Capacity = 16;
        var results = stackalloc NativeValue[Capacity];
        var count = Run(args, results, Capacity);
        Span<NativeValue> values = new(results, Math.Min(count, Capacity));
        if (count > Capacity)
        {
            values = new NativeValue[count];
            fixed (NativeValue* many = values)
            {
                Native.mim_take(many);
            }
        }

        var tensors = new Tensor[count];
        for (var k = 0; k < count; k++)
        {
            tensors[k] = new Tensor((nint)values[k].Bits);
        }

        return tensors;
    }

    public bool CallBool(params ReadOnlySpan<Arg> args)
    {
        NativeValue result;
        Run(args, &result, 1);
        return result.Bits != 0;
    }

    public long CallInt(params ReadOnlySpan<Arg> args)
    {
        NativeValue result;
        Run(args, &result, 1);
        return result.Bits;
    }

    public Scalar CallScalar(params ReadOnlySpan<Arg> args)
    {
        NativeValue result;
        Run(args, &result, 1);
        return result.Tag switch
        {
            Tag.Bool => result.Bits != 0,
            Tag.Int => result.Bits,
            _ => BitConverter.Int64BitsToDouble(result.Bits),
        };
    }

    /// <summary>Runs an operator for its effect.</summary>
    public void Invoke(params ReadOnlySpan<Arg> args) => Run(args, null, 0);

    [SkipLocalsInit]
    int Run(ReadOnlySpan<Arg> args, NativeValue* results, int capacity, Tensor? self = null)
    {
        var words = 0;
        foreach (ref readonly var arg in args)
        {
            words += arg.Words;
        }

        var native = stackalloc NativeValue[args.Length + 1];
        var small = stackalloc long[Scratch];
        if (words <= Scratch)
        {
            return Run(self, args, native, small, results, capacity);
        }

        var large = (long*)NativeMemory.Alloc((nuint)words, sizeof(long));
        try
        {
            return Run(self, args, native, large, results, capacity);
        }
        finally
        {
            NativeMemory.Free(large);
        }
    }

    int Run(Tensor? self, ReadOnlySpan<Arg> args, NativeValue* native, long* scratch, NativeValue* results, int capacity)
    {
        var next = native;
        if (self is not null)
        {
            *next++ = new NativeValue { Tag = Tag.Tensor, Bits = self.Handle };
        }

        foreach (ref readonly var arg in args)
        {
            scratch = arg.Write(next++, scratch);
        }

        var count = Native.Check(Native.mim_call(Handle, native, (int)(next - native), results, capacity));
        GC.KeepAlive(self);
        return count;
    }
}
