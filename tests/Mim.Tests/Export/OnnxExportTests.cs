using Mim.Models;
using Mim.Tests.Training;
using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Export;

public sealed class OnnxExportTests
{
    static readonly long[] s_shape = [2, 3];

    static readonly Dictionary<string, PreprocessingStep[]> s_chains = new()
    {
        ["none"] = [],
        ["standardise"] = [new() { Kind = PreprocessingStep.Standardise, A = [1, 2, 3, -4, 5, 0], B = [1, 0.5f, 30, 4, 5, 0.1f] }],
        ["impute, standardise"] =
        [
            new() { Kind = PreprocessingStep.Impute, A = [9, 8, 7, 6, 5, 4] },
            new() { Kind = PreprocessingStep.Standardise, A = [2], B = [3] },
        ],
        ["standardise, standardise"] =
        [
            new() { Kind = PreprocessingStep.Standardise, A = [2], B = [3] },
            new() { Kind = PreprocessingStep.Standardise, A = [-1], B = [0.5f] },
        ],
        ["scale"] = [new() { Kind = PreprocessingStep.Scale, A = [0], B = [255] }],
        ["dequantise"] = [new() { Kind = PreprocessingStep.Dequantise, A = [256] }],
        ["scale, binarise"] = [new() { Kind = PreprocessingStep.Scale, A = [0], B = [4] }, new() { Kind = PreprocessingStep.Binarise, A = [0.5f] }],
        ["scale, stochastic"] = [new() { Kind = PreprocessingStep.Scale, A = [0], B = [255] }, new() { Kind = PreprocessingStep.BinariseStochastic }],
    };

