using System.Runtime.InteropServices;

namespace TorchSharp;

public static partial class torch
{
    public static readonly ScalarType uint8 = ScalarType.Byte;
    public static readonly ScalarType int8 = ScalarType.Int8;
    public static readonly ScalarType int16 = ScalarType.Int16;
    public static readonly ScalarType int32 = ScalarType.Int32;
    public static readonly ScalarType int64 = ScalarType.Int64;
    public static readonly ScalarType float16 = ScalarType.Float16;
    public static readonly ScalarType float32 = ScalarType.Float32;
    public static readonly ScalarType float64 = ScalarType.Float64;
    public static readonly ScalarType bfloat16 = ScalarType.BFloat16;
    public static readonly ScalarType complex64 = ScalarType.ComplexFloat32;
    public static readonly ScalarType complex128 = ScalarType.ComplexFloat64;
    public static readonly ScalarType @bool = ScalarType.Bool;
    public static readonly ScalarType @short = ScalarType.Int16;
    public static readonly ScalarType @int = ScalarType.Int32;
    public static readonly ScalarType @long = ScalarType.Int64;
    public static readonly ScalarType half = ScalarType.Float16;
    public static readonly ScalarType @float = ScalarType.Float32;
    public static readonly ScalarType @double = ScalarType.Float64;
    public static readonly ScalarType cfloat = ScalarType.ComplexFloat32;
    public static readonly ScalarType cdouble = ScalarType.ComplexFloat64;

    /// <summary>libtorch's version.</summary>
    public static string __version__ => Marshal.PtrToStringUTF8(Native.mim_version()) ?? "";

    public static ScalarType get_default_dtype() => ScalarType.Float32;

    public static Device get_default_device() => CPU;

