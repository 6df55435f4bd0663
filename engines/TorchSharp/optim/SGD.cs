using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            public static SGD SGD(
                IEnumerable<Parameter> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0,
                bool nesterov = false, bool maximize = false) =>
                new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            public static SGD SGD(
                IEnumerable<(string name, Parameter parameter)> parameters, double learningRate, double momentum = 0, double dampening = 0,
                double weight_decay = 0, bool nesterov = false, bool maximize = false) =>
                new(parameters.Select(entry => entry.parameter), learningRate, momentum, dampening, weight_decay, nesterov, maximize);

            public static SGD SGD(
                IEnumerable<SGD.ParamGroup> parameters, double learningRate, double momentum = 0, double dampening = 0, double weight_decay = 0,
                bool nesterov = false, bool maximize = false) =>
                new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>Stochastic gradient descent, with momentum if asked.</summary>
    public class SGD : OptimizerHelper, optim.IMomentum
    {
        public SGD(
            IEnumerable<Parameter> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false,
            bool maximize = false)
            : this([new ParamGroup { Parameters = parameters }], lr, momentum, dampening, weight_decay, nesterov, maximize)
        {
        }

        public SGD(
            IEnumerable<ParamGroup> parameters, double lr, double momentum = 0, double dampening = 0, double weight_decay = 0, bool nesterov = false,
            bool maximize = false)
        {
            if (nesterov && (momentum <= 0 || dampening != 0))
            {
                throw new ArgumentException("Nesterov momentum requires a momentum and zero dampening", nameof(nesterov));
            }

            Defaults = new Options
            {
                LearningRate = lr,
                InitialLearningRate = lr,
                momentum = momentum,
                dampening = dampening,
                weight_decay = weight_decay,
                nesterov = nesterov,
                maximize = maximize,
            };
            _defaults = Defaults;
            foreach (var group in parameters)
            {
                add_param_group(group);
            }
        }

        public double Momentum
        {
            get => Defaults.Value(o => o.momentum);
            set => Defaults.momentum = value;
        }

        Options Defaults { get; }

        public override void add_param_group(Modules.ParamGroup param_group)
        {
            var options = param_group.HasOptions ? (Options)param_group.Options : new Options();
            param_group.Options = options;
            options.LearningRate ??= Defaults.LearningRate;
            options.momentum ??= Defaults.momentum;
            options.dampening ??= Defaults.dampening;
            options.weight_decay ??= Defaults.weight_decay;
            options.nesterov ??= Defaults.nesterov;
            options.maximize ??= Defaults.maximize;
            Join(param_group, parameter => new State(parameter));
        }

        public override Tensor? step(Func<Tensor>? closure = null) => _step<ParamGroup>(
            group =>
            {
                var active = Active<State>(group);
                if (active.Count > 0)
                {
                    Update(group.Options, active);
                }
            },
            closure);

        protected override void Dispose(bool disposing) => base.Dispose(disposing);

        static void Update(Options options, List<(Parameter Parameter, State State, Tensor Grad)> active)
        {
            double momentum = options.Value(o => o.momentum), decay = options.Value(o => o.weight_decay);
            Tensor[] parameters = [.. active.Select(entry => entry.Parameter)], grads = [.. active.Select(entry => entry.Grad)];
            if (options.maximize == true)
            {
                grads = Op._foreach_neg.CallList(grads);
            }

            if (decay != 0)
            {
                grads = Op._foreach_add_List.CallList(grads, parameters, decay);
            }

            if (momentum != 0)
            {
                var buffers = new Tensor[grads.Length];
                List<Tensor> old = [], fresh = [];
                for (var k = 0; k < grads.Length; k++)
                {
                    var state = active[k].State;
                    if (state.momentum_buffer is null)
                    {
                        state.momentum_buffer = grads[k].clone().DetachFromDisposeScope();
                    }
                    else
                    {
                        old.Add(state.momentum_buffer);
                        fresh.Add(grads[k]);
                    }

                    buffers[k] = state.momentum_buffer;
                }

                if (old.Count > 0)
                {
                    Op._foreach_mul__Scalar.Invoke(Arg.List(old), momentum);
                    Op._foreach_add__List.Invoke(Arg.List(old), Arg.List(fresh), 1 - options.Value(o => o.dampening));
                }

                grads = options.nesterov == true ? Op._foreach_add_List.CallList(grads, buffers, momentum) : buffers;
            }

            Op._foreach_add__List.Invoke(parameters, grads, -options.Value(o => o.LearningRate));
        }

        public sealed class State : OptimizerState, IDisposable
        {
            public Tensor? momentum_buffer;

            public State(Parameter parameter)
                : base(parameter)
            {
            }

            public override void Initialize(OptimizerOptions options) => Replace(ref momentum_buffer, null);

            public override void LoadStateDict(OptimizerState source) => Replace(ref momentum_buffer, Copy(((State)source).momentum_buffer));

            public override void to(Device device) => Replace(ref momentum_buffer, momentum_buffer?.to(device).DetachFromDisposeScope());

            public override bool ApproximatelyEquals(OptimizerState other) => other is State state && (momentum_buffer, state.momentum_buffer) switch
            {
                (null, null) => true,
                ({ } mine, { } theirs) => mine.allclose(theirs),
                _ => false,
            };

            public void Dispose() => momentum_buffer?.Dispose();
        }

        public class Options : OptimizerOptions
        {
            public double? momentum;
            public double? dampening;
            public double? weight_decay;
            public bool? nesterov;
            public bool? maximize;

            public override void LoadStateDict(OptimizerOptions source)
            {
                base.LoadStateDict(source);
                var other = (Options)source;
                (momentum, dampening, weight_decay) = (other.momentum, other.dampening, other.weight_decay);
                (nesterov, maximize) = (other.nesterov, other.maximize);
            }
        }

        public class ParamGroup : ParamGroup<Options>, optim.IMomentum
        {
            public ParamGroup()
            {
            }

            public ParamGroup(IEnumerable<Parameter> parameters, Options options)
                : base(parameters, options)
            {
            }

            public ParamGroup(
                IEnumerable<Parameter> parameters, double lr = 1e-3, double momentum = 0, double dampening = 0, double weight_decay = 0,
                bool nesterov = false, bool maximize = false)
                : base(parameters, new Options
                {
                    LearningRate = lr,
                    momentum = momentum,
                    dampening = dampening,
                    weight_decay = weight_decay,
                    nesterov = nesterov,
                    maximize = maximize,
                })
            {
            }

            public double Momentum
            {
                get => Options.Value(o => o.momentum);
                set => Options.momentum = value;
            }
        }
    }
}
