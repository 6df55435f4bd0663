using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// What a network does between its modules. libtorch computes it at once (<typeparamref name="T"/> is <see cref="Tensor"/>), ONNX writes it down
/// (<see cref="OnnxValue"/>): a network that is a function over this is written once, and cannot export anything but what it trains.
/// </summary>
public interface INetworkGraph<T>
{
    T Apply(nn.Module<Tensor, Tensor> layer, T x);

    /// <summary>(B, C₁, ..), (B, C₂, ..), .. → (B, C₁ + C₂ + .., ..).</summary>
    T Concat(params ReadOnlySpan<T> values);

    /// <summary>Values <paramref name="start"/> up to <paramref name="start"/> + <paramref name="length"/> of each row; (B, D) → (B, length).</summary>
    T Narrow(T x, long start, long length);
}

/// <summary>The graph that computes.</summary>
public sealed class TensorGraph : INetworkGraph<Tensor>
{
    public static TensorGraph Instance { get; } = new();

    public Tensor Apply(nn.Module<Tensor, Tensor> layer, Tensor x) => layer.call(x);

    public Tensor Concat(params ReadOnlySpan<Tensor> values) => cat(values.ToArray(), 1);

    public Tensor Narrow(Tensor x, long start, long length) => x.narrow(1, start, length);
}

/// <summary>
/// The graph that is exported: modules are named by their place in <paramref name="network"/>, which stands at <paramref name="path"/>.
/// </summary>
public sealed class OnnxGraph(OnnxModules modules, nn.Module network, string path) : INetworkGraph<OnnxValue>
{
    readonly Dictionary<nn.Module, string> _paths = network.named_modules().ToDictionary(m => m.Item2, m => m.Item1.Length == 0 ? path : $"{path}.{m.Item1}");

    int _nodes;

    public OnnxValue Apply(nn.Module<Tensor, Tensor> layer, OnnxValue x) => _paths.TryGetValue(layer, out var place)
        ? modules.Apply(layer, x, place)
        : throw new ArgumentException($"{path}: expected a module that is registered in {network.GetName()}, found another {layer.GetType().Name}.", nameof(layer));

    public OnnxValue Concat(params ReadOnlySpan<OnnxValue> values) => modules.Concat($"{path}.concat_{_nodes++}", values);

    public OnnxValue Narrow(OnnxValue x, long start, long length) => modules.Narrow($"{path}.narrow_{_nodes++}", x, start, length);
}