    public static bool is_floating_point(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16;

    public static bool is_floating_point(Tensor input) => is_floating_point(input.dtype);

    public static bool is_complex(ScalarType type) => type is ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64;

    public static bool is_complex(Tensor input) => is_complex(input.dtype);

    public static bool is_integral(ScalarType type) =>
        type is ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 or ScalarType.Bool;

    public static bool is_integral(Tensor t) => is_integral(t.dtype);

    public static long numel(Tensor input) => input.numel();

    // Threads.

    public static int get_num_threads() => Native.mim_threads();

    public static void set_num_threads(int num) => Native.Check(Native.mim_set_threads(num));

    public static int get_num_interop_threads() => Native.mim_interop_threads();

    public static void set_num_interop_threads(int num) => Native.Check(Native.mim_set_interop_threads(num));

    // Gradient recording, per thread.

    public static IDisposable no_grad() => new GradMode(false);

    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);

    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);

    public static bool is_grad_enabled() => Native.mim_grad_mode() != 0;

    public static IDisposable inference_mode(bool mode = true) => new InferenceMode(mode);

    public static bool is_inference_mode_enabled() => Native.mim_inference_mode() != 0;

    public static bool are_deterministic_algorithms_enabled() => Native.mim_deterministic() != 0;

    public static IDisposable use_deterministic_algorithms(bool mode = true, bool warn_only = false) => new Deterministic(mode, warn_only);

    public static bool cuda_is_available() => cuda.is_available();

    public static class cuda
    {
        public static bool is_available() => device_count() > 0;

        public static bool is_cudnn_available() => Native.mim_cudnn() != 0;

        public static int device_count() => Native.mim_cuda_devices();

        public static void manual_seed(long seed) => torch.manual_seed(seed);

        public static void manual_seed_all(long seed) => torch.manual_seed(seed);

        public static void synchronize(Device? device = null) => Native.Check(Native.mim_cuda_synchronize(device?.index ?? -1));
    }

    // Creation beyond what Tensor.Operators.cs and torch.Operators.cs say in a line.

    public static Tensor arange(Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(0, stop, 1, dtype, device, requires_grad);

    public static Tensor arange(Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(start, stop, 1, dtype, device, requires_grad);

    public static Tensor arange(
        Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Op.arange_start_step.Call(start, stop, step, dtype, Arg.Absent, device), requires_grad);

    public static Tensor linspace(
        double start, double end, long steps, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Op.linspace.Call(start, end, steps, dtype, Arg.Absent, device), requires_grad);

    public static Tensor logspace(
        double start, double end, long steps, double @base = 10, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Made(Op.logspace.Call(start, end, steps, @base, dtype, Arg.Absent, device), requires_grad);

    public static Tensor eye(
        long rows, long columns = -1, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(Op.eye_m.Call(rows, columns < 0 ? rows : columns, dtype, Arg.Absent, device), requires_grad, names);

    public static Tensor normal(Tensor mean, Tensor std, Generator? generator = null) => Op.normal_Tensor_Tensor.Call(mean, std, generator);

    public static Tensor normal(
        double mean, double std, ReadOnlySpan<long> size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null, string[]? names = null) =>
        Made(Op.normal_float_float.Call(mean, std, size, generator, dtype, Arg.Absent, device), requires_grad, names);

    public static Tensor randperm(
        long n, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, Generator? generator = null) =>
        Made(Op.randperm_generator.Call(n, generator, dtype ?? ScalarType.Int64, Arg.Absent, device), requires_grad);

    public static Tensor randperm(long n, Tensor @out, Generator? generator = null) => Op.randperm_generator_out.Call(n, generator, @out);

    public static Tensor empty_like(
        Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(input.empty_like(dtype, device), requires_grad, names);

    public static Tensor zeros_like(
        Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(input.zeros_like(dtype, device), requires_grad, names);

    public static Tensor ones_like(
        Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(input.ones_like(dtype, device), requires_grad, names);

    public static Tensor full_like(
        Tensor input, Scalar value, ScalarType? dtype = null, Device? device = null, bool requires_grad = false, string[]? names = null) =>
        Made(input.full_like(value, dtype, device), requires_grad, names);

    public static Tensor rand_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        input.rand_like(dtype, device, requires_grad);

    public static Tensor randn_like(Tensor input, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        input.randn_like(dtype, device, requires_grad);

    public static Tensor randint_like(
        Tensor input, long low, long high, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        input.randint_like(low, high, dtype, device, requires_grad);

    /// <summary>A copy of an array of any rank.</summary>
    public static Tensor from_array(Array rawArray, Device? device = null) => from_array(rawArray, null, device);

    public static Tensor from_array(
        Array rawArray, ScalarType? dtype, Device? device = null, bool requires_grad = false, string[]? names = null)
    {
        var element = rawArray.GetType().GetElementType() ?? typeof(void);
        return FromBytes(BytesOf(rawArray), Shape(rawArray), DtypeOf(element), dtype, device, requires_grad, names);
    }

    internal static string? Name(RoundingMode mode) => mode == RoundingMode.None ? null : mode.ToString();

    static Tensor Made(Tensor tensor, bool requires_grad, string[]? names = null)
    {
        if (names is not null)
        {
            throw new NotSupportedException("Named tensors are not supported by this engine.");
        }

        if (requires_grad)
        {
            tensor.requires_grad = true;
        }

        return tensor;
    }

    static Tensor From<T>(
        ReadOnlySpan<T> values, ReadOnlySpan<long> dimensions, ScalarType? dtype, Device? device, bool requires_grad, string[]? names = null)
        where T : unmanaged =>
        FromBytes(MemoryMarshal.AsBytes(values), dimensions, DtypeOf(typeof(T)), dtype, device, requires_grad, names);

    static Tensor FromArray<T>(Array values, ScalarType? dtype, Device? device, bool requires_grad, string[]? names)
        where T : unmanaged =>
        FromBytes(BytesOf(values), Shape(values), DtypeOf(typeof(T)), dtype, device, requires_grad, names);

    static unsafe Tensor FromBytes(
        ReadOnlySpan<byte> bytes, ReadOnlySpan<long> dimensions, ScalarType type, ScalarType? dtype, Device? device, bool requires_grad, string[]? names)
    {
        var elements = 1L;
        foreach (var size in dimensions)
        {
            elements *= size;
        }

        var expected = elements * type.ElementSize();
        if (expected != bytes.Length)
        {
            throw new ArgumentException(
                $"tensor: [{string.Join(", ", dimensions.ToArray())}] needs {elements} elements, found {bytes.Length / type.ElementSize()}.");
        }

        Tensor tensor;
        fixed (byte* data = bytes)
        fixed (long* sizes = dimensions)
        {
            tensor = new Tensor(Native.Check(Native.mim_from_memory(data, sizes, dimensions.Length, (int)type)));
        }

        if ((dtype is { } wanted && wanted != type) || device is { type: not DeviceType.CPU })
        {
            tensor = tensor.to(dtype ?? type, device ?? CPU, disposeAfter: true);
        }

        return Made(tensor, requires_grad, names);
    }

    static Span<byte> BytesOf(Array values) =>
        MemoryMarshal.CreateSpan(ref MemoryMarshal.GetArrayDataReference(values), Buffer.ByteLength(values));

    static long[] Shape(Array values) => [.. Enumerable.Range(0, values.Rank).Select(values.GetLongLength)];

    sealed class GradMode : IDisposable
    {
        readonly bool _previous = is_grad_enabled();

        public GradMode(bool enabled) => Native.mim_set_grad_mode(enabled ? 1 : 0);

        public void Dispose() => Native.mim_set_grad_mode(_previous ? 1 : 0);
    }

    sealed class InferenceMode(bool enabled) : IDisposable
    {
        nint _guard = Native.mim_enter_inference_mode(enabled ? 1 : 0);

        public void Dispose()
        {
            if (_guard != 0)
            {
                Native.mim_leave_inference_mode(_guard);
                _guard = 0;
            }
        }
    }

    sealed class Deterministic : IDisposable
    {
        readonly bool _previous = are_deterministic_algorithms_enabled();

        public Deterministic(bool mode, bool warnOnly) => Native.Check(Native.mim_set_deterministic(mode ? 1 : 0, warnOnly ? 1 : 0));

        public void Dispose() => Native.Check(Native.mim_set_deterministic(_previous ? 1 : 0, 0));
    }
}
