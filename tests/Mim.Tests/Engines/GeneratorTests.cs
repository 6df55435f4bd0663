using static TorchSharp.torch;

namespace Mim.Tests.Engines;

public sealed class GeneratorTests
{
    [Fact]
    public void A_restored_state_gives_the_same_draws()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(42);

        // An odd count of normals leaves one cached: the state must hold it.
        randn(7, generator: generator);
        var state = generator.get_state();
        var first = Draws(generator);
        Assert.NotEqual(first, Draws(generator));
        generator.set_state(state);
        Assert.Equal(first, Draws(generator));
        using var other = new Generator();
        other.set_state(state);
        Assert.Equal(first, Draws(other));
    }

    [Fact]
    public void Seeds_decide_the_draws_and_generators_are_apart()
    {
        using var scope = NewDisposeScope();
        using var one = new Generator(1);
        using var same = new Generator().manual_seed(1);
        using var two = new Generator(2);
        Assert.Equal(1, one.initial_seed());
        var draws = Draws(one);
        Assert.NotEqual(draws, Draws(two));
        Assert.Equal(draws, Draws(same));
    }

    [StandInFact]
    public void A_generator_elsewhere_than_on_the_CPU_is_refused() => Assert.Throws<NotSupportedException>(() => new Generator(1, CUDA));

    static float[] Draws(Generator generator) =>
    [
        .. randn(5, generator: generator).data<float>().ToArray(),
        .. rand(5, generator: generator).data<float>().ToArray(),
        .. randperm(5, generator: generator).to(float32).data<float>().ToArray(),
        .. bernoulli(full([5], 0.5), generator).data<float>().ToArray(),
        .. empty(5).normal_(generator: generator).data<float>().ToArray(),
    ];
}
