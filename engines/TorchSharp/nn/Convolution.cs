using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Conv1d Conv1d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride, padding, null, dilation, padding_mode, groups, bias, device, dtype);

            public static Conv1d Conv1d(
                long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride, 0, padding, dilation, padding_mode, groups, bias, device, dtype);

            public static Conv2d Conv2d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                Conv2d(
                    in_channels, out_channels, (kernel_size, kernel_size), (stride, stride), (padding, padding), (dilation, dilation), padding_mode,
                    groups, bias, device, dtype);

            public static Conv2d Conv2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true,
                Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride ?? (1, 1), padding ?? (0, 0), null, dilation ?? (1, 1), padding_mode, groups, bias,
                    device, dtype);

            public static Conv2d Conv2d(
                long in_channels, long out_channels, long kernel_size, Padding padding, long stride = 1, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                Conv2d(
                    in_channels, out_channels, (kernel_size, kernel_size), padding, (stride, stride), (dilation, dilation), padding_mode, groups, bias,
                    device, dtype);

            public static Conv2d Conv2d(
                long in_channels, long out_channels, (long, long) kernel_size, Padding padding, (long, long)? stride = null,
                (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true,
                Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride ?? (1, 1), (0, 0), padding, dilation ?? (1, 1), padding_mode, groups, bias, device,
                    dtype);

            public static ConvTranspose1d ConvTranspose1d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long output_padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride, padding, output_padding, dilation, padding_mode, groups, bias, device, dtype);

            public static ConvTranspose2d ConvTranspose2d(
                long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long output_padding = 0, long dilation = 1,
                PaddingModes padding_mode = PaddingModes.Zeros, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                ConvTranspose2d(
                    in_channels, out_channels, (kernel_size, kernel_size), (stride, stride), (padding, padding), (output_padding, output_padding),
                    (dilation, dilation), padding_mode, groups, bias, device, dtype);

            public static ConvTranspose2d ConvTranspose2d(
                long in_channels, long out_channels, (long, long) kernel_size, (long, long)? stride = null, (long, long)? padding = null,
                (long, long)? output_padding = null, (long, long)? dilation = null, PaddingModes padding_mode = PaddingModes.Zeros,
                long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
                new(in_channels, out_channels, kernel_size, stride ?? (1, 1), padding ?? (0, 0), output_padding ?? (0, 0), dilation ?? (1, 1),
                    padding_mode, groups, bias, device, dtype);

            public static partial class functional
            {
                static string Name(Padding padding) => padding == Padding.Same ? "same" : "valid";

                internal static string Name(PaddingModes mode) => mode switch
                {
                    PaddingModes.Reflect => "reflect",
                    PaddingModes.Replicate => "replicate",
                    PaddingModes.Circular => "circular",
                    _ => "constant",
                };
            }
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>What the convolutions share: shapes, weight and bias, and their initialisation (uniform in ±1/√fan-in, as in PyTorch).</summary>
    public abstract class Convolution : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = nameof(weight))]
        protected Parameter? _weight;

        [ComponentName(Name = nameof(bias))]
        protected Parameter? _bias;

        protected long[] _reversed_padding_repeated_twice = [];

        protected Convolution(
            string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[]? padding, Padding? padding_type, long[] dilation,
            bool transposed, long[] output_padding, long groups, bool bias, PaddingModes padding_mode, Device? device = null, ScalarType? dtype = null)
            : base(name)
        {
            if (transposed && padding_mode != PaddingModes.Zeros)
            {
                throw new ArgumentException("Only PaddingModes.Zeros is supported for ConvTransposeND", nameof(padding_mode));
            }

            (this.in_channels, this.out_channels, this.groups) = (in_channels, out_channels, groups);
            (this.kernel_size, this.stride, this.dilation, this.output_padding) = (kernel_size, stride, dilation, output_padding);
            (this.transposed, this.padding_mode) = (transposed, padding_mode);
            if (padding_type is { } type)
            {
                SetPadding(type);
            }
            else
            {
                SetPadding(padding ?? new long[kernel_size.Length]);
            }

            long[] channels = transposed ? [in_channels, out_channels / groups] : [out_channels, in_channels / groups];
            weight = empty([.. channels, .. kernel_size], dtype, device).AsParameter();
            if (bias)
            {
                this.bias = empty([out_channels], dtype, device).AsParameter();
            }

            reset_parameters();
        }

        public long in_channels { get; }

        public long out_channels { get; }

        public long[] kernel_size { get; set; }

        public long[] stride { get; set; }

        public long[]? padding { get; private set; }

        public Padding? padding_type { get; private set; }

        public PaddingModes padding_mode { get; set; }

        public long[] dilation { get; set; }

        public long[] output_padding { get; set; }

        public long groups { get; set; }

        public bool transposed { get; }

        public Parameter weight
        {
            get => _weight ?? throw new InvalidOperationException($"{GetName()}: no weight.");
            set => Assign(nameof(weight), ref _weight, value);
        }

        public Parameter? bias
        {
            get => _bias;
            set => Assign(nameof(bias), ref _bias, value);
        }

        public void SetPadding(long[] padding)
        {
            (this.padding, padding_type) = (padding, null);
            _reversed_padding_repeated_twice = [.. padding.Reverse().SelectMany(size => new[] { size, size })];
        }

        public void SetPadding(Padding padding)
        {
            if (transposed)
            {
                throw new ArgumentException("Cannot set padding type on ConvTransposeND", nameof(padding));
            }

            (this.padding, padding_type) = (null, padding);
            _reversed_padding_repeated_twice = new long[2 * kernel_size.Length];
            for (var k = 0; padding == Padding.Same && k < kernel_size.Length; k++)
            {
                var total = dilation[k] * (kernel_size[k] - 1);
                var at = 2 * (kernel_size.Length - 1 - k);
                _reversed_padding_repeated_twice[at] = total / 2;
                _reversed_padding_repeated_twice[at + 1] = total - (total / 2);
            }
        }

        public void reset_parameters()
        {
            nn.init.kaiming_uniform_(weight, Math.Sqrt(5));
            var (fanIn, _) = nn.init.CalculateFanInAndFanOut(weight);
            if (bias is not null && fanIn > 0)
            {
                nn.init.uniform_(bias, -1 / Math.Sqrt(fanIn), 1 / Math.Sqrt(fanIn));
            }
        }

        private protected Tensor Convolve(Tensor input)
        {
            var spatial = kernel_size.Length;
            if (padding_mode != PaddingModes.Zeros)
            {
                using var padded = nn.functional.pad(input, _reversed_padding_repeated_twice, padding_mode);
                return Op.convolution.Call(padded, weight, bias, stride, new long[spatial], dilation, false, new long[spatial], groups);
            }

            return (padding_type, spatial) switch
            {
                (null, _) => Batched(input, batch =>
                    Op.convolution.Call(batch, weight, bias, stride, padding, dilation, transposed, new long[spatial], groups)),
                ({ } type, 1) => nn.functional.conv1d_padding(input, weight, bias, stride[0], type, dilation[0], groups),
                ({ } type, _) => nn.functional.conv2d_padding(input, weight, bias, stride, type, dilation, groups),
            };
        }

        // One sample without a batch dimension is a batch of one.
        private protected Tensor Batched(Tensor input, Func<Tensor, Tensor> convolve)
        {
            if (input.ndim != kernel_size.Length + 1)
            {
                return convolve(input);
            }

            using var batch = input.unsqueeze(0);
            using var result = convolve(batch);
            return result.squeeze(0);
        }
    }

    public abstract class ConvolutionTranspose : Convolution
    {
        protected ConvolutionTranspose(
            string name, long in_channels, long out_channels, long[] kernel_size, long[] stride, long[]? padding, Padding? padding_type, long[] dilation,
            bool transposed, long[] output_padding, long groups, bool bias, PaddingModes padding_mode, Device? device = null, ScalarType? dtype = null)
            : base(
                name, in_channels, out_channels, kernel_size, stride, padding, padding_type, dilation, transposed, output_padding, groups, bias,
                padding_mode, device, dtype)
        {
        }

        public override Tensor forward(Tensor input) => forward(input, null);

        public abstract Tensor forward(Tensor input, long[]? output_size);

        protected long[] _output_padding(
            Tensor input, long[]? output_size, long[] kernel_size, long[] stride, long[] padding, long[] dilation, long num_spatial_dims)
        {
            if (output_size is null)
            {
                return output_padding;
            }

            var sizes = input.shape;
            var spatial = (int)num_spatial_dims;
            var extra = new long[spatial];
            for (var k = 0; k < spatial; k++)
            {
                var smallest = ((sizes[sizes.Length - spatial + k] - 1) * stride[k]) - (2 * padding[k]) + (dilation[k] * (kernel_size[k] - 1)) + 1;
                extra[k] = output_size[output_size.Length - spatial + k] - smallest;
                if (extra[k] < 0 || extra[k] >= stride[k])
                {
                    throw new ArgumentException(
                        $"output_size: expected {smallest} to {smallest + stride[k] - 1} in dimension {k}, found {extra[k] + smallest}.", nameof(output_size));
                }
            }

            return extra;
        }

        private protected Tensor Spread(Tensor input, long[]? output_size)
        {
            var spatial = kernel_size.Length;
            var around = padding ?? new long[spatial];
            var extra = _output_padding(input, output_size, kernel_size, stride, around, dilation, spatial);
            return Batched(input, batch => Op.convolution.Call(batch, weight, bias, stride, around, dilation, true, extra, groups));
        }
    }

    public sealed class Conv1d : Convolution
    {
        internal Conv1d(
            long inChannels, long outChannels, long kernel, long stride, long padding, Padding? type, long dilation, PaddingModes mode, long groups,
            bool bias, Device? device, ScalarType? dtype)
            : base(
                nameof(Conv1d), inChannels, outChannels, [kernel], [stride], [padding], type, [dilation], false, [0], groups, bias, mode, device, dtype)
        {
        }

        public override Tensor forward(Tensor input) => Convolve(input);
    }

    public sealed class Conv2d : Convolution
    {
        internal Conv2d(
            long inChannels, long outChannels, (long, long) kernel, (long, long) stride, (long, long) padding, Padding? type, (long, long) dilation,
            PaddingModes mode, long groups, bool bias, Device? device, ScalarType? dtype)
            : base(
                nameof(Conv2d), inChannels, outChannels, [kernel.Item1, kernel.Item2], [stride.Item1, stride.Item2], [padding.Item1, padding.Item2], type,
                [dilation.Item1, dilation.Item2], false, [0, 0], groups, bias, mode, device, dtype)
        {
        }

        public override Tensor forward(Tensor input) => Convolve(input);
    }

    public sealed class ConvTranspose1d : ConvolutionTranspose
    {
        internal ConvTranspose1d(
            long inChannels, long outChannels, long kernel, long stride, long padding, long outputPadding, long dilation, PaddingModes mode, long groups,
            bool bias, Device? device, ScalarType? dtype)
            : base(
                nameof(ConvTranspose1d), inChannels, outChannels, [kernel], [stride], [padding], null, [dilation], true, [outputPadding], groups, bias, mode,
                device, dtype)
        {
        }

        public override Tensor forward(Tensor input, long[]? output_size) => Spread(input, output_size);
    }

    public sealed class ConvTranspose2d : ConvolutionTranspose
    {
        internal ConvTranspose2d(
            long inChannels, long outChannels, (long, long) kernel, (long, long) stride, (long, long) padding, (long, long) outputPadding,
            (long, long) dilation, PaddingModes mode, long groups, bool bias, Device? device, ScalarType? dtype)
            : base(
                nameof(ConvTranspose2d), inChannels, outChannels, [kernel.Item1, kernel.Item2], [stride.Item1, stride.Item2], [padding.Item1, padding.Item2],
                null, [dilation.Item1, dilation.Item2], true, [outputPadding.Item1, outputPadding.Item2], groups, bias, mode, device, dtype)
        {
        }

        public override Tensor forward(Tensor input, long[]? output_size) => Spread(input, output_size);
    }
}
