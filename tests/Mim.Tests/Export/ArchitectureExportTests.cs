using Mim.Models;
using Mim.Tests.Training;
using Mim.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Export;

public sealed class ArchitectureExportTests
{
    static readonly PreprocessingStep[] s_scale = [new() { Kind = PreprocessingStep.Scale, A = [0], B = [255] }];

    public static TheoryData<string, Likelihood, long> Kinds => new()
    {
        { Architectures.Hvae, Likelihood.Bernoulli, 28 },
        { Architectures.Hvae, Likelihood.Gaussian, 9 },
        { Architectures.Hvae, Likelihood.Logistic, 9 },
        { Architectures.ConvHvae, Likelihood.Bernoulli, 14 },
        { Architectures.ConvHvae, Likelihood.Gaussian, 9 },
        { Architectures.PixelHvae, Likelihood.Bernoulli, 14 },
        { Architectures.Mlp, Likelihood.Gaussian, 3 },
        { Architectures.Mlp, Likelihood.GaussianFixed, 3 },
        { Architectures.Mlp, Likelihood.GaussianMixture, 3 },
        { Architectures.Mlp, Likelihood.Bernoulli, 3 },
        { Architectures.Mlp, Likelihood.Logistic, 3 },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Both_graphs_compute_what_libtorch_does_and_a_row_alone_is_that_row_of_a_batch(string name, Likelihood likelihood, long size)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        long[] shape = [size, size];
        using var model = TwoLevel.Create(name, shape, likelihood: likelihood);
        var (encoderBytes, decoderBytes) = (
            OnnxExport.Encoder(model.encoder, model.ZDim, shape, s_scale), OnnxExport.Decoder(model.decoder, model.ZDim, shape, s_scale));
        Assert.Equal([TensorNames.ZMean, TensorNames.ZLogVar], OnnxScanner.Scan(encoderBytes, "encoder.onnx").Outputs.Select(port => port.Name));
        Assert.Contains(TensorNames.XMean, OnnxScanner.Scan(decoderBytes, "decoder.onnx").Outputs.Select(port => port.Name));
        using var encoder = new OrtGraph(encoderBytes);
        using var decoder = new OrtGraph(decoderBytes);
        foreach (var n in Golden.RowCounts)
        {
            using var noise = new Generator((ulong)n);
            var grey = randint(0, 256, [n, .. shape], ScalarType.Float32, generator: noise);
            var x = grey.view(n, -1) / 255;
            var posterior = model.encoder.call(x);
            Check(encoder, new() { [TensorNames.X] = grey }, new() { [TensorNames.ZMean] = posterior.Mean, [TensorNames.ZLogVar] = posterior.LogVar });
            var z = posterior.Sample(noise);
            Dictionary<string, Tensor> inputs = new() { [TensorNames.Z] = z };
            var p = model.decoder.call(z);
            if (p is AutoregressiveBernoulli pixels)
            {
                x = TwoLevel.Bits(n, size * size, noise);
                inputs.Add(TensorNames.XGiven, x.view([n, .. shape]));
                p = pixels.Given(x);
            }
            Dictionary<string, Tensor> expected = new(p.Parameters) { [TensorNames.XMean] = p.Mean * 255 };
            Check(decoder, inputs, expected);
        }
    }

