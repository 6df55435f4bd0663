using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null) =>
                new(inputSize, outputSize, hasBias, device, dtype);

            public static Linear Linear(Parameter weight, Parameter? bias = null) => new(weight, bias);

            public static Identity Identity() => new();

            public static Flatten Flatten(long start_dim = 1, long end_dim = -1) => new(start_dim, end_dim);

            public static Unflatten Unflatten(long dim, long[] unflattened_size) => new(dim, unflattened_size);

            public static Embedding Embedding(
                long num_embeddings, long embedding_dims, long? padding_idx = null, double? max_norm = null, double norm_type = 2,
                bool scale_grad_by_freq = false, bool sparse = false, Device? device = null, ScalarType? dtype = null) =>
                max_norm is null
                    ? new(num_embeddings, embedding_dims, padding_idx, scale_grad_by_freq, sparse, device, dtype)
                    : throw new NotSupportedException("Embedding: max_norm is not supported by this engine.");
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>y = x·Wᵀ + b.</summary>
    public sealed class Linear : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = nameof(weight))]
        Parameter? _weight;

        [ComponentName(Name = nameof(bias))]
        Parameter? _bias;

        internal Linear(long inputSize, long outputSize, bool hasBias, Device? device, ScalarType? dtype)
            : base(nameof(Linear))
        {
            (in_features, out_features) = (inputSize, outputSize);
            weight = empty([outputSize, inputSize], dtype, device).AsParameter();
            nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
            if (hasBias)
            {
                var bound = inputSize > 0 ? 1 / Math.Sqrt(inputSize) : 0;
                bias = empty([outputSize], dtype, device).AsParameter();
                nn.init.uniform_(bias, -bound, bound);
            }
        }

        internal Linear(Parameter weight, Parameter? bias)
            : base(nameof(Linear))
        {
            (out_features, in_features) = (weight.shape[0], weight.shape[1]);
            this.weight = weight;
            this.bias = bias;
        }

        public long in_features { get; set; }

        public long out_features { get; set; }

        public Parameter weight
        {
            get => _weight ?? throw new InvalidOperationException("Linear: no weight.");
            set => Assign(nameof(weight), ref _weight, value);
        }

        public Parameter? bias
        {
            get => _bias;
            set => Assign(nameof(bias), ref _bias, value);
        }

        public override Tensor forward(Tensor tensor) => Op.linear.Call(tensor, _weight, _bias);
    }

    public sealed class Identity : ParameterLessModule<Tensor, Tensor>
    {
        internal Identity()
            : base(nameof(Identity))
        {
        }

        public override Tensor forward(Tensor tensor) => tensor.alias();
    }

    public sealed class Flatten : ParameterLessModule<Tensor, Tensor>
    {
        internal Flatten(long start_dim, long end_dim)
            : base(nameof(Flatten)) =>
            (this.start_dim, this.end_dim) = (start_dim, end_dim);

        public long start_dim { get; set; }

        public long end_dim { get; set; }

        public override Tensor forward(Tensor input) => input.flatten(start_dim, end_dim);
    }

    public sealed class Unflatten : ParameterLessModule<Tensor, Tensor>
    {
        internal Unflatten(long dim, long[] unflattened_size)
            : base(nameof(Unflatten)) =>
            (this.dim, this.unflattened_size) = (dim, unflattened_size);

        public long dim { get; set; }

        public long[] unflattened_size { get; set; }

        public override Tensor forward(Tensor tensor) => tensor.unflatten(dim, unflattened_size);
    }

    public sealed class Embedding : nn.Module<Tensor, Tensor>
    {
        readonly long _padding;
        readonly bool _scaleByFrequency;
        readonly bool _sparse;

        [ComponentName(Name = nameof(weight))]
        Parameter? _weight;

        internal Embedding(long count, long size, long? padding, bool scaleByFrequency, bool sparse, Device? device, ScalarType? dtype)
            : base(nameof(Embedding))
        {
            (_padding, _scaleByFrequency, _sparse) = (padding ?? -1, scaleByFrequency, sparse);
            weight = empty([count, size], dtype, device).AsParameter();
            nn.init.normal_(weight);
            if (padding is { } row)
            {
                using var mode = no_grad();
                using var zeroed = Op.select_int.Call(weight, 0, row);
                zeroed.zero_();
            }
        }

        public Parameter weight
        {
            get => _weight ?? throw new InvalidOperationException("Embedding: no weight.");
            set => Assign(nameof(weight), ref _weight, value);
        }

        public override Tensor forward(Tensor input) => Op.embedding.Call(weight, input, _padding, _scaleByFrequency, _sparse);
    }
}
