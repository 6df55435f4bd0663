using System.Globalization;
using Mim.Models;
using static TorchSharp.torch;

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
    public static byte[] Encoder(Encoder encoder, IReadOnlyList<long> xShape, IReadOnlyList<PreprocessingStep> preprocessing, string? spaceId = null)
    {
        const string path = "encoder";
        var writer = new OnnxWriter(path);
        var modules = new OnnxModules(writer);
        var xDim = Dim(xShape);
        var x = writer.Input(TensorNames.X, [.. xShape]);
        if (xShape.Count > 1)
        {
            x = writer.Node("Flatten", "x.flat", [x], ("axis", 1L));
        }
        for (var i = 0; i < preprocessing.Count; i++)
        {
            x = Forward(writer, modules, preprocessing[i], x, $"preprocessing.{i}");
        }
        var h = modules.Apply(encoder.trunk, new(x, [xDim]), $"{path}.{nameof(encoder.trunk)}");
        var zMean = modules.Apply(encoder.mean, h, $"{path}.{nameof(encoder.mean)}", TensorNames.ZMean);
        writer.Output(TensorNames.ZMean, [.. zMean.RowShape]);
        if (encoder.log_sigma is not null)
        {
            LogVar(writer, modules, encoder.log_sigma, h, $"{path}.{nameof(encoder.log_sigma)}", encoder.SigmaFloor, TensorNames.ZLogVar);
            writer.Output(TensorNames.ZLogVar, [.. zMean.RowShape]);
        }
        modules.RequireComplete(encoder, path);
        return writer.ToBytes(Metadata(path, spaceId));
    }

    /// <summary>
    /// z [batch, Z] → x_mean [batch, ..xShape] in raw units; x_log_var (Gaussian) or x_logits (Bernoulli), the same shape, in preprocessed
    /// units.
    /// </summary>
    public static byte[] Decoder(
        Decoder decoder, int zDim, IReadOnlyList<long> xShape, IReadOnlyList<PreprocessingStep> preprocessing, string? spaceId = null)
    {
        const string path = "decoder";
        var writer = new OnnxWriter(path);
        var modules = new OnnxModules(writer);
        var z = writer.Input(TensorNames.Z, zDim);
        var h = modules.Apply(decoder.trunk, new(z, [zDim]), $"{path}.{nameof(decoder.trunk)}");
        string mean;
        if (decoder.logits is not null)
        {
            var logits = modules.Apply(decoder.logits, h, $"{path}.{nameof(decoder.logits)}");
            Output(logits.Name, TensorNames.XLogits);
            // 1/(1 + exp(−l)) keeps its relative precision where ONNX Runtime's Sigmoid, a rational approximation, is good to 1e-7 only.
            var odds = writer.Node("Exp", $"{path}.odds", [writer.Node("Neg", $"{path}.negated", [logits.Name])]);
            mean = writer.Node("Reciprocal", $"{path}.mean", [writer.Node("Add", $"{path}.shifted", [odds, modules.Constant($"{path}.one", 1)])]);
        }
        else if (decoder.mean is not null && decoder.log_sigma is not null)
        {
            mean = modules.Apply(decoder.mean, h, $"{path}.{nameof(decoder.mean)}").Name;
            var logVar = LogVar(writer, modules, decoder.log_sigma, h, $"{path}.{nameof(decoder.log_sigma)}", decoder.SigmaFloor, $"{path}.log_var");
            Output(logVar, TensorNames.XLogVar);
        }
        else
        {
            throw new UsageException($"{path}: expected the heads of a Gaussian or a Bernoulli likelihood, found neither.");
        }
        for (var i = preprocessing.Count - 1; i >= 0; i--)
        {
            mean = Inverse(writer, modules, preprocessing[i], mean, $"preprocessing.{i}");
        }
        Output(mean, TensorNames.XMean);
        modules.RequireComplete(decoder, path);
        return writer.ToBytes(Metadata(path, spaceId));

        void Output(string value, string name)
        {
            writer.Node("Reshape", name, [value, writer.Initializer($"{name}.shape", [0, .. xShape], xShape.Count + 1)]);
            writer.Output(name, [.. xShape]);
        }
    }

    /// <summary>
    /// log σ² = 2·(ln σ_min + softplus(s − ln σ_min)), operation by operation as <see cref="Gaussian.WithFloor"/> computes it.
    /// </summary>
    static string LogVar(OnnxWriter writer, OnnxModules modules, nn.Module head, OnnxValue h, string path, double sigmaFloor, string output)
    {
        var logFloor = modules.Constant($"{path}.log_floor", (float)Math.Log(sigmaFloor));
        var above = writer.Node("Sub", $"{path}.above", [modules.Apply(head, h, path).Name, logFloor]);
        var logSigma = writer.Node("Add", $"{path}.floored", [writer.Node("Softplus", $"{path}.softplus", [above]), logFloor]);
        return writer.Node("Mul", output, [logSigma, modules.Constant($"{path}.two", 2)]);
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
            case PreprocessingStep.BinariseStochastic:
                return x;
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
            _ => x,
        };
    }

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
