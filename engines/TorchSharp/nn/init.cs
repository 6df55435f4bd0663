namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>PyTorch's initialisers: they fill the tensor in place, unrecorded, and draw in its order.</summary>
        public static class init
        {
            public enum FanInOut
            {
                FanIn,
                FanOut,
            }

            public enum NonlinearityType
            {
                Linear = 0,
                Conv1D = 1,
                Conv2D = 2,
                Conv3D = 3,
                ConvTranspose1D = 4,
                ConvTranspose2D = 5,
                ConvTranspose3D = 6,
                Sigmoid = 7,
                Tanh = 8,
                ReLU = 9,
                LeakyReLU = 10,
            }

            /// <summary>The factor that keeps the variance of a signal through the nonlinearity.</summary>
            public static double calculate_gain(NonlinearityType nonlinearity, double param = 0) => nonlinearity switch
            {
                NonlinearityType.Tanh => 5.0 / 3,
                NonlinearityType.ReLU => Math.Sqrt(2),
                NonlinearityType.LeakyReLU => Math.Sqrt(2 / (1 + (param * param))),
                _ => 1,
            };

            public static Tensor uniform_(Tensor tensor, double low = 0, double high = 1, Generator? generator = null) =>
                Unrecorded(tensor, () => tensor.uniform_(low, high, generator));

            public static Tensor normal_(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) =>
                Unrecorded(tensor, () => tensor.normal_(mean, std, generator));

            public static Tensor trunc_normal_(
                Tensor tensor, double mean = 0, double std = 1, double a = -2, double b = 2, Generator? generator = null)
            {
                double low = NormalCdf((a - mean) / std), high = NormalCdf((b - mean) / std);
                return Unrecorded(tensor, () => tensor.uniform_((2 * low) - 1, (2 * high) - 1, generator).erfinv_().mul_(std * Math.Sqrt(2)).add_(mean).clamp_(a, b));
            }

            public static Tensor constant_(Tensor tensor, Scalar val) => Unrecorded(tensor, () => tensor.fill_(val));

            public static Tensor ones_(Tensor tensor) => constant_(tensor, 1);

            public static Tensor zeros_(Tensor tensor) => constant_(tensor, 0);

            public static Tensor eye_(Tensor tensor) => Unrecorded(tensor, () =>
            {
                using var identity = eye(tensor.shape[0], tensor.shape[1], tensor.dtype, tensor.device);
                tensor.copy_(identity);
            });

            public static Tensor xavier_uniform_(Tensor tensor, double gain = 1)
            {
                var bound = Math.Sqrt(3) * XavierDeviation(tensor, gain);
                return uniform_(tensor, -bound, bound);
            }

            public static Tensor xavier_normal_(Tensor tensor, double gain = 1) => normal_(tensor, 0, XavierDeviation(tensor, gain));

            public static Tensor glorot_uniform_(Tensor tensor, double gain = 1) => xavier_uniform_(tensor, gain);

            public static Tensor glorot_normal_(Tensor tensor, double gain = 1) => xavier_normal_(tensor, gain);

            public static Tensor kaiming_uniform_(
                Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn, NonlinearityType nonlinearity = NonlinearityType.LeakyReLU)
            {
                var bound = Math.Sqrt(3) * KaimingDeviation(tensor, a, mode, nonlinearity);
                return uniform_(tensor, -bound, bound);
            }

            public static Tensor kaiming_normal_(
                Tensor tensor, double a = 0, FanInOut mode = FanInOut.FanIn, NonlinearityType nonlinearity = NonlinearityType.LeakyReLU) =>
                normal_(tensor, 0, KaimingDeviation(tensor, a, mode, nonlinearity));

            public static Tensor orthogonal_(Tensor tensor, double gain = 1) => Unrecorded(tensor, () =>
            {
                using var scope = NewDisposeScope();
                long rows = tensor.shape[0], columns = tensor.NumberOfElements / rows;
                var flat = Op.randn.Call(new[] { rows, columns }, tensor.dtype, Arg.Absent, tensor.device);
                var (q, r) = Op.linalg_qr.Call2(rows < columns ? flat.t() : flat, "reduced");
                q = q.mul_(r.diag().sign());
                tensor.copy_((rows < columns ? q.t() : q).view_as(tensor)).mul_(gain);
            });

            /// <summary>How many inputs and outputs meet in one element: for convolutions, times the size of the kernel.</summary>
            public static (long fanIn, long fanOut) CalculateFanInAndFanOut(Tensor tensor)
            {
                var shape = tensor.shape;
                if (shape.Length < 2)
                {
                    throw new ArgumentException("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions", nameof(tensor));
                }

                var kernel = shape[2..].TotalSize();
                return (shape[1] * kernel, shape[0] * kernel);
            }

            static double XavierDeviation(Tensor tensor, double gain)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                return gain * Math.Sqrt(2.0 / (fanIn + fanOut));
            }

            static double KaimingDeviation(Tensor tensor, double a, FanInOut mode, NonlinearityType nonlinearity)
            {
                var (fanIn, fanOut) = CalculateFanInAndFanOut(tensor);
                return calculate_gain(nonlinearity, a) / Math.Sqrt(mode == FanInOut.FanIn ? fanIn : fanOut);
            }

            static double NormalCdf(double x)
            {
                using var value = torch.tensor(x / Math.Sqrt(2));
                using var erf = value.erf();
                return (1 + erf.ToDouble()) / 2;
            }

            static Tensor Unrecorded(Tensor tensor, Action fill)
            {
                using var mode = no_grad();
                fill();
                return tensor;
            }
        }
    }
}
