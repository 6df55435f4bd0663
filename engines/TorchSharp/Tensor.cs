using System.Numerics;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// A handle to a native tensor, owned by the dispose scope it was made in. The operators live in Tensor.Operators.cs, one line each.
    /// </summary>
    public partial class Tensor : IDisposable
    {
        static long s_totalCount;
        static long s_peakCount;

        nint _handle;

        internal Tensor(nint handle, bool register = true)
        {
            _handle = handle;
            var total = Interlocked.Increment(ref s_totalCount);
            if (total > s_peakCount)
            {
                s_peakCount = total;
            }

            if (register)
            {
                var manager = DisposeScopeManager.Current;
                if (manager.Innermost is { } scope)
                {
                    scope.Add(this);
                    manager.Counts.TensorStatistics.CreatedInScopeCount++;
                }
                else
                {
                    manager.Counts.TensorStatistics.CreatedOutsideScopeCount++;
                }
            }
        }

        ~Tensor() => Dispose(false);

        /// <summary>Live tensors of all threads. Tensors that never reached managed code (the autograd graph's) are not counted.</summary>
        public static long TotalCount => Interlocked.Read(ref s_totalCount);

        public static long PeakCount => s_peakCount;

        public nint Handle
        {
            get
            {
                if (_handle == 0)
                {
                    Native.ThrowDisposed();
                }

                return _handle;
            }
        }

        public bool IsInvalid => _handle == 0;

        public string? name { get; set; }

        internal DisposeScope? Scope { get; set; }

        internal Tensor? Previous { get; set; }

        internal Tensor? Next { get; set; }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (_handle == 0)
            {
                return;
            }

            var counts = DisposeScopeManager.Current.Counts.TensorStatistics;
            if (Scope is null)
            {
                counts.DisposedOutsideScopeCount++;
            }
            else
            {
                counts.DisposedInScopeCount++;
                Scope.Remove(this);
            }

            Native.mim_release(Release());
        }

        /// <summary>Gives the native tensor away: this object is invalid from here on, and neither scope nor finalizer will touch it.</summary>
        internal nint Release()
        {
            var handle = Handle;
            _handle = 0;
            Interlocked.Decrement(ref s_totalCount);
            GC.SuppressFinalize(this);
            return handle;
        }

        public Tensor MoveToOuterDisposeScope()
        {
            Scope?.MoveToOuter(this);
            return this;
        }

        public Tensor DetachFromDisposeScope()
        {
            Scope?.Detach(this);
            return this;
        }

        public Tensor MoveToOtherDisposeScope(Tensor other) => MoveToOtherDisposeScope(other.Scope);

        public Tensor MoveToOtherDisposeScope(DisposeScope? other)
        {
            if (Scope is null)
            {
                other?.Attach(this);
            }
            else
            {
                Scope.MoveToOther(other, this);
            }

            return this;
        }

        // Shape and type.

        public long ndim => Kept(Native.mim_dim(Handle));

        public long Dimensions => ndim;

        public long dim() => ndim;

        public long[] shape => size();

        public unsafe long[] size()
        {
            var sizes = new long[ndim];
            fixed (long* p = sizes)
            {
                Native.mim_sizes(Handle, p);
            }

            return Kept(sizes);
        }

        public long size(int dim)
        {
            var sizes = size();
            return sizes[dim < 0 ? dim + sizes.Length : dim];
        }

        public unsafe long[] stride()
        {
            var strides = new long[ndim];
            fixed (long* p = strides)
            {
                Native.Check(Native.mim_strides(Handle, p));
            }

            return Kept(strides);
        }

        public long stride(int dim)
        {
            var strides = stride();
            return strides[dim < 0 ? dim + strides.Length : dim];
        }

        public long storage_offset() => Kept(Native.mim_storage_offset(Handle));

        public long NumberOfElements => Kept(Native.mim_numel(Handle));

        public long numel() => NumberOfElements;

        public long ElementSize => Kept(Native.mim_element_size(Handle));

        public long element_size() => ElementSize;

        public ScalarType dtype => (ScalarType)Kept(Native.mim_dtype(Handle));

        public Device device
        {
            get
            {
                var device = Kept(Native.mim_device(Handle));
                return device == 0xFFFFFFFF ? CPU : new Device((DeviceType)(device >> 32), (int)device);
            }
        }

        public DeviceType device_type => device.type;

        public int device_index => device.index;

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_meta => device_type == DeviceType.META;

        public bool is_cpu() => device_type == DeviceType.CPU;

        public bool is_sparse => Kept(Native.mim_is_sparse(Handle)) != 0;

        public bool is_pinned() => Native.Check(Kept(Native.mim_is_pinned(Handle))) != 0;

        public bool is_contiguous() => Kept(Native.mim_is_contiguous(Handle)) != 0;

        public bool is_floating_point() => torch.is_floating_point(dtype);

        public bool is_complex() => torch.is_complex(dtype);

        public bool is_integral() => torch.is_integral(dtype);

        /// <summary>A second handle to the same native tensor, disposed on its own.</summary>
        public Tensor alias() => new(Native.mim_alias(Handle));

        // Autograd.

        public bool is_leaf => Kept(Native.mim_is_leaf(Handle)) != 0;

        public bool requires_grad
        {
            get => Kept(Native.mim_requires_grad(Handle)) != 0;
            set => Native.Check(Kept(Native.mim_set_requires_grad(Handle, value ? 1 : 0)));
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        public void retain_grad() => Native.Check(Kept(Native.mim_retain_grad(Handle)));

        /// <summary>The gradient that has accumulated here, a new handle every time; null before the first backward pass.</summary>
        public Tensor? grad
        {
            get => Kept(Native.mim_grad(Handle)) is not 0 and var handle ? new Tensor(handle) : null;
            set
            {
                Native.Check(Kept(Native.mim_set_grad(Handle, value?.Handle ?? 0)));
                GC.KeepAlive(value);
            }
        }

        public void backward() => autograd.backward([this]);

        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.backward([this], grad_tensors, retain_graph, create_graph, inputs);

        // Values.

        /// <summary>The elements in row-major order, as a view into the tensor's own memory.</summary>
        public TensorAccessor<T> data<T>() where T : unmanaged => new(this);

        /// <summary>The bytes of a contiguous CPU tensor, in place.</summary>
        public unsafe Span<byte> bytes
        {
            get
            {
                if (!is_contiguous())
                {
                    throw new NotImplementedException("Bytes() called on non-contiguous tensor.");
                }

                return new Span<byte>(Data(), checked((int)(NumberOfElements * ElementSize)));
            }

            set
            {
                if (value.Length != NumberOfElements * ElementSize)
                {
                    throw new ArgumentException($"bytes: expected {NumberOfElements * ElementSize}, found {value.Length}.", nameof(value));
                }

                value.CopyTo(bytes);
            }
        }

        internal unsafe void* Data()
        {
            if (device_type != DeviceType.CPU)
            {
                throw new InvalidOperationException("Reading data from non-CPU memory is not supported. Move or copy the tensor to the CPU before reading.");
            }

            return NumberOfElements == 0 ? null : (void*)Native.Check(Kept(Native.mim_data(Handle)));
        }

        /// <summary>The only element, which must be of the tensor's own type: <see cref="TensorExtensionMethods.ToSingle"/> and its kind convert.</summary>
        public T item<T>() where T : unmanaged
        {
            if (NumberOfElements != 1)
            {
                throw new ArgumentException($"Number of elements in the tensor must be 1, found {NumberOfElements}.");
            }

            using var accessor = data<T>();
            return accessor[0];
        }

        public Scalar ToScalar() => is_complex() ? to_type(ScalarType.ComplexFloat64).item<Complex>() : Op._local_scalar_dense.CallScalar(this);

        public override string ToString() => this.metastr();

        public bool is_nonzero() => NumberOfElements == 1
            ? this.ToBoolean()
            : throw new InvalidOperationException("is_nonzero() called on non-singleton tensor");

        // Moves and conversions: without copy they give the tensor itself (as a new handle) where nothing has to change.

        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false)
        {
            var moved = Op.to_device.Call(this, device, type, non_blocking, copy);
            if (disposeAfter)
            {
                Dispose();
            }

            return moved;
        }

        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(type, device, copy, disposeAfter, non_blocking);

        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(dtype, device, copy, disposeAfter, non_blocking);

        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(device), copy, disposeAfter, non_blocking);

        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        public Tensor to(Tensor other, bool non_blocking = false) => to(other.dtype, other.device, non_blocking: non_blocking);

        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(type, copy, disposeAfter, non_blocking);

        public Tensor type(ScalarType dtype) => to_type(dtype);

        public Tensor type(Func<Tensor, Tensor> typeFunc) => typeFunc(this);

        public override bool Equals(object? obj) => obj is Tensor other && Equals(other);

        /// <summary>Same shape, type and elements.</summary>
        public bool Equals(Tensor target) => shape.SequenceEqual(target.shape) && dtype == target.dtype && Op.equal.CallBool(this, target);

        public override int GetHashCode() => base.GetHashCode();

        Tensor As(ScalarType? type) => type is { } wanted ? to_type(wanted) : this;

        /// <summary>Keeps this tensor from being collected until its handle has been used.</summary>
        T Kept<T>(T value)
        {
            GC.KeepAlive(this);
            return value;
        }
    }

    internal static ScalarType DtypeOf(Type type) => s_dtypes.TryGetValue(type, out var dtype)
        ? dtype
        : throw new ArgumentException($"No tensor holds elements of {type.Name}.", nameof(type));

    static readonly Dictionary<Type, ScalarType> s_dtypes = new()
    {
        [typeof(byte)] = ScalarType.Byte,
        [typeof(sbyte)] = ScalarType.Int8,
        [typeof(short)] = ScalarType.Int16,
        [typeof(int)] = ScalarType.Int32,
        [typeof(long)] = ScalarType.Int64,
        [typeof(Half)] = ScalarType.Float16,
        [typeof(float)] = ScalarType.Float32,
        [typeof(double)] = ScalarType.Float64,
        [typeof(bool)] = ScalarType.Bool,
        [typeof((float, float))] = ScalarType.ComplexFloat32,
        [typeof(Complex)] = ScalarType.ComplexFloat64,
    };
}
