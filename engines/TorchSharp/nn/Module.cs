using System.Reflection;
using TorchSharp.Modules;
using TorchSharp.Utils;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        /// <summary>
        /// A node of a model: it names its parameters, buffers and children, in the order in which they were registered. Registration by
        /// <see cref="RegisterComponents"/> goes by field: the field's name is the key in the state dictionary.
        /// </summary>
        public class Module : IDisposable
        {
            readonly Entries<Parameter> _parameters_ = new();
            readonly Entries<(Tensor Tensor, bool Persistent)> _buffers_ = new();
            readonly Entries<Module> _modules_ = new();
            bool _registered;
            bool _training = true;

            protected string? name;
            protected DeviceType _deviceType = DeviceType.CPU;
            protected int _deviceIndex = -1;

            protected Module(string name) => this.name = name;

            ~Module() => Dispose(false);

            public virtual bool training => _training;

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected virtual void Dispose(bool disposing)
            {
                if (!disposing)
                {
                    return;
                }

                foreach (var (_, (buffer, _)) in _buffers_)
                {
                    buffer.DetachFromDisposeScope().Dispose();
                }

                foreach (var (_, parameter) in _parameters_)
                {
                    parameter.DetachFromDisposeScope().Dispose();
                }

                foreach (var (_, module) in _modules_)
                {
                    module.Dispose();
                }
            }

            public virtual string GetName() => string.IsNullOrEmpty(name) ? GetType().Name : name;

            // Registration.

            /// <summary>Registers every module, parameter and tensor that a field holds and that is not registered yet.</summary>
            protected virtual void RegisterComponents()
            {
                if (_registered)
                {
                    return;
                }

                foreach (var field in Fields())
                {
                    var key = field.ComponentName();
                    if (_modules_.Contains(key) || _parameters_.Contains(key) || _buffers_.Contains(key))
                    {
                        continue;
                    }

                    switch (field.GetValue(this))
                    {
                        case Module module:
                            register_module(key, module);
                            break;
                        case Parameter parameter:
                            register_parameter(key, parameter);
                            break;
                        case Tensor tensor:
                            register_buffer(key, tensor);
                            break;
                    }
                }

                _registered = true;
            }

            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                if (tensor is null || tensor.IsInvalid)
                {
                    throw new ArgumentNullException(nameof(tensor), "A null tensor cannot be registered as a buffer.");
                }

                if (!_buffers_.TryAdd(name, (tensor, persistent)))
                {
                    throw new InvalidOperationException($"Tensor {name} is already registered.");
                }
            }

            public virtual void register_parameter(string name, Parameter param)
            {
                if (param is null || param.IsInvalid)
                {
                    throw new ArgumentNullException(nameof(param), "A null tensor cannot be registered as a parameter.");
                }

                if (!_parameters_.TryAdd(name, param))
                {
                    throw new InvalidOperationException($"Parameter {name} is already registered.");
                }
            }

            public void add_module(string name, Module module) => register_module(name, module);

            public virtual void register_module(string name, Module submodule)
            {
                if (submodule is null)
                {
                    _modules_.Remove(name);
                    return;
                }

                if (string.IsNullOrEmpty(name) || name.Contains('.', StringComparison.Ordinal))
                {
                    throw new ArgumentException($"module name can't be empty or contain \".\", got: '{name}'", nameof(name));
                }

                if (_modules_.Contains(name))
                {
                    throw new InvalidOperationException($"Sub-module {name} is already registered.");
                }

                submodule.RegisterComponents();
                _modules_.TryAdd(name, submodule);
            }

            protected void ConditionallyRegisterParameter(string name, Tensor? value) => ConditionallyRegisterParameter(name, value as Parameter);

            protected void ConditionallyRegisterParameter(string name, Parameter? value)
            {
                if (value is null)
                {
                    _parameters_.Remove(name);
                }
                else
                {
                    _parameters_.Set(name, value);
                }
            }

            protected void ConditionallyRegisterBuffer(string name, Tensor? value, bool persistent = true)
            {
                if (value is null)
                {
                    _buffers_.Remove(name);
                }
                else
                {
                    _buffers_.Set(name, (value, persistent));
                }
            }

            protected void ClearModules() => _modules_.Clear();

            // What a model consists of. A parameter or buffer that two paths reach is listed once.

            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true)
            {
                HashSet<Parameter> seen = new(ReferenceEqualityComparer.Instance);
                foreach (var (key, parameter) in _parameters_)
                {
                    if (!parameter.IsInvalid && seen.Add(parameter))
                    {
                        yield return (key, parameter);
                    }
                }

                foreach (var (child, module) in recurse ? _modules_ : [])
                {
                    foreach (var (key, parameter) in module.named_parameters(true))
                    {
                        if (seen.Add(parameter))
                        {
                            yield return ($"{child}.{key}", parameter);
                        }
                    }
                }
            }

            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(entry => entry.parameter);

            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true)
            {
                HashSet<Tensor> seen = new(ReferenceEqualityComparer.Instance);
                foreach (var (key, (buffer, persistent)) in _buffers_)
                {
                    if (!buffer.IsInvalid && (persistent || include_nonpersistent) && seen.Add(buffer))
                    {
                        yield return (key, buffer);
                    }
                }

                foreach (var (child, module) in recurse ? _modules_ : [])
                {
                    foreach (var (key, buffer) in module.named_buffers(true, include_nonpersistent))
                    {
                        if (seen.Add(buffer))
                        {
                            yield return ($"{child}.{key}", buffer);
                        }
                    }
                }
            }

            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) =>
                named_buffers(recurse, include_nonpersistent).Select(entry => entry.buffer);

            public virtual IEnumerable<(string name, Module module)> named_children() => _modules_;

            public virtual IEnumerable<Module> children() => named_children().Select(entry => entry.module);

            public virtual IEnumerable<(string name, Module module)> named_modules()
            {
                foreach (var child in _modules_)
                {
                    yield return child;
                }

                foreach (var (child, module) in _modules_)
                {
                    foreach (var (key, inner) in module.named_modules())
                    {
                        yield return ($"{child}.{key}", inner);
                    }
                }
            }

            public virtual IEnumerable<Module> modules() => named_modules().Select(entry => entry.module);

            public virtual bool has_parameter(string target) => get_parameter(target) is not null;

            public virtual bool has_buffer(string target) => get_buffer(target) is not null;

            public virtual Parameter? get_parameter(string target) =>
                named_parameters().Where(entry => entry.name == target).Select(entry => entry.parameter).FirstOrDefault();

            public virtual Tensor? get_buffer(string target) =>
                named_buffers().Where(entry => entry.name == target).Select(entry => entry.buffer).FirstOrDefault();

            // State.

            public virtual Module apply(Action<Module> fn)
            {
                foreach (var (_, module) in _modules_)
                {
                    module.apply(fn);
                }

                fn(this);
                return this;
            }

            public virtual void train(bool train = true)
            {
                _training = train;
                foreach (var module in children())
                {
                    module.train(train);
                }
            }

            public virtual void eval() => train(false);

            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    if (set_to_none)
                    {
                        parameter.grad = null;
                    }
                    else
                    {
                        using var grad = parameter.grad;
                        grad?.zero_();
                    }
                }
            }

            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                var path = string.IsNullOrEmpty(prefix) ? "" : prefix + ".";
                foreach (var (key, parameter) in named_parameters())
                {
                    destination.TryAdd(path + key, parameter);
                }

                foreach (var (key, buffer) in named_buffers(include_nonpersistent: false))
                {
                    destination.TryAdd(path + key, buffer);
                }

                return destination;
            }

            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(
                Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                skip ??= [];
                var destination = state_dict();
                List<string> unexpected = [.. source.Keys.Where(key => !skip.Contains(key) && !destination.ContainsKey(key))];
                List<string> missing = [.. destination.Keys.Where(key => !skip.Contains(key) && !source.ContainsKey(key))];
                if (strict && missing.Count + unexpected.Count > 0)
                {
                    throw new InvalidOperationException(
                        $"The loaded state_dict is not identical to the target dictionary: missing [{string.Join(", ", missing)}], " +
                        $"unexpected [{string.Join(", ", unexpected)}].");
                }

                using var mode = no_grad();
                foreach (var (key, value) in source)
                {
                    if (!skip.Contains(key) && destination.TryGetValue(key, out var target))
                    {
                        target.copy_(value);
                    }
                }

                return (missing, unexpected);
            }

            // Moves. Overridden by modules without state, which have nothing to move.

            protected internal virtual Module _to(ScalarType dtype, bool non_blocking)
            {
                if (!is_floating_point(dtype) && !is_complex(dtype))
                {
                    throw new ArgumentException($"nn.Module.to only accepts floating point or complex types, but got desired dtype={dtype}");
                }

                _toEpilog(dtype, null, non_blocking);
                return this;
            }

            protected internal virtual Module _to(DeviceType deviceType, int deviceIndex, bool non_blocking)
            {
                _toEpilog(null, new Device(deviceType, deviceIndex), non_blocking);
                return this;
            }

            protected internal virtual Module _to(Device device, ScalarType dtype, bool non_blocking)
            {
                _toEpilog(dtype, device, non_blocking);
                return this;
            }

            public Module _to(Tensor other, bool non_blocking)
            {
                _to(other.dtype, non_blocking);
                return _to(other.device_type, other.device_index, non_blocking);
            }

            protected virtual void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
            {
                foreach (var module in children())
                {
                    _ = (dtype, device) switch
                    {
                        ({ } type, { } target) => module._to(target, type, non_blocking),
                        (_, { } target) => module._to(target.type, target.index, non_blocking),
                        ({ } type, _) => module._to(type, non_blocking),
                        _ => module,
                    };
                }

                foreach (var (key, parameter) in named_parameters(false).ToList())
                {
                    if (ReplaceParameter(dtype, device, parameter, out var moved))
                    {
                        Store(key, moved);
                        ConditionallyRegisterParameter(key, moved);
                        parameter.Dispose();
                    }
                }

                foreach (var (key, (buffer, persistent)) in _buffers_.ToList())
                {
                    if (ReplaceBuffer(dtype, device, buffer, out var moved))
                    {
                        Store(key, moved);
                        ConditionallyRegisterBuffer(key, moved, persistent);
                    }
                }

                if (device is not null)
                {
                    _deviceType = device.type;
                    _deviceIndex = device.index;
                }
            }

            protected static bool ReplaceParameter(ScalarType? dtype, Device? device, Parameter param, out Parameter? p)
            {
                p = null;
                var type = Wanted(dtype, param);
                var target = device ?? param.device;
                if (param.dtype == type && param.device.Is(target))
                {
                    return false;
                }

                // Not part of any graph: the moved parameter must be a leaf.
                using var mode = no_grad();
                p = new Parameter(param.to(type, target), param.requires_grad);
                p.DetachFromDisposeScope();
                using var grad = param.grad;
                if (grad is not null)
                {
                    using var moved = grad.to(type, target);
                    p.grad = moved;
                }

                return true;
            }

            protected static bool ReplaceBuffer(ScalarType? dtype, Device? device, Tensor buffer, out Tensor? result)
            {
                var type = Wanted(dtype, buffer);
                var target = device ?? buffer.device;
                result = buffer.dtype == type && buffer.device.Is(target)
                    ? null
                    : buffer.to(type, target, disposeAfter: true).DetachFromDisposeScope();
                return result is not null;
            }

            /// <summary>For weight and bias properties: replaces, registers and takes the parameter out of any dispose scope.</summary>
            private protected void Assign(string key, ref Parameter? field, Parameter? value)
            {
                if (ReferenceEquals(field, value))
                {
                    return;
                }

                field?.Dispose();
                field = value;
                value?.DetachFromDisposeScope();
                ConditionallyRegisterParameter(key, value);
            }

            private protected void AssignBuffer(string key, ref Tensor? field, Tensor? value)
            {
                if (ReferenceEquals(field, value))
                {
                    return;
                }

                field?.Dispose();
                field = value;
                value?.DetachFromDisposeScope();
                ConditionallyRegisterBuffer(key, value);
            }

            // Integers (such as a count of batches) keep their type.
            static ScalarType Wanted(ScalarType? dtype, Tensor tensor) =>
                dtype is { } wanted && (tensor.is_floating_point() || tensor.is_complex()) ? wanted : tensor.dtype;

            void Store(string key, Tensor? value) => Fields().FirstOrDefault(field => field.ComponentName() == key)?.SetValue(this, value);

            IEnumerable<FieldInfo> Fields()
            {
                HashSet<string> seen = [];
                for (var type = GetType(); type is not null && type != typeof(object); type = type.BaseType)
                {
                    foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly))
                    {
                        if (seen.Add(field.Name))
                        {
                            yield return field;
                        }
                    }
                }
            }
        }

        /// <summary>Hooks around a call: those before may replace the input, those after the result.</summary>
        public class HookableModule<TPreHook, TPostHook> : Module
        {
            protected Dictionary<string, TPreHook> pre_hooks = [];
            protected Dictionary<string, TPostHook> post_hooks = [];
            protected Dictionary<string, Action<Module>> module_pre_hooks = [];
            protected Dictionary<string, Action<Module>> module_post_hooks = [];

            protected HookableModule(string name)
                : base(name)
            {
            }

            public HookRemover register_forward_pre_hook(TPreHook hook) => Register(pre_hooks, hook);
            public HookRemover register_forward_pre_hook(Action<Module> hook) => Register(module_pre_hooks, hook);
            public HookRemover register_forward_hook(TPostHook hook) => Register(post_hooks, hook);
            public HookRemover register_forward_hook(Action<Module> hook) => Register(module_post_hooks, hook);

            private protected void Before()
            {
                foreach (var hook in module_pre_hooks.Values)
                {
                    hook(this);
                }
            }

            private protected void After()
            {
                foreach (var hook in module_post_hooks.Values)
                {
                    hook(this);
                }
            }

            HookRemover Register<T>(Dictionary<string, T> hooks, T hook)
            {
                var key = Guid.NewGuid().ToString();
                hooks.Add(key, hook);
                return new HookRemover(this, key);
            }

            public class HookRemover
            {
                readonly HookableModule<TPreHook, TPostHook> _module;
                readonly string _key;

                public HookRemover(HookableModule<TPreHook, TPostHook> module, string key) => (_module, _key) = (module, key);

                public void remove()
                {
                    _module.pre_hooks.Remove(_key);
                    _module.post_hooks.Remove(_key);
                    _module.module_pre_hooks.Remove(_key);
                    _module.module_post_hooks.Remove(_key);
                }
            }
        }

        public interface IModule<T, TResult>
        {
            TResult call(T input1);
        }

        public interface IModule<T1, T2, TResult>
        {
            TResult call(T1 input1, T2 input2);
        }

        public interface IModule<T1, T2, T3, TResult>
        {
            TResult call(T1 input1, T2 input2, T3 input3);
        }

        public abstract class Module<T, TResult> : HookableModule<Func<Module<T, TResult>, T, T>, Func<Module<T, TResult>, T, TResult, TResult>>,
            IModule<T, TResult>
        {
            protected Module(string name)
                : base(name)
            {
            }

            public abstract TResult forward(T input);

            public TResult call(T input)
            {
                Before();
                foreach (var hook in pre_hooks.Values)
                {
                    input = hook(this, input) ?? input;
                }

                var result = forward(input);
                foreach (var hook in post_hooks.Values)
                {
                    result = hook(this, input, result) ?? result;
                }

                After();
                return result;
            }
        }

        public abstract class Module<T1, T2, TResult> :
            HookableModule<Func<Module<T1, T2, TResult>, T1, T2, (T1, T2)?>, Func<Module<T1, T2, TResult>, T1, T2, TResult, TResult>>,
            IModule<T1, T2, TResult>
        {
            protected Module(string name)
                : base(name)
            {
            }

            public abstract TResult forward(T1 input1, T2 input2);

            public TResult call(T1 input1, T2 input2)
            {
                Before();
                foreach (var hook in pre_hooks.Values)
                {
                    (input1, input2) = hook(this, input1, input2) ?? (input1, input2);
                }

                var result = forward(input1, input2);
                foreach (var hook in post_hooks.Values)
                {
                    result = hook(this, input1, input2, result) ?? result;
                }

                After();
                return result;
            }
        }

        public abstract class Module<T1, T2, T3, TResult> :
            HookableModule<Func<Module<T1, T2, T3, TResult>, T1, T2, T3, (T1, T2, T3)?>, Func<Module<T1, T2, T3, TResult>, T1, T2, T3, TResult, TResult>>,
            IModule<T1, T2, T3, TResult>
        {
            protected Module(string name)
                : base(name)
            {
            }

            public abstract TResult forward(T1 input1, T2 input2, T3 input3);

            public TResult call(T1 input1, T2 input2, T3 input3)
            {
                Before();
                foreach (var hook in pre_hooks.Values)
                {
                    (input1, input2, input3) = hook(this, input1, input2, input3) ?? (input1, input2, input3);
                }

                var result = forward(input1, input2, input3);
                foreach (var hook in post_hooks.Values)
                {
                    result = hook(this, input1, input2, input3, result) ?? result;
                }

                After();
                return result;
            }
        }

        /// <summary>A dictionary that keeps the order in which its keys first came.</summary>
        sealed class Entries<T> : List<(string Key, T Value)>
        {
            public bool Contains(string key) => IndexOf(key) >= 0;

            public bool TryAdd(string key, T value)
            {
                if (Contains(key))
                {
                    return false;
                }

                Add((key, value));
                return true;
            }

            public void Set(string key, T value)
            {
                var index = IndexOf(key);
                if (index < 0)
                {
                    Add((key, value));
                }
                else
                {
                    this[index] = (key, value);
                }
            }

            public void Remove(string key) => RemoveAll(entry => entry.Key == key);

            int IndexOf(string key) => FindIndex(entry => entry.Key == key);
        }
    }
}

