using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static class utils
        {
            /// <summary>Scales all gradients alike so that their joint norm is at most <paramref name="max_norm"/>; returns what it was.</summary>
            public static double clip_grad_norm_(IEnumerable<Parameter> tensors, double max_norm, double norm_type = 2)
            {
                // Added to the norm so that a zero gradient scales by a finite number, as in PyTorch.
                const double Epsilon = 1e-6;
                using var mode = no_grad();
                using var scope = NewDisposeScope();
                Tensor[] grads = Gradients(tensors);
                if (grads.Length == 0)
                {
                    return 0;
                }

                var norms = double.IsInfinity(norm_type)
                    ? Array.ConvertAll(grads, grad => Op.linalg_vector_norm.Call(grad, norm_type))
                    : Op._foreach_norm_Scalar.CallList(grads, norm_type);
                var total = Op.linalg_vector_norm.Call(Op.stack.Call(norms), norm_type).ToDouble();
                var factor = max_norm / (total + Epsilon);
                if (factor < 1)
                {
                    Op._foreach_mul__Scalar.Invoke(grads, factor);
                }

                return total;
            }

            public static void clip_grad_value_(IEnumerable<Parameter> tensors, double clip_value)
            {
                using var mode = no_grad();
                using var scope = NewDisposeScope();
                foreach (var grad in Gradients(tensors))
                {
                    Op.clamp_.InPlace(grad, -clip_value, clip_value);
                }
            }

            public static Tensor parameters_to_vector(IEnumerable<Parameter> tensors)
            {
                using var scope = NewDisposeScope();
                return cat([.. tensors.Select(tensor => tensor.reshape(-1))]).MoveToOuterDisposeScope();
            }

            public static void vector_to_parameters(Tensor vec, IEnumerable<Parameter> tensors)
            {
                using var mode = no_grad();
                using var scope = NewDisposeScope();
                var start = 0L;
                foreach (var tensor in tensors)
                {
                    var length = tensor.NumberOfElements;
                    tensor.copy_(vec.narrow(0, start, length).view_as(tensor));
                    start += length;
                }
            }

            static Tensor[] Gradients(IEnumerable<Parameter> tensors) => [.. tensors.Select(tensor => tensor.grad).OfType<Tensor>()];
        }
    }
}