    public static TheoryData<string, Likelihood, bool> Cases
    {
        get
        {
            var cases = new TheoryData<string, Likelihood, bool>();
            foreach (var chain in s_chains.Keys)
            {
                cases.Add(chain, chain.Contains("scale", StringComparison.Ordinal) ? Likelihood.Bernoulli : Likelihood.Gaussian, false);
            }
            cases.Add("standardise", Likelihood.Gaussian, true);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Both_graphs_compute_from_raw_features_what_libtorch_does(string chain, Likelihood likelihood, bool deterministic)
    {
        var steps = s_chains[chain];
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var model = Model(likelihood, deterministic);
        var encoder = OnnxExport.Encoder(model.encoder, model.ZDim, s_shape, steps);
        var decoder = OnnxExport.Decoder(model.decoder, model.ZDim, s_shape, steps);
        foreach (var n in Golden.RowCounts)
        {
            var (posterior, encoded) = Encode(model, encoder, steps, n);
            RequireParity(posterior.Mean, encoded[TensorNames.ZMean]);
            if (deterministic)
            {
                Assert.Equal([TensorNames.ZMean], encoded.Keys);
            }
            else
            {
                RequireParity(posterior.LogVar, encoded[TensorNames.ZLogVar]);
            }

            using var noise = new Generator((ulong)n);
            var z = randn([n, model.ZDim], generator: noise);
            var decoded = OrtRun.All(decoder, TensorNames.Z, z);
            var p = model.decoder.call(z);
            RequireParity(Raw(p.Mean, steps), decoded[TensorNames.XMean]);
            RequireParity(p is Bernoulli b ? b.Logits : ((Gaussian)p).LogVar, decoded[p is Bernoulli ? TensorNames.XLogits : TensorNames.XLogVar]);
        }
    }

    [Fact]
    public void A_row_alone_is_that_row_of_a_batch()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var encoder = OnnxExport.Encoder(Model(Likelihood.Gaussian, false).encoder, 4, s_shape, s_chains["standardise"]);
        var x = tensor(RawRows(64), [64, .. s_shape]);
        var batch = OrtRun.Single(encoder, TensorNames.X, x, TensorNames.ZMean);
        for (var row = 0; row < 64; row++)
        {
            var alone = OrtRun.Single(encoder, TensorNames.X, x[row].unsqueeze(0), TensorNames.ZMean);
            Assert.True(
                Parity.Compare(alone, batch.AsSpan(row * alone.Length, alone.Length), Parity.BatchTolerance, Parity.BatchTolerance).Passed);
        }
    }

    // 2×3 raw features onto 3 directions, standardised behind them; the oracle multiplies in double, element by element.
    [Fact]
    public void A_projection_is_inside_both_graphs_and_a_row_alone_is_that_row_of_a_batch()
    {
        PreprocessingStep[] steps =
        [
            new() { Kind = PreprocessingStep.Scale, A = [0], B = [4] },
            new()
            {
                Kind = PreprocessingStep.Pca,
                A = [0.5f, 1, 0.25f, 2, 0, 1],
                B = [0.6f, 0.8f, 0, 0, 0, 0, 0, 0, 0, 0.28f, -0.96f, 0, 0, 0, 1, 0, 0, 0],
            },
            new() { Kind = PreprocessingStep.Standardise, A = [0.1f, 0.2f, 0.3f], B = [2, 0.5f, 1] },
        ];
        const int n = 64;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var model = Model(Likelihood.Gaussian, false, 3);
        var encoder = OnnxExport.Encoder(model.encoder, model.ZDim, s_shape, steps);
        var raw = RawRows(n);
        var projected = new float[n * 3];
        for (var row = 0; row < n; row++)
        {
            for (var k = 0; k < 3; k++)
            {
                var dot = Enumerable.Range(0, 6).Sum(j => (raw[(row * 6) + j] / 4.0 - steps[1].A[j]) * steps[1].B[(k * 6) + j]);
                projected[(row * 3) + k] = (float)((dot - steps[2].A[k]) / steps[2].B[k]);
            }
        }
        var posterior = model.encoder.call(tensor(projected, n, 3));
        var encoded = OrtRun.All(encoder, TensorNames.X, tensor(raw, [n, .. s_shape]));
        RequireParity(posterior.Mean, encoded[TensorNames.ZMean]);
        RequireParity(posterior.LogVar, encoded[TensorNames.ZLogVar]);
        for (var row = 0; row < n; row++)
        {
            var alone = OrtRun.Single(encoder, TensorNames.X, tensor(raw.AsMemory(row * 6, 6), [1, .. s_shape]), TensorNames.ZMean);
            var rowOfBatch = encoded[TensorNames.ZMean].AsSpan(row * alone.Length, alone.Length);
            Assert.True(Parity.Compare(alone, rowOfBatch, Parity.BatchTolerance, Parity.BatchTolerance).Passed);
        }

        var decoder = OnnxExport.Decoder(model.decoder, model.ZDim, s_shape, steps);
        using var noise = new Generator(4);
        var z = randn([n, model.ZDim], generator: noise);
        var p = (Gaussian)model.decoder.call(z);
        var mean = Values(p.Mean);
        var back = new float[n * 6];
        for (var i = 0; i < back.Length; i++)
        {
            var (row, j) = Math.DivRem(i, 6);
            var sum = Enumerable.Range(0, 3).Sum(k => ((double)mean[(row * 3) + k] * steps[2].B[k] + steps[2].A[k]) * steps[1].B[(k * 6) + j]);
            back[i] = (float)((sum + steps[1].A[j]) * 4);
        }
        var decoded = OrtRun.All(decoder, TensorNames.Z, z);
        RequireParity(tensor(back), decoded[TensorNames.XMean]);
        RequireParity(p.LogVar, decoded[TensorNames.XLogVar]);
        var outputs = OnnxScanner.Scan(decoder, "decoder.onnx").Outputs.ToDictionary(port => port.Name, port => port.Shape);
        Assert.Equal([2, 3], outputs[TensorNames.XMean]);
        Assert.Equal([3], outputs[TensorNames.XLogVar]);
    }

    [Fact]
    public void A_constant_of_the_preprocessing_that_is_one_percent_off_breaks_parity()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var model = Model(Likelihood.Gaussian, false);
        var steps = s_chains["standardise"];
        PreprocessingStep[] wrong = [steps[0] with { B = [.. steps[0].B.Select(b => b * 1.01f)] }];
        var (posterior, encoded) = Encode(model, OnnxExport.Encoder(model.encoder, model.ZDim, s_shape, wrong), steps, 7);
        var parity = Parity.Compare(encoded[TensorNames.ZMean], Values(posterior.Mean), Parity.EngineTolerance, Parity.EngineTolerance);
        Assert.False(parity.Passed);
    }

