using System.Globalization;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// Writes the two networks of an autoencoder as ONNX graphs on raw features: preprocessing in front of the encoder, its inverse behind the decoder.
/// Sampling stays outside. The same weights give the same bytes.
/// </summary>
public static class OnnxExport
{
    /// <summary>The version that ONNX Runtime introduced opset 17 with.</summary>
    public const string MinimumOnnxRuntime = "1.12.0";

    const string MetadataPrefix = "ai.mim.";

    /// <summary>x [batch, ..xShape] → z_mean [batch, Z] and, unless the encoder is deterministic, z_log_var [batch, Z].</summary>
    public static byte[] Encoder(
        Encoder encoder, int zDim, IReadOnlyList<long> xShape, IReadOnlyList<PreprocessingStep> preprocessing, string? spaceId = null)
    {
        const string path = "encoder";
        var writer = new OnnxWriter(path);
        var modules = new OnnxModules(writer);
        var xDim = Dim(PreprocessingStep.OutputShape(preprocessing, xShape));
        var x = writer.Input(TensorNames.X, [.. xShape]);
        if (xShape.Count > 1)
        {
            x = writer.Node("Flatten", "x.flat", [x], ("axis", 1L));
        }
        for (var i = 0; i < preprocessing.Count; i++)
        {
            x = Forward(writer, modules, preprocessing[i], x, $"preprocessing.{i}");
        }
        var posterior = encoder.Write(modules, new(x, [xDim]), path);
        writer.Output(posterior.Mean, zDim);
        if (posterior.LogVar is { } logVar)
        {
            writer.Output(logVar, zDim);
        }
        modules.RequireComplete(encoder, path);
        return writer.ToBytes(Metadata(path, spaceId));
    }

    /// <summary>
    /// z [batch, Z] → x_mean [batch, ..xShape] in raw units, and the likelihood's other parameters, such as x_logits, in preprocessed ones and of the
    /// shape that the preprocessing leaves. An autoregressive decoder also takes x_given, preprocessed and of that shape.
    /// </summary>
    public static byte[] Decoder(
        Decoder decoder, int zDim, IReadOnlyList<long> xShape, IReadOnlyList<PreprocessingStep> preprocessing, string? spaceId = null)
    {
        const string path = "decoder";
        var writer = new OnnxWriter(path);
        var modules = new OnnxModules(writer);
        var inputShape = PreprocessingStep.OutputShape(preprocessing, xShape);
        var z = writer.Input(TensorNames.Z, zDim);
        var likelihood = decoder is AutoregressiveDecoder conditional
            ? conditional.Write(modules, new(z, [zDim]), Given(), path)
            : decoder.Write(modules, new(z, [zDim]), path);
        foreach (var (name, value) in likelihood.Parameters)
        {
            Output(value, name, likelihood.Components > 0 ? [likelihood.Components, .. inputShape] : inputShape);
        }
        var mean = likelihood.Mean;
        for (var i = preprocessing.Count - 1; i >= 0; i--)
        {
            mean = Inverse(writer, modules, preprocessing[i], mean, $"preprocessing.{i}");
        }
        Output(mean, TensorNames.XMean, xShape);
        modules.RequireComplete(decoder, path);
        return writer.ToBytes(Metadata(path, spaceId));

        OnnxValue Given() =>
            new(writer.Node("Flatten", $"{TensorNames.XGiven}.flat", [writer.Input(TensorNames.XGiven, [.. inputShape])], ("axis", 1L)), [Dim(inputShape)]);

        void Output(string value, string name, IReadOnlyList<long> rowShape)
        {
            modules.Reshaped(value, name, [.. rowShape]);
            writer.Output(name, [.. rowShape]);
        }
    }

    static string Forward(OnnxWriter writer, OnnxModules modules, PreprocessingStep step, string x, string name)
    {
        string Binary(string op, string left, string key, params ReadOnlySpan<float> constant) =>
            writer.Node(op, $"{name}.{key}", [left, modules.Constant($"{name}.{key}.constant", constant)]);
        switch (step.Kind)
        {
            case PreprocessingStep.Impute:
                return writer.Node("Where", name, [writer.Node("IsNaN", $"{name}.missing", [x]), modules.Constant($"{name}.constant", step.A), x]);
            case PreprocessingStep.Standardise or PreprocessingStep.Scale:
                return Binary("Div", Binary("Sub", x, "offset", step.A), "scale", step.B);
            case PreprocessingStep.Dequantise:
                return Binary("Div", Binary("Add", x, "centre", 0.5f), "levels", step.A);
            case PreprocessingStep.Binarise:
                return writer.Node("Cast", name, [Binary("Greater", x, "threshold", step.A)], ("to", 1L));
            case PreprocessingStep.BinariseStochastic or PreprocessingStep.BinariseStatic or PreprocessingStep.DequantiseTraining:
                return x;
            case PreprocessingStep.Pca:
                // The mean is subtracted first: folded into a bias it would cost the digits in which x and its mean agree.
                return writer.Node("Gemm", name, [Binary("Sub", x, "mean", step.A), Directions(writer, step, name)], ("transB", 1L));
            default:
                throw new UsageException($"{name}: preprocessing '{step.Kind}' has no ONNX form.");
        }
    }

    static string Inverse(OnnxWriter writer, OnnxModules modules, PreprocessingStep step, string x, string name)
    {
        string Binary(string op, string left, string key, params ReadOnlySpan<float> constant) =>
            writer.Node(op, $"{name}.{key}", [left, modules.Constant($"{name}.{key}.constant", constant)]);
        return step.Kind switch
        {
            PreprocessingStep.Standardise or PreprocessingStep.Scale => Binary("Add", Binary("Mul", x, "scale", step.B), "offset", step.A),
            PreprocessingStep.Dequantise => Binary("Sub", Binary("Mul", x, "levels", step.A), "centre", 0.5f),
            PreprocessingStep.Pca => writer.Node("Gemm", name, [x, Directions(writer, step, name), modules.Constant($"{name}.mean", step.A)]),
            _ => x,
        };
    }

    static string Directions(OnnxWriter writer, PreprocessingStep pca, string name) =>
        writer.Initializer($"{name}.directions", pca.B, pca.Outputs(pca.A.Length), pca.A.Length);

    static long Dim(IReadOnlyList<long> shape) => shape.Aggregate(1L, (product, size) => product * size);

    static Dictionary<string, string> Metadata(string graph, string? spaceId)
    {
        var metadata = new Dictionary<string, string>
        {
            [$"{MetadataPrefix}contract"] = string.Create(CultureInfo.InvariantCulture, $"{ModelManifest.CurrentContractVersion}"),
            [$"{MetadataPrefix}graph"] = graph,
        };
        if (spaceId is not null)
        {
            metadata.Add($"{MetadataPrefix}space_id", spaceId);
        }
        return metadata;
    }
}
