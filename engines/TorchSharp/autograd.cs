namespace TorchSharp;

public static partial class torch
{
    public static class autograd
    {
        public static void backward(
            Tensor tensor, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(
            Tensor tensor, Tensor grad_tensor, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        /// <summary>Accumulates the gradients of <paramref name="tensors"/> in the leaves (or in <paramref name="inputs"/> only).</summary>
        public static unsafe void backward(
            IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null)
        {
            nint[] roots = Handles(tensors), grads = Handles(grad_tensors), leaves = Handles(inputs);
            fixed (nint* r = roots, g = grads, l = leaves)
            {
                Native.Check(Native.mim_backward(
                    r, roots.Length, g, grads.Length, retain_graph ?? create_graph ? 1 : 0, create_graph ? 1 : 0, l, leaves.Length));
            }

            GC.KeepAlive(tensors);
            GC.KeepAlive(grad_tensors);
            GC.KeepAlive(inputs);
        }

        /// <summary>The gradients of <paramref name="outputs"/> with respect to <paramref name="inputs"/>; the leaves' own stay untouched.</summary>
        public static unsafe IList<Tensor> grad(
            IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false, bool create_graph = false,
            bool allow_unused = false)
        {
            nint[] roots = Handles(outputs), leaves = Handles(inputs), grads = Handles(grad_outputs), results = new nint[inputs.Count];
            fixed (nint* r = roots, l = leaves, g = grads, o = results)
            {
                Native.Check(Native.mim_autograd(
                    r, roots.Length, l, leaves.Length, g, grads.Length, retain_graph || create_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, o));
            }

            GC.KeepAlive(outputs);
            GC.KeepAlive(inputs);
            GC.KeepAlive(grad_outputs);
            return Array.ConvertAll(results, handle => new Tensor(handle));
        }

        static nint[] Handles(IList<Tensor>? tensors) => tensors is null ? [] : [.. tensors.Select(tensor => tensor.Handle)];
    }
}
