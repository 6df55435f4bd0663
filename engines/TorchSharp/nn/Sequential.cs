using System.Globalization;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Sequential Sequential() => new(Array.Empty<Module<Tensor, Tensor>>());

            public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) => new(modules);

            public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);

            public static Sequential Sequential(params Tuple<string, Module<Tensor, Tensor>>[] modules) =>
                new([.. modules.Select(module => (module.Item1, module.Item2))]);

            public static Sequential Sequential(IEnumerable<Module<Tensor, Tensor>> modules) => new([.. modules]);

            public static Sequential Sequential(IEnumerable<(string name, Module<Tensor, Tensor> submodule)> modules) => new([.. modules]);

            public static Sequential Sequential(IEnumerable<Tuple<string, Module<Tensor, Tensor>>> modules) =>
                new([.. modules.Select(module => (module.Item1, module.Item2))]);
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>Modules one after another, keyed by position unless named. Intermediate results are disposed as soon as they are used.</summary>
    public class Sequential : nn.Module<Tensor, Tensor>
    {
        readonly List<nn.IModule<Tensor, Tensor>> _steps = [];

        protected internal Sequential(params (string name, nn.Module<Tensor, Tensor> submodule)[] modules)
            : base(nameof(Sequential))
        {
            foreach (var (key, module) in modules)
            {
                append(key, module);
            }
        }

        protected internal Sequential(params nn.Module<Tensor, Tensor>[] modules)
            : base(nameof(Sequential))
        {
            foreach (var module in modules)
            {
                append(module);
            }
        }

        public int Count => _steps.Count;

        [IndexerName("SequentialItems")]
        public nn.IModule<Tensor, Tensor> this[int index] => _steps[index];

        public Sequential append(nn.IModule<Tensor, Tensor> module) => append(Count.ToString(CultureInfo.InvariantCulture), module);

        public Sequential append(string name, nn.IModule<Tensor, Tensor> module)
        {
            if (module is not nn.Module step)
            {
                throw new ArgumentException($"Sequential: '{name}' is not an nn.Module.", nameof(module));
            }

            register_module(name, step);
            _steps.Add(module);
            return this;
        }

        public override Tensor forward(Tensor tensor)
        {
            if (_steps.Count == 0)
            {
                return tensor.alias();
            }

            var result = _steps[0].call(tensor);
            foreach (var step in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_steps)[1..])
            {
                var next = step.call(result);
                if (!ReferenceEquals(next, result))
                {
                    result.Dispose();
                }

                result = next;
            }

            return result;
        }
    }
}
