using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace TorchSharp;

enum Tag
{
    Absent, None, Tensor, Int, Double, Bool, Complex, IntList, DoubleList, TensorList, OptionalTensorList, Device, String, Generator,
}

/// <summary>
/// An argument or a result of an operator as libmimtorch sees it. Lists: <see cref="Bits"/> is a pointer, <see cref="Length"/> a count.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
struct NativeValue
{
    public Tag Tag;
    public int Length;
    public long Bits;
}

/// <summary>The functions of native/bridge.cpp. Those that neither allocate nor wait skip the GC transition.</summary>
static unsafe partial class Native
{
    const string Library = "mimtorch";

    /// <summary>Throws what libtorch said if <paramref name="result"/> marks a failure (negative).</summary>
    public static int Check(int result) => result < 0 ? throw Error() : result;

    /// <inheritdoc cref="Check(int)"/>
    public static nint Check(nint result) => result == 0 ? throw Error() : result;

    public static ExternalException Error() => new(Marshal.PtrToStringUTF8(mim_error()) ?? "libtorch gave no message");

    [DoesNotReturn]
    public static void ThrowDisposed() => throw new InvalidOperationException("Tensor invalid -- empty handle.");

    [LibraryImport(Library)] public static partial nint mim_error();
    [LibraryImport(Library)] public static partial nint mim_version();
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint mim_operator(string name, string overload);
    [LibraryImport(Library)] public static partial int mim_call(nint op, NativeValue* args, int count, NativeValue* output, int capacity);
    [LibraryImport(Library)] public static partial void mim_take(NativeValue* output);

    [LibraryImport(Library)] public static partial void mim_release(nint tensor);
    [LibraryImport(Library)] public static partial nint mim_alias(nint tensor);
    [LibraryImport(Library)] public static partial nint mim_from_memory(void* data, long* sizes, int rank, int dtype);
    [LibraryImport(Library)] public static partial nint mim_data(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial long mim_dim(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial void mim_sizes(nint tensor, long* output);
    [LibraryImport(Library)] public static partial int mim_strides(nint tensor, long* output);
    [LibraryImport(Library)] public static partial long mim_storage_offset(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial long mim_numel(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial long mim_element_size(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial int mim_dtype(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial long mim_device(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial int mim_is_contiguous(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial int mim_is_sparse(nint tensor);
    [LibraryImport(Library)] public static partial int mim_is_pinned(nint tensor);

    [LibraryImport(Library), SuppressGCTransition] public static partial int mim_is_leaf(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] public static partial int mim_requires_grad(nint tensor);
    [LibraryImport(Library)] public static partial int mim_set_requires_grad(nint tensor, int on);
    [LibraryImport(Library)] public static partial int mim_retain_grad(nint tensor);
    [LibraryImport(Library)] public static partial nint mim_grad(nint tensor);
    [LibraryImport(Library)] public static partial int mim_set_grad(nint tensor, nint grad);
    [LibraryImport(Library)] public static partial void mim_clear_grads(nint* parameters, int count);
    [LibraryImport(Library)]
    public static partial int mim_backward(
        nint* roots, int count, nint* grads, int gradCount, int retain, int create, nint* inputs, int inputCount);
    [LibraryImport(Library)]
    public static partial int mim_autograd(
        nint* outputs, int count, nint* inputs, int inputCount, nint* grads, int gradCount, int retain, int create, int unused,
        nint* result);
    [LibraryImport(Library), SuppressGCTransition] public static partial int mim_grad_mode();
    [LibraryImport(Library), SuppressGCTransition] public static partial void mim_set_grad_mode(int on);
    [LibraryImport(Library), SuppressGCTransition] public static partial int mim_inference_mode();
    [LibraryImport(Library)] public static partial nint mim_enter_inference_mode(int on);
    [LibraryImport(Library)] public static partial void mim_leave_inference_mode(nint guard);

    [LibraryImport(Library)] public static partial nint mim_generator(ulong seed, long type, int index);
    [LibraryImport(Library)] public static partial nint mim_default_generator(long type, int index);
    [LibraryImport(Library)] public static partial void mim_release_generator(nint generator);
    [LibraryImport(Library)] public static partial int mim_generator_seed(nint generator, ulong seed);
    [LibraryImport(Library)] public static partial ulong mim_generator_initial_seed(nint generator);
    [LibraryImport(Library)] public static partial ulong mim_generator_fresh_seed(nint generator);
    [LibraryImport(Library)] public static partial nint mim_generator_state(nint generator);
    [LibraryImport(Library)] public static partial int mim_set_generator_state(nint generator, nint state);
    [LibraryImport(Library)] public static partial int mim_manual_seed(ulong seed);

    [LibraryImport(Library)] public static partial int mim_threads();
    [LibraryImport(Library)] public static partial int mim_set_threads(int count);
    [LibraryImport(Library)] public static partial int mim_interop_threads();
    [LibraryImport(Library)] public static partial int mim_set_interop_threads(int count);
    [LibraryImport(Library)] public static partial int mim_cuda_devices();
    [LibraryImport(Library)] public static partial int mim_cudnn();
    [LibraryImport(Library)] public static partial int mim_cuda_synchronize(long index);
    [LibraryImport(Library)] public static partial int mim_deterministic();
    [LibraryImport(Library)] public static partial int mim_set_deterministic(int on, int warnOnly);
}
