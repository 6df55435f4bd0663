using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static BatchNorm1d BatchNorm1d(
                long num_features, double eps = 1e-5, double momentum = 0.1, bool affine = true, bool track_running_stats = true,
                Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);

            public static BatchNorm2d BatchNorm2d(
                long num_features, double eps = 1e-5, double momentum = 0.1, bool affine = true, bool track_running_stats = true,
                Device? device = null, ScalarType? dtype = null) => new(num_features, eps, momentum, affine, track_running_stats, device, dtype);

            public static LayerNorm LayerNorm(
                long normalized_shape, double eps = 1e-5, bool elementwise_affine = true, bool bias = true, Device? device = null,
                ScalarType? dtype = null) => new([normalized_shape], eps, elementwise_affine, bias, device, dtype);

            public static LayerNorm LayerNorm(
                long[] normalized_shape, double eps = 1e-5, bool elementwise_affine = true, bool bias = true, Device? device = null,
                ScalarType? dtype = null) => new(normalized_shape, eps, elementwise_affine, bias, device, dtype);
        }
    }
}

namespace TorchSharp.Modules
{
    public abstract class NormBase : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = nameof(weight))]
        Parameter? _weight;

        [ComponentName(Name = nameof(bias))]
        Parameter? _bias;

        [ComponentName(Name = nameof(running_mean))]
        Tensor? _mean;

        [ComponentName(Name = nameof(running_var))]
        Tensor? _var;

        [ComponentName(Name = nameof(num_batches_tracked))]
        Tensor? _batches;

        protected NormBase(
            long num_features, double eps, double? momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name)
            : base(name)
        {
            (this.num_features, this.eps, this.momentum) = (num_features, eps, momentum);
            (this.affine, this.track_running_stats) = (affine, track_running_stats);
            if (affine)
            {
                weight = ones([num_features], dtype, device).AsParameter();
                bias = zeros([num_features], dtype, device).AsParameter();
            }

            if (track_running_stats)
            {
                running_mean = zeros([num_features], dtype, device);
                running_var = ones([num_features], dtype, device);
                num_batches_tracked = tensor(0L, device: device);
            }
        }

        public long num_features { get; }

        public double eps { get; set; }

        /// <summary>The weight of the newest batch in the running statistics; null averages all batches alike.</summary>
        public double? momentum { get; set; }

        public bool affine { get; }

        public bool track_running_stats { get; }

        public Parameter? weight
        {
            get => _weight;
            set => Assign(nameof(weight), ref _weight, value);
        }

        public Parameter? bias
        {
            get => _bias;
            set => Assign(nameof(bias), ref _bias, value);
        }

        public Tensor? running_mean
        {
            get => _mean;
            set => AssignBuffer(nameof(running_mean), ref _mean, value);
        }

        public Tensor? running_var
        {
            get => _var;
            set => AssignBuffer(nameof(running_var), ref _var, value);
        }

        public Tensor? num_batches_tracked
        {
            get => _batches;
            set => AssignBuffer(nameof(num_batches_tracked), ref _batches, value);
        }

        public void reset_running_stats()
        {
            running_mean?.zero_();
            running_var?.fill_(1);
            num_batches_tracked?.zero_();
        }

        public void reset_parameters()
        {
            reset_running_stats();
            using var mode = no_grad();
            weight?.fill_(1);
            bias?.zero_();
        }

        protected abstract void ValidateInputDimensions(Tensor input);
    }

    public abstract class BatchNorm : NormBase
    {
        protected BatchNorm(
            long num_features, double eps, double momentum, bool affine, bool track_running_stats, Device? device, ScalarType? dtype, string name)
            : base(num_features, eps, momentum, affine, track_running_stats, device, dtype, name)
        {
        }

        public override Tensor forward(Tensor input)
        {
            ValidateInputDimensions(input);
            var factor = momentum ?? 0;
            if (training && track_running_stats && num_batches_tracked is not null)
            {
                num_batches_tracked.add_(1);
                factor = momentum ?? 1.0 / num_batches_tracked.ToDouble();
            }

            var running = !training || track_running_stats;
            var batch = training || (running_mean is null && running_var is null);
            return Op.batch_norm.Call(input, weight, bias, running ? running_mean : null, running ? running_var : null, batch, factor, eps, true);
        }
    }

    public sealed class BatchNorm1d : BatchNorm
    {
        internal BatchNorm1d(long features, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype)
            : base(features, eps, momentum, affine, track, device, dtype, nameof(BatchNorm1d))
        {
        }

        protected override void ValidateInputDimensions(Tensor input)
        {
            if (input.ndim is not (2 or 3))
            {
                throw new ArgumentException($"expected 2D or 3D input, but got {input.ndim}D input.", nameof(input));
            }
        }
    }

    public sealed class BatchNorm2d : BatchNorm
    {
        internal BatchNorm2d(long features, double eps, double momentum, bool affine, bool track, Device? device, ScalarType? dtype)
            : base(features, eps, momentum, affine, track, device, dtype, nameof(BatchNorm2d))
        {
        }

        protected override void ValidateInputDimensions(Tensor input)
        {
            if (input.ndim != 4)
            {
                throw new ArgumentException($"expected 4D input, but got {input.ndim}D input.", nameof(input));
            }
        }
    }

    public sealed class LayerNorm : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = nameof(weight))]
        Parameter? _weight;

        [ComponentName(Name = nameof(bias))]
        Parameter? _bias;

        internal LayerNorm(long[] normalized_shape, double eps, bool elementwise_affine, bool bias, Device? device, ScalarType? dtype)
            : base(nameof(LayerNorm))
        {
            (this.normalized_shape, this.eps, this.elementwise_affine) = (normalized_shape, eps, elementwise_affine);
            if (elementwise_affine)
            {
                weight = ones(normalized_shape, dtype, device).AsParameter();
                this.bias = bias ? zeros(normalized_shape, dtype, device).AsParameter() : null;
            }
        }

        public long[] normalized_shape { get; set; }

        public double eps { get; set; }

        public bool elementwise_affine { get; set; }

        public Parameter? weight
        {
            get => _weight;
            set => Assign(nameof(weight), ref _weight, value);
        }

        public Parameter? bias
        {
            get => _bias;
            set => Assign(nameof(bias), ref _bias, value);
        }

        public override Tensor forward(Tensor tensor) => Op.layer_norm.Call(tensor, normalized_shape, weight, bias, eps);

        public void reset_parameters()
        {
            using var mode = no_grad();
            weight?.fill_(1);
            bias?.zero_();
        }
    }
}
