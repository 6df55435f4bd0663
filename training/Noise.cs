using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Every draw of training and evaluation. It is made on the CPU and moved to where it is needed: TorchSharp's generators are the CPU's whatever
/// device they are asked for, and so all devices see the same numbers. On the CPU nothing is copied.
/// </summary>
static class Noise
{
    /// <summary>N(0, 1).</summary>
    public static Tensor Normal(ReadOnlySpan<long> shape, ScalarType dtype, Device device, Generator generator) =>
        randn(shape, dtype: dtype, generator: generator).to(device);

    /// <summary>U[0, 1), in the shape of <paramref name="like"/>.</summary>
    public static Tensor Uniform(Tensor like, Generator generator) =>
        empty(like.shape, dtype: like.dtype).uniform_(0, 1, generator).to(like.device);

    /// <summary><paramref name="rows"/> of 0, 1 … <paramref name="count"/> − 1, each equally likely, int64.</summary>
    public static Tensor Index(long count, long rows, Device device, Generator generator) =>
        randint(count, new[] { rows }, dtype: ScalarType.Int64, generator: generator).to(device);

    /// <summary>0 or 1, the latter with probability <paramref name="p"/>.</summary>
    public static Tensor Bernoulli(Tensor p, Generator generator) => bernoulli(p.cpu(), generator).to(p.device);
}
