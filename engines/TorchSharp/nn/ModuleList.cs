using System.Collections;
using System.Globalization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static ModuleList<Module> ModuleList(params Module[] modules) => new(modules);

            public static ModuleList<T> ModuleList<T>(params T[] modules) where T : Module => new(modules);
        }
    }
}

namespace TorchSharp.Modules
{
    /// <summary>Modules by position: the index is the key.</summary>
    public class ModuleList<T> : nn.Module, IList<T>
        where T : nn.Module
    {
        readonly List<T> _items;

        public ModuleList(params T[] modules)
            : base(nameof(ModuleList<T>))
        {
            _items = [.. modules];
            Rename();
        }

        public int Count => _items.Count;

        public bool IsReadOnly => false;

        public T this[int index]
        {
            get => _items[index];
            set
            {
                _items[index] = value;
                Rename();
            }
        }

        public void Add(T item) => Insert(Count, item);

        public void append(params T[] parameters) => extend(parameters);

        public void extend(IEnumerable<T> modules)
        {
            _items.AddRange(modules);
            Rename();
        }

        public void Insert(int index, T item)
        {
            _items.Insert(index, item);
            Rename();
        }

        public bool Remove(T item)
        {
            var removed = _items.Remove(item);
            Rename();
            return removed;
        }

        public void RemoveAt(int index)
        {
            _items.RemoveAt(index);
            Rename();
        }

        public void Clear()
        {
            _items.Clear();
            Rename();
        }

        public bool Contains(T item) => _items.Contains(item);

        public int IndexOf(T item) => _items.IndexOf(item);

        public void CopyTo(T[] array, int arrayIndex) => _items.CopyTo(array, arrayIndex);

        public IEnumerator<T> GetEnumerator() => _items.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        protected override void RegisterComponents()
        {
        }

        void Rename()
        {
            ClearModules();
            for (var k = 0; k < _items.Count; k++)
            {
                register_module(k.ToString(CultureInfo.InvariantCulture), _items[k]);
            }
        }
    }
}
