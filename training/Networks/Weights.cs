using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>Initial weights. Every draw names its generator, so that they follow from the run's seed alone.</summary>
public static class Weights
{
    /// <summary>Weights and biases U(±1/√fan_in), PyTorch's default, in the order of named_parameters.</summary>
    public static void Uniform(nn.Module module, Generator init)
    {
        using var _ = no_grad();
        var bound = 0.0;
        foreach (var (_, parameter) in module.named_parameters())
        {
            // A bias follows the weight (out, in, ..kernel) whose fan-in it shares.
            bound = parameter.dim() > 1 ? 1 / Math.Sqrt(parameter.numel() / parameter.shape[0]) : bound;
            parameter.uniform_(-bound, bound, init);
        }
    }
}
