namespace Mim.Models;

/// <summary>Inputs and the training engine's own outputs for one batch size: what every runtime of the model must reproduce.</summary>
/// <param name="Rows">The batch size.</param>
/// <param name="Tensors">Row-major values by tensor name: x, z_mean, z_log_var; z, x_mean and x_logits or x_log_var where there is a decoder, and x_given where it is
/// autoregressive.</param>
public sealed record Golden(int Rows, IReadOnlyDictionary<string, float[]> Tensors)
{
    /// <summary>One row, an even and an odd few, and more than one vector register of them.</summary>
    public static IReadOnlyList<int> RowCounts { get; } = [1, 2, 7, 64];

    internal static string FileName(int rows, string tensor) => $"golden/{rows}.{tensor}.npy";
}
