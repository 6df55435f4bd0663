using TorchSharp.Modules;
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

    /// <summary>
    /// The reference's image models: weights of linear layers N(0, 2/fan_in) (He et al. 2015), every bias and convolution as PyTorch does; a
    /// normalisation begins as none.
    /// </summary>
    public static void He(nn.Module module, Generator init)
    {
        using var _ = no_grad();
        foreach (var (path, child) in module.named_modules())
        {
            switch (child)
            {
                case Linear linear:
                    linear.weight.normal_(0, Math.Sqrt(2.0 / linear.in_features), init);
                    Uniform(linear.bias, linear.in_features);
                    break;
                case Convolution convolution:
                    Uniform(convolution.weight, convolution.weight.numel() / convolution.out_channels);
                    Uniform(convolution.bias, convolution.weight.numel() / convolution.out_channels);
                    break;
                case MaskedConv2d convolution:
                    Uniform(convolution.weight, convolution.weight.numel() / convolution.Outputs);
                    break;
                case BatchNorm:
                    break;
                default:
                    if (child.named_parameters(recurse: false).Any())
                    {
                        throw new InvalidOperationException($"{path}: expected a module whose weights have a known initialisation, found {child.GetType().Name}.");
                    }
                    break;
            }
        }

        void Uniform(Tensor? weight, long fanIn) => weight?.uniform_(-1 / Math.Sqrt(fanIn), 1 / Math.Sqrt(fanIn), init);
    }
}
