using System.Numerics;
using static TorchSharp.torch;

namespace TorchSharp;

/// <summary>A number beside a tensor: one of boolean, integer, floating point, complex, as libtorch keeps them.</summary>
public sealed class Scalar : IDisposable
{
    internal Scalar(Arg argument, Complex value, ScalarType type) => (Argument, Value, Type) = (argument, value, type);

    public ScalarType Type { get; }

    internal Arg Argument { get; }

    internal Complex Value { get; }

    public static implicit operator Scalar(byte value) => value.ToScalar();
    public static implicit operator Scalar(sbyte value) => value.ToScalar();
    public static implicit operator Scalar(short value) => value.ToScalar();
    public static implicit operator Scalar(int value) => value.ToScalar();
    public static implicit operator Scalar(long value) => value.ToScalar();
    public static implicit operator Scalar(Half value) => value.ToScalar();
    public static implicit operator Scalar(float value) => value.ToScalar();
    public static implicit operator Scalar(double value) => value.ToScalar();
    public static implicit operator Scalar(bool value) => value.ToScalar();
    public static implicit operator Scalar((float, float) value) => value.ToScalar();
    public static implicit operator Scalar(Complex value) => value.ToScalar();

    /// <summary>Nothing native is held; callers written for the real package may dispose all the same.</summary>
    public void Dispose()
    {
    }
}

public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this byte value) => ((long)value).ToScalar();
    public static Scalar ToScalar(this sbyte value) => ((long)value).ToScalar();
    public static Scalar ToScalar(this short value) => ((long)value).ToScalar();
    public static Scalar ToScalar(this int value) => ((long)value).ToScalar();
    public static Scalar ToScalar(this long value) => new(value, new Complex(value, 0), ScalarType.Int64);
    public static Scalar ToScalar(this Half value) => ((double)value).ToScalar();
    public static Scalar ToScalar(this float value) => ((double)value).ToScalar();
    public static Scalar ToScalar(this double value) => new(value, new Complex(value, 0), ScalarType.Float64);
    public static Scalar ToScalar(this bool value) => new(value, new Complex(value ? 1 : 0, 0), ScalarType.Bool);
    public static Scalar ToScalar(this (float, float) value) => new Complex(value.Item1, value.Item2).ToScalar();
    public static Scalar ToScalar(this Complex value) => new(Arg.Of(value), value, ScalarType.ComplexFloat64);

    public static float ToSingle(this Scalar value) => (float)value.Value.Real;
    public static double ToDouble(this Scalar value) => value.Value.Real;
    public static Half ToHalf(this Scalar value) => (Half)value.Value.Real;
    public static sbyte ToSByte(this Scalar value) => (sbyte)value.ToInt64();
    public static byte ToByte(this Scalar value) => (byte)value.ToInt64();
    public static short ToInt16(this Scalar value) => (short)value.ToInt64();
    public static int ToInt32(this Scalar value) => (int)value.ToInt64();
    public static long ToInt64(this Scalar value) => value.Argument.Integer ?? (long)value.Value.Real;
    public static bool ToBoolean(this Scalar value) => value.Value != Complex.Zero;
    public static (float Real, float Imaginary) ToComplexFloat32(this Scalar value) =>
        ((float)value.Value.Real, (float)value.Value.Imaginary);
    public static Complex ToComplexFloat64(this Scalar value) => value.Value;
}