    [Theory]
    [InlineData(Mim.Training.Activation.Gated)]
    [InlineData(Mim.Training.Activation.Gelu)]
    public void Dense_layers_keep_their_activation(Mim.Training.Activation activation)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Training.Models.Create(Training.Models.Options(activation: activation, z: 3, hidden: [6, 5]), 7);
        using var encoder = new OrtGraph(OnnxExport.Encoder(model.encoder, 3, [7], []));
        using var decoder = new OrtGraph(OnnxExport.Decoder(model.decoder, 3, [7], []));
        using var noise = new Generator(1);
        var x = randn([7, 7], generator: noise);
        var posterior = model.encoder.call(x);
        Check(encoder, new() { [TensorNames.X] = x }, new() { [TensorNames.ZMean] = posterior.Mean, [TensorNames.ZLogVar] = posterior.LogVar });
        Check(decoder, new() { [TensorNames.Z] = posterior.Mean }, new(model.decoder.call(posterior.Mean).Parameters) { [TensorNames.XMean] = model.decoder.call(posterior.Mean).Mean });
    }

    [Fact]
    public void A_scanner_that_trusts_nothing_accepts_the_graphs()
    {
        using var scope = NewDisposeScope();
        using var model = TwoLevel.Create(Architectures.PixelHvae, [6, 5], z: 3, width: 4);
        var encoder = OnnxScanner.Scan(OnnxExport.Encoder(model.encoder, model.ZDim, [6, 5], s_scale), "encoder.onnx");
        Assert.Equal([6], encoder.Outputs.Single(port => port.Name == TensorNames.ZMean).Shape);
        var decoder = OnnxScanner.Scan(OnnxExport.Decoder(model.decoder, model.ZDim, [6, 5], s_scale), "decoder.onnx");
        Assert.Equal([TensorNames.Z, TensorNames.XGiven], decoder.Inputs.Select(port => port.Name));
        Assert.Equal([6, 5], decoder.Inputs[1].Shape);
    }

    [Fact]
    public void Masked_weights_are_zero_in_the_graph()
    {
        using var scope = NewDisposeScope();
        using var model = TwoLevel.Create(Architectures.PixelHvae, [6, 5], z: 3, width: 4);
        var graph = new ProtoMessage(OnnxExport.Decoder(model.decoder, model.ZDim, [6, 5], [])).Message(7);
        var kernel = graph.Messages(5).Single(t => t.String(8) == "decoder.pixels.3.weight").Floats(9);
        for (var i = 0; i < kernel.Length; i++)
        {
            Assert.Equal(i % 6 > 4, kernel[i] == 0);
        }
    }

    [Fact]
    public void A_network_of_known_modules_plugs_in_by_name()
    {
        Architectures.Register("bottleneck-of-a-test", (options, xShape) =>
            new Architecture(new Bottleneck(xShape[0], options.Network.Z), new Widening(xShape[0], options.Network.Z), new StandardPrior(options.Network.Z), options.Network.Z));
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var init = new Generator(1);
        var options = TrainingOptions.Parse("network: {name: bottleneck-of-a-test, z: 3}\ndataset: {name: toy4}", "test.yml");
        using var model = Autoencoder.Create(options, [7], init);
        model.eval();
        using var encoder = new OrtGraph(OnnxExport.Encoder(model.encoder, 3, [7], []));
        using var decoder = new OrtGraph(OnnxExport.Decoder(model.decoder, 3, [7], []));
        foreach (var n in Golden.RowCounts)
        {
            var x = randn([n, 7], generator: init);
            var posterior = model.encoder.call(x);
            Check(encoder, new() { [TensorNames.X] = x }, new() { [TensorNames.ZMean] = posterior.Mean, [TensorNames.ZLogVar] = posterior.LogVar });
            Check(decoder, new() { [TensorNames.Z] = posterior.Mean }, new() { [TensorNames.XMean] = model.decoder.call(posterior.Mean).Mean });
        }
    }

    [Fact]
    public void A_module_that_is_not_the_networks_own_is_refused()
    {
        using var scope = NewDisposeScope();
        using var network = new Bottleneck(4, 2);
        using var stranger = nn.Linear(4, 4);
        var graph = new OnnxGraph(new OnnxModules(new OnnxWriter("test")), network, "encoder");
        var e = Assert.Throws<ArgumentException>(() => graph.Apply(stranger, new OnnxValue("x", [4])));
        Assert.StartsWith("encoder: expected a module that is registered in Bottleneck", e.Message, StringComparison.Ordinal);
    }

    static void Check(OrtGraph graph, Dictionary<string, Tensor> inputs, Dictionary<string, Tensor> expected)
    {
        var actual = graph.Run(inputs);
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        var n = (int)inputs.First().Value.shape[0];
        foreach (var (name, values) in expected)
        {
            // x_mean leaves the graph in units of 255: the contract counts atol in them.
            float[] units = name == TensorNames.XMean && values.max().item<float>() > 2 ? [255] : [];
            var parity = Parity.Compare(actual[name], Values(values), Parity.EngineTolerance, Parity.EngineTolerance, units: units);
            Assert.True(parity.Passed, $"{name}, n = {n}: {parity}");
            var width = actual[name].Length / n;
            for (var row = 0; row < n; row += 13)
            {
                var alone = graph.Run(inputs.ToDictionary(pair => pair.Key, pair => pair.Value.narrow(0, row, 1)))[name];
                var single = Parity.Compare(alone, actual[name].AsSpan(row * width, width), Parity.BatchTolerance, Parity.BatchTolerance, units: units);
                Assert.True(single.Passed, $"{name}, row {row} of {n}: {single}");
            }
        }
    }

    static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();

    sealed class Bottleneck : Encoder
    {
        public readonly Sequential trunk;
        public readonly Linear mean;
        public readonly Sequential log_var;

        public Bottleneck(long inputs, long outputs)
            : base(nameof(Bottleneck))
        {
            trunk = nn.Sequential(nn.Linear(inputs, 6), nn.LayerNorm(6), nn.SiLU(), Gated.Dense(6, 5));
            mean = nn.Linear(5, outputs);
            log_var = nn.Sequential(nn.Linear(5, outputs), nn.Hardtanh(-4, 1));
            RegisterComponents();
        }

        public override LogVarFloor LogVarFloor => LogVarFloor.Clamp(-4, 1);

        public override Gaussian forward(Tensor input)
        {
            var h = trunk.call(input);
            return new Gaussian(mean.call(h), log_var.call(h) * 0.5);
        }

        public override OnnxPosterior Write(OnnxModules graph, OnnxValue x, string path)
        {
            var nodes = new OnnxGraph(graph, this, path);
            var h = nodes.Apply(trunk, x);
            return new OnnxPosterior(
                graph.Named(TensorNames.ZMean, nodes.Apply(mean, h)).Name, graph.Named(TensorNames.ZLogVar, nodes.Apply(log_var, h)).Name);
        }
    }

    sealed class Widening : Decoder
    {
        public readonly Sequential mean;

        public Widening(long outputs, long inputs)
            : base(nameof(Widening))
        {
            mean = nn.Sequential(nn.Linear(inputs, 8), nn.GELU(), nn.Linear(8, outputs));
            RegisterComponents();
        }

        public override Gaussian forward(Tensor input)
        {
            var xMean = mean.call(input);
            return new Gaussian(xMean, zeros_like(xMean));
        }

        public override OnnxLikelihood Write(OnnxModules graph, OnnxValue z, string path) => new(new OnnxGraph(graph, this, path).Apply(mean, z).Name, []);
    }
}
