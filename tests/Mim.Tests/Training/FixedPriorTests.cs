using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

public sealed class FixedPriorTests
{
    // Oracle: the prior itself. A fixed VampPrior does not see that its encoder changes, which is how it is known to have been computed once.
    [Theory]
    [InlineData("network: { name: mlp, hidden: [7], z: 3 }", "vamp")]
    [InlineData("network: { name: mlp, hidden: [7], z: 3 }", "mixture")]
    [InlineData("network: { name: hvae, width: 6, z: 3 }", "vamp")]
    public void Has_the_density_of_the_moment_and_keeps_it(string network, string prior)
    {
        var options = TrainingOptions.Parse($"{network}\nlikelihood: bernoulli\nprior: {{ name: {prior}, components: 4 }}", "test");
        using var scope = NewDisposeScope();
        using var init = new Generator(3);
        var model = Autoencoder.Create(options, [5], init);
        using var _ = no_grad();
        var z = randn([6, model.ZDim], generator: init);
        var before = model.prior.LogProb(z);
        var kept = model.prior.Fixed();
        Assert.Equal(before.data<float>().ToArray(), kept.LogProb(z).data<float>().ToArray());
        foreach (var weight in model.encoder.parameters())
        {
            weight.mul_(2);
        }
        Assert.Equal(before.data<float>().ToArray(), kept.LogProb(z).data<float>().ToArray());
    }
}
