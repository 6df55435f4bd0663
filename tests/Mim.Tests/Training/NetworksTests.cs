using Mim.Models;
using Mim.Tests.Export;
using Mim.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

public sealed class NetworksTests
{
    [Theory]
    [InlineData(2, 2, 50, 708)] // the counts that the reference reports
    [InlineData(20, 10, 50, 4660)]
    public void The_reference_networks_have_the_reference_number_of_parameters(int xDim, int zDim, int hidden, int expected) =>
        Assert.Equal(expected, Models.Create(Models.Options(z: zDim, hidden: hidden), xDim).parameters().Sum(p => p.numel()));

    /// <summary>Oracle: the count of the reference's one-level VAE, summed by hand from its layers.</summary>
    [Fact]
    public void With_gated_layers_the_dense_network_has_as_many_weights_as_the_references_vae() => Assert.Equal(
        1_116_864,
        Models.Create(Models.Options(likelihood: Likelihood.Bernoulli, activation: Activation.Gated, z: 40, hidden: [300, 300]), 784)
            .parameters().Sum(p => p.numel()));

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

    [Fact]
    public void A_network_of_known_modules_plugs_in_by_name_and_exports()
    {
        const string Name = "affine_pair";
        Architectures.Register(Name, (options, xShape) => new Architecture(
            new AffineEncoder(xShape[0], options.Network.Z), new AffineDecoder(options.Network.Z, xShape[0]), new StandardPrior(options.Network.Z), options.Network.Z));
        Assert.Throws<ArgumentException>(() => Architectures.Register(Name, (_, _) => throw new NotSupportedException()));
        var options = TrainingOptions.Parse($"network: {{ name: {Name}, z: 2 }}", "a.yml");

        using var scope = NewDisposeScope();
        var model = Models.Create(options, 3);
        using var noise = new Generator(1);
        Objective.Create(options.Objective).Encode(model, ones(4, 3), 1, noise).Loss.backward();
        Assert.All(model.parameters(), p => Assert.NotNull(p.grad));
        Assert.Equal("encoder.heads.weight", model.named_parameters().First().name);

        using var _ = no_grad();
        var x = linspace(-1, 2, 12).view(4, 3);
        var q = model.encoder.call(x);
        var encoded = OrtRun.All(OnnxExport.Encoder(model.encoder, model.ZDim, [3], []), TensorNames.X, x);
        var decoded = OrtRun.All(OnnxExport.Decoder(model.decoder, model.ZDim, [3], []), TensorNames.Z, q.Mean);
        foreach (var (expected, actual) in new[] { (q.Mean, encoded[TensorNames.ZMean]), (q.LogVar, encoded[TensorNames.ZLogVar]), (model.decoder.call(q.Mean).Mean, decoded[TensorNames.XMean]) })
        {
            Assert.True(Parity.Compare(actual, expected.contiguous().data<float>().ToArray(), Parity.EngineTolerance, Parity.EngineTolerance).Passed);
        }
    }

    sealed class AffineEncoder : Encoder
    {
        public readonly Linear heads;

        public AffineEncoder(long xDim, long zDim)
            : base(nameof(AffineEncoder))
        {
            heads = nn.Linear(xDim, 2 * zDim);
            RegisterComponents();
        }

        public override LogVarFloor LogVarFloor => LogVarFloor.None;

        public override Gaussian forward(Tensor x)
        {
            var both = heads.call(x).chunk(2, 1);
            return new Gaussian(both[0], both[1] * 0.5);
        }

        public override OnnxPosterior Write(OnnxModules graph, OnnxValue x, string path)
        {
            var both = graph.Apply(heads, x, $"{path}.heads");
            var half = both.RowShape[0] / 2;
            return new OnnxPosterior(graph.Narrow(TensorNames.ZMean, both, 0, half).Name, graph.Narrow(TensorNames.ZLogVar, both, half, half).Name);
        }
    }

    sealed class AffineDecoder : Decoder
    {
        public readonly Linear logits;

        public AffineDecoder(long zDim, long xDim)
            : base(nameof(AffineDecoder))
        {
            logits = nn.Linear(zDim, xDim);
            RegisterComponents();
        }

        public override Bernoulli forward(Tensor z) => new(logits.call(z));

        public override OnnxLikelihood Write(OnnxModules graph, OnnxValue z, string path)
        {
            var l = graph.Apply(logits, z, $"{path}.logits").Name;
            return new OnnxLikelihood(graph.Probability(l, path), [new(TensorNames.XLogits, l)]);
        }
    }
}
