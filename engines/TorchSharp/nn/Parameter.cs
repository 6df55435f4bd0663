namespace TorchSharp.Modules
{
    /// <summary>A tensor that a module trains. It takes over the native tensor: what it was made from is invalid afterwards.</summary>
    public class Parameter : torch.Tensor
    {
        public Parameter(torch.Tensor data, bool requires_grad = true)
            : base(TakeOver(data, requires_grad, out var scope), register: false) =>
            scope?.Add(this);

        static nint TakeOver(torch.Tensor data, bool requires_grad, out DisposeScope? scope)
        {
            data.requires_grad = requires_grad;
            scope = data.Scope;
            scope?.Remove(data);
            return data.Release();
        }
    }
}

namespace TorchSharp
{
    public static partial class torch
    {
        public static partial class nn
        {
            public static Modules.Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);
        }
    }
}
