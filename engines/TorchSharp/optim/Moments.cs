using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>What Adam and AdamW share: running moments of the gradients, in the order of operations of PyTorch's multi-tensor implementation.</summary>
static class Moments
{
    public static void Accumulate(Tensor[] grads, Tensor[] means, double beta1, Tensor[] squares, double beta2)
    {
        Op._foreach_mul__Scalar.Invoke(means, beta1);
        Op._foreach_add__List.Invoke(means, grads, 1 - beta1);
        Op._foreach_mul__Scalar.Invoke(squares, beta2);
        Op._foreach_addcmul__Scalar.Invoke(squares, grads, grads, 1 - beta2);
    }

    /// <summary>AMSGrad: the largest second moment so far, kept in place.</summary>
    public static Tensor[] Largest(Tensor[] squares, Tensor?[] largest)
    {
        var result = new Tensor[squares.Length];
        for (var k = 0; k < squares.Length; k++)
        {
            var kept = largest[k] ?? throw new InvalidOperationException("amsgrad was switched on after the optimizer's state was made.");
            result[k] = Op.maximum_out.Call(kept, squares[k], kept);
        }

        return result;
    }

    public static void Step(
        Tensor[] parameters, Tensor[] means, double beta1, Tensor[] squares, double beta2, long step, double lr, double eps)
    {
        var denominators = Op._foreach_sqrt.CallList(squares);
        Op._foreach_div__Scalar.Invoke(denominators, Math.Sqrt(1 - Math.Pow(beta2, step)));
        Op._foreach_add__Scalar.Invoke(denominators, eps);
        Op._foreach_addcdiv__Scalar.Invoke(parameters, means, denominators, -lr / (1 - Math.Pow(beta1, step)));
    }
}
