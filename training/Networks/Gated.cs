using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Gated layers, h(x)·σ(g(x)) without an activation on h (van den Oord et al. 2016; as in the reference's convolutional models). h and g are the two
/// halves of one layer's outputs: one product instead of two over the same x.
/// </summary>
public static class Gated
{
    /// <summary>(B, <paramref name="inputs"/>) → (B, <paramref name="outputs"/>).</summary>
    public static Sequential Dense(long inputs, long outputs) => nn.Sequential(nn.Linear(inputs, 2 * outputs), nn.GLU(1));

    /// <summary>(B, <paramref name="inputs"/>, H, W) → (B, <paramref name="outputs"/>, H', W').</summary>
    public static Sequential Conv2d(long inputs, long outputs, long kernel, long stride, long padding) =>
        nn.Sequential(nn.Conv2d(inputs, 2 * outputs, kernel, stride, padding), new ChannelGate());
}
