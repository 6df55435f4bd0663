using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class ModelPackageTests
{
    [Fact]
    public void A_unit_of_parity_is_no_more_than_the_goldens_span()
    {
        using var folder = new TemporaryFolder();
        ModelPackage.Write(
            folder["package"],
            SamplePackage.Manifest with { Preprocessing = [new PreprocessingStep { Kind = PreprocessingStep.Scale, A = [0], B = [1e30f, 2, 4] }] },
            OnnxModelBuilder.Encoder().ToBytes(), OnnxModelBuilder.Decoder().ToBytes(), SamplePackage.Goldens(), "# card\n");
        var package = ModelPackage.Open(folder["package"]);
        // 64 rows of 3 values in steps of 0.25.
        Assert.Equal([191 * 0.25f, 2, 4], package.Units(TensorNames.XMean));
        Assert.Empty(package.Units(TensorNames.ZMean));
    }

    [Fact]
    public void A_package_opens_as_it_was_written()
    {
        using var folder = new TemporaryFolder();
        var written = SamplePackage.Write(folder["package"]);
        var package = ModelPackage.Open(folder["package"]);
        Assert.Equal(OnnxModelBuilder.Encoder().ToBytes(), package.Encoder);
        Assert.Equal(OnnxModelBuilder.Decoder().ToBytes(), package.Decoder);
        Assert.Equal((written.SpaceId, 17, 8), (package.Manifest.SpaceId, package.Manifest.Opset, package.Manifest.IrVersion));
        Assert.Equal(SpaceId.Compute(package.Encoder, SamplePackage.Manifest.Preprocessing), package.Manifest.SpaceId);
        Assert.Equal([1, 2, 7, 64], package.Goldens.Select(golden => golden.Rows));
        Assert.All(package.Goldens.Zip(SamplePackage.Goldens()), pair => Assert.Equal(pair.Second.Tensors, pair.First.Tensors));
        Assert.Single(Directory.GetDirectories(folder.Root));
    }

    [Fact]
    public void Writing_again_replaces_the_package()
    {
        using var folder = new TemporaryFolder();
        var first = SamplePackage.Write(folder["package"]);
        File.WriteAllText(folder["package/stray"], "x");
        var second = SamplePackage.Write(folder["package"], weight: 0.75f);
        Assert.NotEqual(first.SpaceId, second.SpaceId);
        Assert.Equal(second.SpaceId, ModelPackage.Open(folder["package"]).Manifest.SpaceId);
    }

    [Fact]
    public void A_package_that_would_be_refused_is_not_written()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Write(folder["package"]);
        var manifest = SamplePackage.Manifest with { LogVarFloor = null };
        var refusal = Assert.Throws<InvalidDataException>(() => ModelPackage.Write(
            folder["package"], manifest, OnnxModelBuilder.Encoder().ToBytes(), OnnxModelBuilder.Decoder().ToBytes(), SamplePackage.Goldens(), "# card\n"));
        Assert.Contains("encoder.onnx: expected the outputs z_mean [batch, 2] as", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(LogVarFloor.Additive(1e-6), ModelPackage.Open(folder["package"]).Manifest.LogVarFloor);
        Assert.Single(Directory.GetDirectories(folder.Root));
    }

    [Fact]
    public void An_encoder_alone_needs_no_decoder_and_no_likelihood()
    {
        using var folder = new TemporaryFolder();
        var goldens = SamplePackage.Goldens().Select(golden => golden with
        {
            Tensors = golden.Tensors.Where(pair => pair.Key is TensorNames.X or TensorNames.ZMean or TensorNames.ZLogVar).ToDictionary(),
        });
        ModelPackage.Write(
            folder["package"],
            SamplePackage.Manifest with { Kind = ModelManifest.EncoderOnly, Likelihood = null },
            OnnxModelBuilder.Encoder().ToBytes(), decoder: null, [.. goldens], "# encoder\n");
        Assert.Null(ModelPackage.Open(folder["package"]).Decoder);
    }

    [Fact]
    public void Weights_in_a_listed_file_are_verified_and_handed_over()
    {
        using var folder = new TemporaryFolder();
        var encoder = OnnxModelBuilder.Encoder();
        encoder.Initializers[0] = OnnxModelBuilder.External("mean", "encoder.onnx.data", "4", "12", 3);
        byte[] weights = [0, 0, 0, 0, .. new byte[12]];
        var written = ModelPackage.Write(
            folder["package"], SamplePackage.Manifest, encoder.ToBytes(), OnnxModelBuilder.Decoder().ToBytes(), SamplePackage.Goldens(), "# card\n",
            new Dictionary<string, byte[]> { ["encoder.onnx.data"] = weights });
        Assert.Equal(weights, ModelPackage.Open(folder["package"]).ExternalData["encoder.onnx.data"]);
        weights[15] = 1;
        var other = ModelPackage.Write(
            folder["other"], SamplePackage.Manifest, encoder.ToBytes(), OnnxModelBuilder.Decoder().ToBytes(), SamplePackage.Goldens(), "# card\n",
            new Dictionary<string, byte[]> { ["encoder.onnx.data"] = weights });
        Assert.NotEqual(written.SpaceId, other.SpaceId);
    }

    /// <summary>A missing cell of a table is a NaN in x, and a model that imputes has goldens that show it.</summary>
    [Fact]
    public void A_golden_input_may_be_missing_where_the_model_imputes()
    {
        using var folder = new TemporaryFolder();
        var goldens = SamplePackage.Goldens();
        goldens[0].Tensors[TensorNames.X][1] = float.NaN;
        var manifest = SamplePackage.Manifest with { Preprocessing = [new PreprocessingStep { Kind = PreprocessingStep.Impute, A = [0] }, .. SamplePackage.Manifest.Preprocessing] };
        ModelPackage.Write(folder["package"], manifest, OnnxModelBuilder.Encoder().ToBytes(), OnnxModelBuilder.Decoder().ToBytes(), goldens, "# card\n");
        Assert.True(float.IsNaN(ModelPackage.Open(folder["package"]).Goldens[0].Tensors[TensorNames.X][1]));
        goldens[0].Tensors[TensorNames.ZMean][1] = float.NaN;
        Assert.Throws<InvalidDataException>(() =>
            ModelPackage.Write(folder["package"], manifest, OnnxModelBuilder.Encoder().ToBytes(), OnnxModelBuilder.Decoder().ToBytes(), goldens, "# card\n"));
    }

    [Fact]
    public void The_scanner_says_what_is_in_a_graph()
    {
        var model = OnnxModelBuilder.Encoder();
        model.Metadata.Add(("ai.mim.name", "sample"));
        var summary = OnnxScanner.Scan(model.ToBytes(), "encoder.onnx");
        Assert.Equal((8, 17), (summary.IrVersion, summary.Opset));
        Assert.Equal(["x"], summary.Inputs.Select(port => port.Name));
        Assert.Equal([3], summary.Inputs[0].Shape);
        Assert.Equal(["z_mean", "z_log_var"], summary.Outputs.Select(port => port.Name));
        Assert.Equal("Div 1, Gemm 1, Sub 1, Tanh 1", string.Join(", ", summary.Ops.Select(op => $"{op.Key} {op.Value}")));
        // 3 + 3 + 6 + 2 float32.
        Assert.Equal(14 * sizeof(float), summary.InitializerBytes);
        Assert.Equal("sample", summary.Metadata["ai.mim.name"]);
        Assert.Empty(summary.ExternalData);
    }
}
