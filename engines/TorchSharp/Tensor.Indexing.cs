using System.Runtime.CompilerServices;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>One position of an index expression: a number, a slice, a tensor, a new axis, or "everything between".</summary>
    public readonly struct TensorIndex
    {
        public static readonly TensorIndex Ellipsis = new(Kind.Ellipsis);
        public static readonly TensorIndex None = new(Kind.NewAxis);
        public static readonly TensorIndex Null = new(Kind.NewAxis);
        public static readonly TensorIndex Colon = Slice();

        readonly Kind _kind;
        readonly long? _start;
        readonly long? _stop;
        readonly long? _step;
        readonly Tensor? _tensor;

        TensorIndex(Kind kind, long? start = null, long? stop = null, long? step = null, Tensor? tensor = null) =>
            (_kind, _start, _stop, _step, _tensor) = (kind, start, stop, step, tensor);

        enum Kind
        {
            Single,
            Slice,
            Bool,
            Tensor,
            NewAxis,
            Ellipsis,
        }

        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) => new(Kind.Slice, start, stop, step);

        public static TensorIndex Slice((int? start, int? end) range) => Slice(range.start, range.end);

        public static TensorIndex Slice(Range range) => Slice(Bound(range.Start), range.End.Equals(Index.End) ? null : Bound(range.End));

        public static TensorIndex Bool(bool value) => new(Kind.Bool, value ? 1 : 0);

        public static TensorIndex Single(long? index) => new(Kind.Single, index);

        public static TensorIndex Tensor(Tensor tensor) => new(Kind.Tensor, tensor: tensor);

        public static implicit operator TensorIndex(long value) => Single(value);

        /// <summary>Only there so that overload resolution prefers index expressions to lists of tensors; never called.</summary>
        public static implicit operator Tensor(TensorIndex value) => throw new InvalidOperationException("Should not be called.");

        public static implicit operator TensorIndex((int? start, int? end) range) => Slice(range);

        public static implicit operator TensorIndex(Range range) => Slice(range);

        public static implicit operator TensorIndex(Index index) => Single(Bound(index));

        static long Bound(Index index) => index.IsFromEnd ? -index.Value : index.Value;

        /// <summary>
        /// Applies all that views can express; what remains for gather or scatter (one entry per dimension of the result, null where
        /// nothing selects) is in <paramref name="rest"/>, null if nothing remains.
        /// </summary>
        internal static Tensor View(Tensor tensor, ReadOnlySpan<TensorIndex> indices, out Tensor?[]? rest)
        {
            var given = 0;
            foreach (ref readonly var index in indices)
            {
                given += index._kind switch
                {
                    Kind.Single or Kind.Slice => 1,
                    Kind.Tensor => index._tensor is { dtype: ScalarType.Bool or ScalarType.Byte } mask ? (int)mask.ndim : 1,
                    _ => 0,
                };
            }

            var dim = 0L;
            var view = tensor;
            List<Tensor?>? selected = null;
            foreach (ref readonly var index in indices)
            {
                switch (index._kind)
                {
                    case Kind.Single:
                        view = Op.select_int.Call(view, dim, index._start ?? 0);
                        break;
                    case Kind.Slice:
                        view = Op.slice_Tensor.Call(view, dim++, index._start, index._stop, index._step ?? 1);
                        break;
                    case Kind.NewAxis:
                        view = Op.unsqueeze.Call(view, dim++);
                        break;
                    case Kind.Ellipsis:
                        dim += tensor.ndim - given;
                        break;
                    case Kind.Bool:
                        view = Op.unsqueeze.Call(view, dim);
                        Select(ref selected, dim++, torch.tensor(index._start == 1).unsqueeze(0));
                        break;
                    case Kind.Tensor when index._tensor is { } chosen:
                        Select(ref selected, dim, chosen);
                        dim += chosen.dtype is ScalarType.Bool or ScalarType.Byte ? chosen.ndim : 1;
                        break;
                }
            }

            rest = selected?.ToArray();
            return view;
        }

        // A mask over several dimensions takes one entry of the list: index.Tensor expands it.
        static void Select(ref List<Tensor?>? selected, long dim, Tensor chosen)
        {
            selected ??= [];
            var covered = selected.Sum(tensor => tensor is { dtype: ScalarType.Bool or ScalarType.Byte } mask ? mask.ndim : 1);
            for (; covered < dim; covered++)
            {
                selected.Add(null);
            }

            selected.Add(chosen);
        }
    }

    public partial class Tensor
    {
        [IndexerName("TensorItems")]
        public Tensor this[params TensorIndex[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params Tensor[] indices]
        {
            get => index(indices);
            set => index_put_(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[params long[] indices]
        {
            get => At(indices);
            set => Put(value, indices);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1]
        {
            get => Op.select_int.Call(this, 0, i1);
            set => Put(value, i1);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2]
        {
            get => At(i1, i2);
            set => Put(value, i1, i2);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3]
        {
            get => At(i1, i2, i3);
            set => Put(value, i1, i2, i3);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4]
        {
            get => At(i1, i2, i3, i4);
            set => Put(value, i1, i2, i3, i4);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5]
        {
            get => At(i1, i2, i3, i4, i5);
            set => Put(value, i1, i2, i3, i4, i5);
        }

        [IndexerName("TensorItems")]
        public Tensor this[long i1, long i2, long i3, long i4, long i5, long i6]
        {
            get => At(i1, i2, i3, i4, i5, i6);
            set => Put(value, i1, i2, i3, i4, i5, i6);
        }

        public Tensor index(params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            var view = TensorIndex.View(this, indices, out var rest);
            var result = rest is null ? view : Op.index_Tensor.Call(view, Arg.Optional(rest));
            return result == (object)this ? alias().MoveToOuterDisposeScope() : result.MoveToOuterDisposeScope();
        }

        public Tensor index(params Tensor[] indices) => Op.index_Tensor.Call(this, Arg.Optional(indices));

        public Tensor index_put_(Tensor value, params TensorIndex[] indices) => index_put_(value, indices, false);

        public Tensor index_put_(Tensor value, TensorIndex[] indices, bool accumulate = false)
        {
            using var scope = NewDisposeScope();
            var view = TensorIndex.View(this, indices, out var rest);
            if (rest is null && !accumulate)
            {
                Op.copy_.InPlace(view, value);
            }
            else if (rest is null)
            {
                Op.add__Tensor.InPlace(view, value);
            }
            else
            {
                Op.index_put_.InPlace(view, Arg.Optional(rest), value.to(view.dtype, view.device), accumulate);
            }

            return this;
        }

        public Tensor index_put_(Tensor value, params Tensor[] indices) => index_put_(value, indices, false);

        public Tensor index_put_(Tensor value, Tensor[] indices, bool accumulate = false) =>
            Op.index_put_.InPlace(this, Arg.Optional(indices), value, accumulate);

        public Tensor index_put_(Scalar value, params TensorIndex[] indices)
        {
            using var scope = NewDisposeScope();
            return index_put_(full([], value, dtype, device), indices);
        }

        public Tensor index_put_(Scalar value, params Tensor[] indices)
        {
            using var scope = NewDisposeScope();
            return index_put_(full([], value, dtype, device), indices);
        }

        Tensor At(params ReadOnlySpan<long> indices)
        {
            var view = alias();
            foreach (var index in indices)
            {
                var outer = view;
                view = Op.select_int.Call(outer, 0, index);
                outer.Dispose();
            }

            return view;
        }

        void Put(Tensor value, params ReadOnlySpan<long> indices)
        {
            using var view = At(indices);
            Op.copy_.InPlace(view, value);
        }
    }
}
