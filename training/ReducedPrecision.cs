using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// bfloat16 inside linear and convolutional layers, float32 between them: what autocast does, which the engine's API does not have. The layers hold
/// rounded copies of weights that are trained in float32, where small updates are not lost.
/// </summary>
public sealed class ReducedPrecision : IDisposable
{
    readonly Parameter[] _parameters;
    readonly Tensor[] _weights;

    /// <param name="model">Its layers are converted; the caller's. Those that are used otherwise than by <c>call</c> then fail.</param>
    public ReducedPrecision(nn.Module model)
    {
        using var _ = no_grad();
        var full = model.named_parameters().ToDictionary(p => p.Item1, p => p.Item2.detach().clone().DetachFromDisposeScope());
        foreach (var layer in model.modules().Where(module => module is Linear or Convolution).Cast<nn.Module<Tensor, Tensor>>())
        {
            layer.to(ScalarType.BFloat16);
            layer.register_forward_pre_hook((_, input) => input.to(ScalarType.BFloat16));
            layer.register_forward_hook((_, _, output) => output.to(ScalarType.Float32));
        }
        _parameters = [.. model.parameters()];
        _weights = [.. model.named_parameters().Select(p => full[p.Item1])];
        Publish();
    }

    /// <summary>The weights in float32, in the order of the model's parameters.</summary>
    public IReadOnlyList<Tensor> Weights => _weights;

    /// <summary>Gives the layers the weights as they are now.</summary>
    public void Publish()
    {
        using var _ = no_grad();
        for (var i = 0; i < _weights.Length; i++)
        {
            _parameters[i].copy_(_weights[i]);
        }
    }

    public void Dispose()
    {
        foreach (var weight in _weights)
        {
            weight.Dispose();
        }
    }
}