    [Fact]
    public void The_log_variance_stays_exact_at_the_floor_and_far_above()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var model = Model(Likelihood.Gaussian, false);
        var head = model.Encoder().log_sigma!;
        head.weight.zero_();
        head.bias!.copy_(tensor(new[] { -60f, -13.8155f, 0f, 40f }));
        var encoder = OnnxExport.Encoder(model.encoder, model.ZDim, s_shape, []);
        var actual = OrtRun.Single(encoder, TensorNames.X, tensor(RawRows(1), [1, .. s_shape]), TensorNames.ZLogVar);
        // Oracle: 2 ln(exp(s) + σ_min) in double, relative to which 1e-5 is the parity bound.
        double[] expected = [2 * Math.Log(Math.Exp(-60) + 1e-6), 2 * Math.Log(Math.Exp(-13.8155) + 1e-6), 2 * Math.Log(1 + 1e-6), 80];
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], Parity.EngineTolerance * (1 + Math.Abs(expected[i])));
        }
    }

    [Fact]
    public void The_same_weights_give_the_same_bytes_and_others_do_not()
    {
        using var scope = NewDisposeScope();
        var bytes = OnnxExport.Encoder(Model(Likelihood.Gaussian, false).encoder, 4, s_shape, s_chains["standardise"]);
        var again = Model(Likelihood.Gaussian, false);
        Assert.Equal(bytes, OnnxExport.Encoder(again.encoder, again.ZDim, s_shape, s_chains["standardise"]));
        using var _ = no_grad();
        again.Encoder().mean.bias!.add_(1e-3);
        Assert.NotEqual(bytes, OnnxExport.Encoder(again.encoder, again.ZDim, s_shape, s_chains["standardise"]));
    }

    [Fact]
    public void Weights_keep_their_checkpoint_keys()
    {
        using var scope = NewDisposeScope();
        var model = Model(Likelihood.Gaussian, false);
        var graph = new ProtoMessage(OnnxExport.Encoder(model.encoder, model.ZDim, s_shape, [])).Message(7);
        var initializers = graph.Messages(5).Select(t => t.String(8)).ToHashSet();
        Assert.Superset(model.encoder.named_parameters().Select(p => $"encoder.{p.Item1}").ToHashSet(), initializers);
    }

    [Fact]
    public void A_scanner_that_trusts_nothing_accepts_both_graphs()
    {
        using var scope = NewDisposeScope();
        var model = Model(Likelihood.Bernoulli, false);
        var encoder = OnnxScanner.Scan(OnnxExport.Encoder(model.encoder, model.ZDim, s_shape, s_chains["scale"]), "encoder.onnx");
        Assert.Equal([TensorNames.ZMean, TensorNames.ZLogVar], encoder.Outputs.Select(port => port.Name));
        var decoder = OnnxScanner.Scan(OnnxExport.Decoder(model.decoder, model.ZDim, s_shape, s_chains["scale"]), "decoder.onnx");
        Assert.Equal([2, 3], decoder.Outputs.Single(port => port.Name == TensorNames.XMean).Shape);
    }

    static (ReparameterizedDistribution Posterior, Dictionary<string, float[]> Encoded) Encode(Autoencoder model, byte[] encoder, PreprocessingStep[] steps, int n)
    {
        var raw = RawRows(n);
        if (steps is [{ Kind: PreprocessingStep.Impute }, ..])
        {
            raw[1] = float.NaN;
            raw[^1] = float.NaN;
        }
        var x = tensor(Preprocessed(raw, steps), [n, raw.Length / n]);
        return (model.encoder.call(x), OrtRun.All(encoder, TensorNames.X, tensor(raw, [n, .. s_shape])));
    }

    static Autoencoder Model(Likelihood likelihood, bool deterministic, params long[] shape)
    {
        var options = new TrainingOptions
        {
            Network = new NetworkOptions { Hidden = [16, 11], Z = 4, Activation = Mim.Training.Activation.Silu },
            Likelihood = likelihood,
            Objective = new ObjectiveOptions { Name = deterministic ? ObjectiveName.Ae : ObjectiveName.Mim },
        };
        using var init = new Generator(5);
        var model = Autoencoder.Create(options, shape.Length == 0 ? s_shape : shape, init);
        model.eval();
        return model;
    }

    /// <summary>Small integers, as all the kinds of preprocessing take them.</summary>
    static float[] RawRows(int rows) => [.. Enumerable.Range(0, rows * 6).Select(i => (float)(i * 37 % 251 % 9))];

    /// <summary>The definition of each kind, one value at a time.</summary>
    static float[] Preprocessed(float[] raw, PreprocessingStep[] steps)
    {
        var x = (float[])raw.Clone();
        for (var i = 0; i < x.Length; i++)
        {
            foreach (var step in steps)
            {
                var a = step.A.Length == 0 ? 0 : step.A[i % step.A.Length];
                var b = step.B.Length == 0 ? 0 : step.B[i % step.B.Length];
                x[i] = step.Kind switch
                {
                    PreprocessingStep.Impute => float.IsNaN(x[i]) ? a : x[i],
                    PreprocessingStep.Standardise or PreprocessingStep.Scale => (x[i] - a) / b,
                    PreprocessingStep.Dequantise => (x[i] + 0.5f) / a,
                    PreprocessingStep.Binarise => x[i] > a ? 1 : 0,
                    _ => x[i],
                };
            }
        }
        return x;
    }

    static Tensor Raw(Tensor mean, PreprocessingStep[] steps)
    {
        var x = Values(mean);
        for (var i = 0; i < x.Length; i++)
        {
            foreach (var step in steps.Reverse())
            {
                x[i] = step.Kind switch
                {
                    PreprocessingStep.Standardise or PreprocessingStep.Scale => x[i] * step.B[i % step.B.Length] + step.A[i % step.A.Length],
                    PreprocessingStep.Dequantise => x[i] * step.A[0] - 0.5f,
                    _ => x[i],
                };
            }
        }
        return tensor(x, mean.shape);
    }

    static void RequireParity(Tensor expected, float[] actual)
    {
        var parity = Parity.Compare(actual, Values(expected), Parity.EngineTolerance, Parity.EngineTolerance);
        Assert.True(parity.Passed, $"{parity}");
    }

    static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();
}
