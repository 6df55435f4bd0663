using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class optim
        {
            public interface ILearningRateController
            {
                double LearningRate { get; set; }

                double InitialLearningRate { get; set; }
            }

            public interface IMomentum
            {
                double Momentum { get; set; }
            }

            public interface IBetas
            {
                (double, double) Betas { get; set; }
            }

            public abstract class Optimizer : IDisposable
            {
                protected IList<ParamGroup> _parameter_groups = [];

                private protected Optimizer()
                {
                }

                ~Optimizer() => Dispose(false);

                public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;

                public virtual IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(group => group.Parameters);

                public virtual void add_param_group(ParamGroup param_group) => _parameter_groups.Add(param_group);

                /// <summary>Drops every gradient, so that the next backward pass stores instead of adding.</summary>
                public virtual unsafe void zero_grad()
                {
                    foreach (var group in _parameter_groups)
                    {
                        var handles = Array.ConvertAll(group.List, parameter => parameter.Handle);
                        fixed (nint* parameters = handles)
                        {
                            Native.mim_clear_grads(parameters, handles.Length);
                        }
                    }
                }

                /// <summary>One update; a <paramref name="closure"/> is asked for the loss first.</summary>
                public abstract Tensor? step(Func<Tensor>? closure = null);

                public void Dispose()
                {
                    Dispose(true);
                    GC.SuppressFinalize(this);
                }

                protected virtual void Dispose(bool disposing)
                {
                    if (disposing)
                    {
                        DisposeState();
                    }
                }

                private protected virtual void DisposeState()
                {
                }

                public class StateDictionary
                {
                    internal StateDictionary()
                    {
                    }

                    public List<OptimizerOptions> Options { get; } = [];

                    /// <summary>One entry a parameter, in the order of the groups.</summary>
                    public List<OptimizerState> State { get; } = [];

                    public List<List<int>> StateIndexRef { get; } = [];
                }
            }
        }
    }
}

namespace TorchSharp.Modules
{
    public abstract class OptimizerHelper : optim.Optimizer
    {
        protected OptimizerOptions? _defaults;

        private protected Dictionary<Parameter, OptimizerState> States { get; } = new(ReferenceEqualityComparer.Instance);

        public override IEnumerable<Parameter> parameters() => base.parameters();

        public override void add_param_group(ParamGroup param_group) => base.add_param_group(param_group);

        public override void zero_grad() => base.zero_grad();

        public virtual StateDictionary state_dict()
        {
            var state = new StateDictionary();
            foreach (var group in _parameter_groups)
            {
                state.Options.Add(group.Options);
                state.StateIndexRef.Add([.. Enumerable.Range(state.State.Count, group.List.Length)]);
                state.State.AddRange(group.List.Select(parameter => States[parameter]));
            }

            return state;
        }

        public virtual void load_state_dict(StateDictionary state_dict)
        {
            var own = this.state_dict();
            if (state_dict.Options.Count != own.Options.Count)
            {
                throw new ArgumentException("Invalid optimizer state -- different number of parameter groups.", nameof(state_dict));
            }

            if (state_dict.State.Count != own.State.Count)
            {
                throw new ArgumentException("Invalid optimizer state -- different number of states.", nameof(state_dict));
            }

            foreach (var (target, source) in own.Options.Zip(state_dict.Options).Where(pair => pair.First != pair.Second))
            {
                target.LoadStateDict(source);
            }

            foreach (var (target, source) in own.State.Zip(state_dict.State).Where(pair => pair.First != pair.Second))
            {
                target.LoadStateDict(source);
            }
        }

        public void to(Device device)
        {
            foreach (var state in States.Values)
            {
                state.to(device);
            }
        }

        protected Tensor? _step<T>(Action<T> body, Func<Tensor>? loss_closure = null)
            where T : ParamGroup
        {
            Tensor? loss = null;
            if (loss_closure is not null)
            {
                using var recording = enable_grad();
                loss = loss_closure();
            }

            using var mode = no_grad();
            using var scope = NewDisposeScope();
            foreach (var group in _parameter_groups)
            {
                body((T)group);
            }

            return loss;
        }

        private protected void Join(ParamGroup group, Func<Parameter, OptimizerState> create)
        {
            group.Options.InitialLearningRate = group.LearningRate;
            _parameter_groups.Add(group);
            foreach (var parameter in group.List)
            {
                var state = create(parameter);
                state.Initialize(group.Options);
                States[parameter] = state;
            }
        }

        // Parameters without a gradient do not take part in a step.
        private protected List<(Parameter Parameter, TState State, Tensor Grad)> Active<TState>(ParamGroup group)
            where TState : OptimizerState
        {
            List<(Parameter, TState, Tensor)> active = new(group.List.Length);
            foreach (var parameter in group.List)
            {
                if (parameter.grad is { } grad)
                {
                    active.Add((parameter, (TState)States[parameter], grad));
                }
            }

            return active;
        }

        private protected override void DisposeState()
        {
            foreach (var state in States.Values)
            {
                (state as IDisposable)?.Dispose();
            }
        }
    }

    public class OptimizerOptions
    {
        public double? LearningRate { get; set; }

        public double InitialLearningRate { get; set; }

        public virtual void LoadStateDict(OptimizerOptions source) =>
            (LearningRate, InitialLearningRate) = (source.LearningRate, source.InitialLearningRate);
    }

    static class OptimizerOptionsValue
    {
        /// <summary>An option that a group has taken from the defaults at the latest.</summary>
        public static double Value<T>(this T options, Func<T, double?> option)
            where T : OptimizerOptions =>
            option(options) ?? throw new InvalidOperationException($"{typeof(T).DeclaringType?.Name}: an option has no value.");
    }

    public abstract class OptimizerState
    {
        protected Parameter _parameter;

        protected OptimizerState(Parameter parameter) => _parameter = parameter;

        public abstract void Initialize(OptimizerOptions options);

        public abstract void LoadStateDict(OptimizerState source);

        public virtual bool ApproximatelyEquals(OptimizerState other) => false;

        public virtual void to(Device device)
        {
        }

        /// <summary>A tensor like the parameter, of the optimiser's own.</summary>
        private protected Tensor Zeros() => _parameter.zeros_like().DetachFromDisposeScope();

        private protected Tensor? Copy(Tensor? source) => source?.to(_parameter.device, copy: true).DetachFromDisposeScope();

        private protected static void Replace(ref Tensor? field, Tensor? value)
        {
            field?.Dispose();
            field = value;
        }
    }

    public class ParamGroup : optim.ILearningRateController
    {
        Parameter[]? _list;
        OptimizerOptions? _options;

        public IEnumerable<Parameter> Parameters
        {
            get => List;
            set => _list = [.. value];
        }

        public OptimizerOptions Options
        {
            get => _options ?? throw new InvalidOperationException("ParamGroup: no options.");
            set => _options = value;
        }

        public double LearningRate
        {
            get => Options.LearningRate ?? throw new InvalidOperationException("ParamGroup: no learning rate.");
            set => Options.LearningRate = value;
        }

        public double InitialLearningRate
        {
            get => Options.InitialLearningRate;
            set => Options.InitialLearningRate = value;
        }

        internal Parameter[] List => _list ?? [];

        internal bool HasOptions => _options is not null;
    }

    public class ParamGroup<TOptions> : ParamGroup
        where TOptions : OptimizerOptions
    {
        public ParamGroup()
        {
        }

        public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = null)
        {
            Parameters = parameters;
            if (options is not null)
            {
                base.Options = options;
            }
        }

        public new TOptions Options
        {
            get => (TOptions)base.Options;
            set => base.Options = value;
        }
    }
}
