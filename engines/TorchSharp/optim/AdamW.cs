using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            public static AdamW AdamW(
                IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
                double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

            public static AdamW AdamW(
                IEnumerable<(string name, Parameter parameter)> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999,
                double eps = 1e-8, double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters.Select(entry => entry.parameter), lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

            public static AdamW AdamW(
                IEnumerable<AdamW.ParamGroup> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
                double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
                new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>Loshchilov and Hutter (2019): Adam with weight decay apart from the gradient.</summary>
    public class AdamW : OptimizerHelper, optim.IBetas
    {
        public AdamW(
            IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0,
            bool amsgrad = false, bool maximize = false)
            : this([new ParamGroup { Parameters = parameters }], lr, beta1, beta2, eps, weight_decay, amsgrad, maximize)
        {
        }

        public AdamW(
            IEnumerable<ParamGroup> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0,
            bool amsgrad = false, bool maximize = false)
        {
            Defaults = new Options
            {
                LearningRate = lr,
                InitialLearningRate = lr,
                beta1 = beta1,
                beta2 = beta2,
                eps = eps,
                weight_decay = weight_decay,
                amsgrad = amsgrad,
                maximize = maximize,
            };
            _defaults = Defaults;
            foreach (var group in parameters)
            {
                add_param_group(group);
            }
        }

        public (double, double) Betas
        {
            get => (Defaults.Value(o => o.beta1), Defaults.Value(o => o.beta2));
            set => (Defaults.beta1, Defaults.beta2) = value;
        }

        Options Defaults { get; }

        public override void add_param_group(Modules.ParamGroup param_group)
        {
            var options = param_group.HasOptions ? (Options)param_group.Options : new Options();
            param_group.Options = options;
            options.LearningRate ??= Defaults.LearningRate;
            options.beta1 ??= Defaults.beta1;
            options.beta2 ??= Defaults.beta2;
            options.eps ??= Defaults.eps;
            options.weight_decay ??= Defaults.weight_decay;
            options.amsgrad ??= Defaults.amsgrad;
            options.maximize ??= Defaults.maximize;
            Join(param_group, parameter => new State(parameter));
        }

        // All parameters of a group at once, in the order of PyTorch's multi-tensor implementation.
        public override Tensor? step(Func<Tensor>? closure = null) => _step<ParamGroup>(
            group =>
            {
                var options = group.Options;
                foreach (var batch in Active<State>(group).GroupBy(entry => entry.State.step + 1))
                {
                    Update(options, batch.Key, [.. batch]);
                }
            },
            closure);

        protected override void Dispose(bool disposing) => base.Dispose(disposing);

        static void Update(Options options, long step, ReadOnlySpan<(Parameter Parameter, State State, Tensor Grad)> batch)
        {
            Tensor[] parameters = new Tensor[batch.Length], grads = new Tensor[batch.Length];
            Tensor[] means = new Tensor[batch.Length], squares = new Tensor[batch.Length];
            var largest = new Tensor?[batch.Length];
            for (var k = 0; k < batch.Length; k++)
            {
                var state = batch[k].State;
                state.step = step;
                (parameters[k], grads[k], means[k], squares[k]) = (batch[k].Parameter, batch[k].Grad, state.exp_avg, state.exp_avg_sq);
                largest[k] = state.max_exp_avg_sq;
            }

            if (options.maximize == true)
            {
                grads = Op._foreach_neg.CallList(grads);
            }

            var decay = options.Value(o => o.weight_decay);
            if (decay != 0)
            {
                Op._foreach_mul__Scalar.Invoke(parameters, 1 - (options.Value(o => o.LearningRate) * decay));
            }

            double beta1 = options.Value(o => o.beta1), beta2 = options.Value(o => o.beta2);
            Moments.Accumulate(grads, means, beta1, squares, beta2);
            if (options.amsgrad == true)
            {
                squares = Moments.Largest(squares, largest);
            }

            Moments.Step(parameters, means, beta1, squares, beta2, step, options.Value(o => o.LearningRate), options.Value(o => o.eps));
        }

        public sealed class State : OptimizerState, IDisposable
        {
            public long step;
            public Tensor exp_avg;
            public Tensor exp_avg_sq;
            public Tensor? max_exp_avg_sq;

            public State(Parameter parameter)
                : base(parameter) =>
                (exp_avg, exp_avg_sq) = (Zeros(), Zeros());

            public override void Initialize(OptimizerOptions options)
            {
                step = 0;
                exp_avg.zero_();
                exp_avg_sq.zero_();
                Replace(ref max_exp_avg_sq, ((Options)options).amsgrad == true ? Zeros() : null);
            }

            public override void LoadStateDict(OptimizerState source)
            {
                var other = (State)source;
                step = other.step;
                using var mode = no_grad();
                exp_avg.copy_(other.exp_avg);
                exp_avg_sq.copy_(other.exp_avg_sq);
                Replace(ref max_exp_avg_sq, Copy(other.max_exp_avg_sq));
            }

            public override void to(Device device)
            {
                exp_avg = exp_avg.to(device, disposeAfter: true).DetachFromDisposeScope();
                exp_avg_sq = exp_avg_sq.to(device, disposeAfter: true).DetachFromDisposeScope();
                Replace(ref max_exp_avg_sq, max_exp_avg_sq?.to(device).DetachFromDisposeScope());
            }

            public override bool ApproximatelyEquals(OptimizerState other) =>
                other is State state && step == state.step && exp_avg.allclose(state.exp_avg) && exp_avg_sq.allclose(state.exp_avg_sq) &&
                (max_exp_avg_sq is null || (state.max_exp_avg_sq is not null && max_exp_avg_sq.allclose(state.max_exp_avg_sq)));

            public void Dispose()
            {
                exp_avg.Dispose();
                exp_avg_sq.Dispose();
                max_exp_avg_sq?.Dispose();
            }
        }

        public class Options : OptimizerOptions
        {
            public double? beta1;
            public double? beta2;
            public double? weight_decay;
            public double? eps;
            public bool? amsgrad;
            public bool? maximize;

            public override void LoadStateDict(OptimizerOptions source)
            {
                base.LoadStateDict(source);
                var other = (Options)source;
                (beta1, beta2, weight_decay, eps) = (other.beta1, other.beta2, other.weight_decay, other.eps);
                (amsgrad, maximize) = (other.amsgrad, other.maximize);
            }
        }

        public class ParamGroup : ParamGroup<Options>, optim.IBetas
        {
            public ParamGroup()
            {
            }

            public ParamGroup(IEnumerable<Parameter> parameters, Options options)
                : base(parameters, options)
            {
            }

            public ParamGroup(
                IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8,
                double weight_decay = 0, bool amsgrad = false, bool maximize = false)
                : base(parameters, new Options
                {
                    LearningRate = lr,
                    beta1 = beta1,
                    beta2 = beta2,
                    eps = eps,
                    weight_decay = weight_decay,
                    amsgrad = amsgrad,
                    maximize = maximize,
                })
            {
            }

            public (double, double) Betas
            {
                get => (Options.Value(o => o.beta1), Options.Value(o => o.beta2));
                set => (Options.beta1, Options.beta2) = value;
            }
        }
    }
}