public static class ModuleExtensionMethods
{
    public static T to<T>(this T module, torch.ScalarType type, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(type, non_blocking);

    public static T to<T>(this T module, torch.Device device, torch.ScalarType type, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(device, type, non_blocking);

    public static T to<T>(this T module, DeviceType deviceType, int deviceIndex = -1, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(deviceType, deviceIndex, non_blocking);

    public static T to<T>(this T module, torch.Device device, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(device.type, device.index, non_blocking);

    public static T to<T>(this T module, string device, bool non_blocking = false) where T : torch.nn.Module =>
        module.to(new torch.Device(device), non_blocking);

    public static T to<T>(this T module, torch.Tensor other, bool non_blocking = false) where T : torch.nn.Module =>
        (T)module._to(other.device, other.dtype, non_blocking);

    public static T cpu<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(DeviceType.CPU, -1, non_blocking);

    public static T cuda<T>(this T module, int deviceIndex = -1, bool non_blocking = false) where T : torch.nn.Module =>
        module.to(DeviceType.CUDA, deviceIndex, non_blocking);

    public static T half<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.float16, non_blocking);
    public static T bfloat16<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.bfloat16, non_blocking);
    public static T @float<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.float32, non_blocking);
    public static T @double<T>(this T module, bool non_blocking = false) where T : torch.nn.Module => module.to(torch.float64, non_blocking);
}

public static class FieldInfoExtensionMethods
{
    public static string ComponentName(this FieldInfo field) =>
        field.GetCustomAttribute<ComponentNameAttribute>() is { Name.Length: > 0 } attribute ? attribute.Name : field.Name;
}
