using static TorchSharp.torch;

namespace Mim.Tests.Training;

public sealed class NetworksTests
{
    [Theory]
    [InlineData(2, 2, 50, 708)] // the counts that the reference reports
    [InlineData(20, 10, 50, 4660)]
    public void The_reference_networks_have_the_reference_number_of_parameters(int xDim, int zDim, int hidden, int expected) =>
        Assert.Equal(expected, Models.Create(Models.Options(z: zDim, hidden: hidden), xDim).parameters().Sum(p => p.numel()));

    [Fact]
    public void Checkpoint_keys_are_the_field_names() => Assert.Equal(
        [
            "encoder.trunk.0.weight", "encoder.trunk.0.bias", "encoder.mean.weight", "encoder.mean.bias", "encoder.log_sigma.weight", "encoder.log_sigma.bias",
            "decoder.trunk.0.weight", "decoder.trunk.0.bias", "decoder.mean.weight", "decoder.mean.bias", "decoder.log_sigma.weight", "decoder.log_sigma.bias",
        ],
        Models.Create(Models.Options(hidden: 3), 2).named_parameters().Select(p => p.name));

    [Fact]
    public void The_decoder_mirrors_the_encoder()
    {
        var model = Models.Create(Models.Options(z: 3, hidden: [7, 5]), 4);
        Assert.Equal([(4, 7), (7, 5), (5, 3), (5, 3), (3, 5), (5, 7), (7, 4), (7, 4)],
            model.named_parameters().Where(p => p.name.EndsWith("weight", StringComparison.Ordinal))
                .Select(p => (p.parameter.shape[1], p.parameter.shape[0])));
    }

    [Fact]
    public void Weights_are_uniform_within_one_over_the_root_of_the_inputs()
    {
        using var scope = NewDisposeScope();
        var (_, first) = Models.Create(Models.Options(hidden: 400), 100).named_parameters().First();
        var bound = 1 / Math.Sqrt(100);
        var weights = Models.Matrix(first).Cast<double>().ToArray();

        Assert.All(weights, w => Assert.InRange(w, -bound, bound));
        // 40,000 uniforms: the variance bound²/3 to 5 standard errors, √(4/45)·bound²/200 each.
        Assert.Equal(bound * bound / 3, weights.Average(w => w * w), 5 * Math.Sqrt(4.0 / 45) * bound * bound / 200);
    }

    [Fact]
    public void The_weights_follow_from_the_generator_alone()
    {
        using var scope = NewDisposeScope();
        var first = Models.Create(Models.Options(), 3, seed: 5).Encoder().mean.weight;
        manual_seed(99);
        Assert.Equal(Models.Matrix(first), Models.Matrix(Models.Create(Models.Options(), 3, seed: 5).Encoder().mean.weight));
        Assert.NotEqual(Models.Matrix(first), Models.Matrix(Models.Create(Models.Options(), 3, seed: 6).Encoder().mean.weight));
    }

    [Fact]
    public void Posterior_and_likelihood_equal_the_scalar_networks()
    {
        using var scope = NewDisposeScope();
        var options = Models.Options();
        var model = Models.Create(options, 3);
        var q = model.encoder.call(tensor(new float[] { 0.5f, -1, 2 }, [1, 3]));
        var (mean, sigma) = new ScalarModel(model, options).Encode([0.5, -1, 2]);

        for (var j = 0; j < 2; j++)
        {
            Assert.Equal(mean[j], q.Mean[0, j].item<float>(), 1e-6); // float32, sums of five terms
            Assert.Equal(2 * Math.Log(sigma[j]), q.LogVar[0, j].item<float>(), 2e-6);
        }
    }
}
