using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Modules
{
    public sealed class CELU : ParameterLessModule<Tensor, Tensor>
    {
        internal CELU(double alpha, bool inplace)
            : base(nameof(CELU)) =>
            (this.alpha, this.inplace) = (alpha, inplace);

        public double alpha { get; set; }

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.celu(tensor, alpha, inplace);
    }

    public sealed class Dropout : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout(double p, bool inplace)
            : base(nameof(Dropout)) =>
            (this.p, this.inplace) = (p, inplace);

        public double p { get; set; }

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.dropout(tensor, p, training, inplace);
    }

    public sealed class Dropout1d : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout1d(double p, bool inplace)
            : base(nameof(Dropout1d)) =>
            (this.p, this.inplace) = (p, inplace);

        public double p { get; set; }

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.dropout1d(tensor, p, training, inplace);
    }

    public sealed class Dropout2d : ParameterLessModule<Tensor, Tensor>
    {
        internal Dropout2d(double p, bool inplace)
            : base(nameof(Dropout2d)) =>
            (this.p, this.inplace) = (p, inplace);

        public double p { get; set; }

        public bool inplace { get; set; }

        public override Tensor forward(Tensor input) => functional.dropout2d(input, p, training, inplace);
    }

    public sealed class ELU : ParameterLessModule<Tensor, Tensor>
    {
        internal ELU(double alpha, bool inplace)
            : base(nameof(ELU)) =>
            (this.alpha, this.inplace) = (alpha, inplace);

        public double alpha { get; set; }

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.elu(tensor, alpha, inplace);
    }

    public sealed class GELU : ParameterLessModule<Tensor, Tensor>
    {
        internal GELU(bool inplace)
            : base(nameof(GELU)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.gelu(tensor, inplace);
    }

    public sealed class GLU : ParameterLessModule<Tensor, Tensor>
    {
        internal GLU(long dim)
            : base(nameof(GLU)) =>
            this.dim = dim;

        public long dim { get; set; }

        public override Tensor forward(Tensor tensor) => functional.glu(tensor, dim);
    }

    public sealed class Hardsigmoid : ParameterLessModule<Tensor, Tensor>
    {
        internal Hardsigmoid(bool inplace)
            : base(nameof(Hardsigmoid)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.hardsigmoid(tensor, inplace);
    }

    public sealed class Hardswish : ParameterLessModule<Tensor, Tensor>
    {
        internal Hardswish(bool inplace)
            : base(nameof(Hardswish)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.hardswish(tensor, inplace);
    }

    public sealed class Hardtanh : ParameterLessModule<Tensor, Tensor>
    {
        internal Hardtanh(double min_val, double max_val, bool inplace)
            : base(nameof(Hardtanh)) =>
            (this.min_val, this.max_val, this.inplace) = (min_val, max_val, inplace);

        public double min_val { get; set; }

        public double max_val { get; set; }

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.hardtanh(tensor, min_val, max_val, inplace);
    }

    public sealed class LeakyReLU : ParameterLessModule<Tensor, Tensor>
    {
        internal LeakyReLU(double negative_slope, bool inplace)
            : base(nameof(LeakyReLU)) =>
            (this.negative_slope, this.inplace) = (negative_slope, inplace);

        public double negative_slope { get; set; }

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.leaky_relu(tensor, negative_slope, inplace);
    }

    public sealed class LogSigmoid : ParameterLessModule<Tensor, Tensor>
    {
        internal LogSigmoid()
            : base(nameof(LogSigmoid))
        {
        }

        public override Tensor forward(Tensor tensor) => functional.logsigmoid(tensor);
    }

    public sealed class LogSoftmax : ParameterLessModule<Tensor, Tensor>
    {
        internal LogSoftmax(long dim)
            : base(nameof(LogSoftmax)) =>
            this.dim = dim;

        public long dim { get; set; }

        public override Tensor forward(Tensor tensor) => functional.log_softmax(tensor, dim);
    }

    public sealed class Mish : ParameterLessModule<Tensor, Tensor>
    {
        internal Mish(bool inplace)
            : base(nameof(Mish)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.mish(tensor, inplace);
    }

    public sealed class ReLU : ParameterLessModule<Tensor, Tensor>
    {
        internal ReLU(bool inplace)
            : base(nameof(ReLU)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.relu(tensor, inplace);
    }

    public sealed class ReLU6 : ParameterLessModule<Tensor, Tensor>
    {
        internal ReLU6(bool inplace)
            : base(nameof(ReLU6)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.relu6(tensor, inplace);
    }

    public sealed class SELU : ParameterLessModule<Tensor, Tensor>
    {
        internal SELU(bool inplace)
            : base(nameof(SELU)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.selu(tensor, inplace);
    }

    public sealed class SiLU : ParameterLessModule<Tensor, Tensor>
    {
        internal SiLU(bool inplace)
            : base(nameof(SiLU)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.silu(tensor, inplace);
    }

    public sealed class Sigmoid : ParameterLessModule<Tensor, Tensor>
    {
        internal Sigmoid(bool inplace)
            : base(nameof(Sigmoid)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.sigmoid(tensor, inplace);
    }

    public sealed class Softmax : ParameterLessModule<Tensor, Tensor>
    {
        internal Softmax(long dim)
            : base(nameof(Softmax)) =>
            this.dim = dim;

        public long dim { get; set; }

        public override Tensor forward(Tensor tensor) => functional.softmax(tensor, dim);
    }

    public sealed class Softplus : ParameterLessModule<Tensor, Tensor>
    {
        internal Softplus(double beta, double threshold)
            : base(nameof(Softplus)) =>
            (this.beta, this.threshold) = (beta, threshold);

        public double beta { get; set; }

        public double threshold { get; set; }

        public override Tensor forward(Tensor tensor) => functional.softplus(tensor, beta, threshold);
    }

    public sealed class Softsign : ParameterLessModule<Tensor, Tensor>
    {
        internal Softsign(bool inplace)
            : base(nameof(Softsign)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.softsign(tensor, inplace);
    }

    public sealed class Tanh : ParameterLessModule<Tensor, Tensor>
    {
        internal Tanh(bool inplace)
            : base(nameof(Tanh)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.tanh(tensor, inplace);
    }

    public sealed class Tanhshrink : ParameterLessModule<Tensor, Tensor>
    {
        internal Tanhshrink(bool inplace)
            : base(nameof(Tanhshrink)) =>
            this.inplace = inplace;

        public bool inplace { get; set; }

        public override Tensor forward(Tensor tensor) => functional.tanhshrink(tensor, inplace);
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Modules.CELU CELU(double alpha = 1, bool inplace = false) => new(alpha, inplace);
            public static Modules.Dropout Dropout(double p = 0.5, bool inplace = false) => new(p, inplace);
            public static Modules.Dropout1d Dropout1d(double p = 0.5, bool inplace = false) => new(p, inplace);
            public static Modules.Dropout2d Dropout2d(double p = 0.5, bool inplace = false) => new(p, inplace);
            public static Modules.ELU ELU(double alpha = 1, bool inplace = false) => new(alpha, inplace);
            public static Modules.GELU GELU() => new(false);
            public static Modules.GELU GELU(bool inplace) => new(inplace);
            public static Modules.GLU GLU(long dim = -1) => new(dim);
            public static Modules.Hardsigmoid Hardsigmoid(bool inplace = false) => new(inplace);
            public static Modules.Hardswish Hardswish(bool inplace = false) => new(inplace);
            public static Modules.Hardtanh Hardtanh(double min_val = -1, double max_val = 1, bool inplace = false) => new(min_val, max_val, inplace);
            public static Modules.LeakyReLU LeakyReLU(double negative_slope = 0.01, bool inplace = false) => new(negative_slope, inplace);
            public static Modules.LogSigmoid LogSigmoid() => new();
            public static Modules.LogSoftmax LogSoftmax(long dim) => new(dim);
            public static Modules.Mish Mish() => new(false);
            public static Modules.Mish Mish(bool inplace) => new(inplace);
            public static Modules.ReLU ReLU(bool inplace = false) => new(inplace);
            public static Modules.ReLU6 ReLU6(bool inplace = false) => new(inplace);
            public static Modules.SELU SELU(bool inplace = false) => new(inplace);
            public static Modules.SiLU SiLU() => new(false);
            public static Modules.SiLU SiLU(bool inplace) => new(inplace);
            public static Modules.Sigmoid Sigmoid() => new(false);
            public static Modules.Sigmoid Sigmoid(bool inplace) => new(inplace);
            public static Modules.Softmax Softmax(long dim) => new(dim);
            public static Modules.Softplus Softplus(double beta = 1, double threshold = 20) => new(beta, threshold);
            public static Modules.Softsign Softsign() => new(false);
            public static Modules.Softsign Softsign(bool inplace) => new(inplace);
            public static Modules.Tanh Tanh() => new(false);
            public static Modules.Tanh Tanh(bool inplace = false) => new(inplace);
            public static Modules.Tanhshrink Tanhshrink() => new(false);
            public static Modules.Tanhshrink Tanhshrink(bool inplace = false) => new(inplace);
        }
    }
}
