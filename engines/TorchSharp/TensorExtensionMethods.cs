using System.Globalization;
using System.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp;

public static class TensorExtensionMethods
{
    public static int ElementSize(this ScalarType type) => type switch
    {
        ScalarType.Byte or ScalarType.Int8 or ScalarType.Bool => 1,
        ScalarType.Int16 or ScalarType.Float16 or ScalarType.BFloat16 => 2,
        ScalarType.Int32 or ScalarType.Float32 => 4,
        ScalarType.Int64 or ScalarType.Float64 or ScalarType.ComplexFloat32 => 8,
        ScalarType.ComplexFloat64 => 16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown element type"),
    };

    public static long TotalSize(this IEnumerable<long> shape) => shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Turns the tensor into a parameter; the tensor itself is invalid afterwards.</summary>
    public static Parameter AsParameter(this Tensor tensor) => new(tensor);

    public static Tensor ToTensor<T>(this T[] rawArray, long[] dimensions, bool doCopy = false, bool requires_grad = false)
        where T : unmanaged
    {
        var flat = from_array(rawArray);
        var shaped = flat.reshape(dimensions);
        flat.Dispose();
        return shaped.requires_grad_(requires_grad);
    }

    public static Tensor ToTensor<T>(this T scalar, Device? device = null, bool requires_grad = false)
        where T : unmanaged
    {
        using var flat = from_array(new[] { scalar }, device);
        return flat.squeeze(0).requires_grad_(requires_grad);
    }

    public static bool ToBoolean(this Tensor value) => value.ToScalar().ToBoolean();
    public static byte ToByte(this Tensor value) => value.ToScalar().ToByte();
    public static sbyte ToSByte(this Tensor value) => value.ToScalar().ToSByte();
    public static short ToInt16(this Tensor value) => value.ToScalar().ToInt16();
    public static int ToInt32(this Tensor value) => value.ToScalar().ToInt32();
    public static long ToInt64(this Tensor value) => value.ToScalar().ToInt64();
    public static Half ToHalf(this Tensor value) => value.ToScalar().ToHalf();
    public static float ToSingle(this Tensor value) => value.ToScalar().ToSingle();
    public static double ToDouble(this Tensor value) => value.ToScalar().ToDouble();
    public static (float Real, float Imaginary) ToComplexFloat32(this Tensor value) => value.ToScalar().ToComplexFloat32();
    public static Complex ToComplexFloat64(this Tensor value) => value.ToScalar().ToComplexFloat64();

    /// <summary>Shape, type and device.</summary>
    public static string metastr(this Tensor tensor) =>
        string.Create(CultureInfo.InvariantCulture, $"[{string.Join("x", tensor.shape)}], type = {tensor.dtype}, device = {tensor.device}");
}
