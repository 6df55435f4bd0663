using System.Globalization;
using Mim.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>A value of an ONNX graph: float32 [batch, ..RowShape].</summary>
public readonly record struct OnnxValue(string Name, IReadOnlyList<long> RowShape);

/// <summary>
/// Writes TorchSharp modules, as they compute after <c>eval()</c>, as ONNX nodes. A node is named by its module's path and an initializer by its
/// checkpoint key. A module without a translation here is an error: nothing is passed through.
/// </summary>
public sealed class OnnxModules(OnnxWriter writer)
{
    /// <summary>Above this argument libtorch's softplus and the exact one are the same float32.</summary>
    const double SoftplusIsLinear = 15;

    readonly HashSet<string> _weights = new(StringComparer.Ordinal);

    /// <summary>
    /// Adds <paramref name="module"/> at <paramref name="path"/>; its result is named <paramref name="output"/>, or else as the path.
    /// </summary>
    public OnnxValue Apply(nn.Module module, OnnxValue x, string path, string? output = null)
    {
        var name = output ?? path;
        switch (module)
        {
            case Sequential sequence:
                return Chain(sequence, x, path, output);
            case Linear linear:
                RequireRank(x, 1, path, linear);
                return new(writer.Node("Gemm", name, [x.Name, .. Weights(path, ("weight", linear.weight), ("bias", linear.bias))], ("transB", 1L)),
                    [linear.out_features]);
            case Conv2d convolution:
                return Convolution("Conv", convolution, x, path, name);
            case MaskedConv2d convolution:
                return Masked(convolution, x, path, name);
            case ConvTranspose2d convolution:
                return Convolution("ConvTranspose", convolution, x, path, name);
            case BatchNorm norm:
                return BatchNorm(norm, x, path, name);
            case LayerNorm norm:
                return LayerNorm(norm, x, path, name);
            case Flatten { start_dim: 1, end_dim: -1 }:
                return new(writer.Node("Flatten", name, [x.Name], ("axis", 1L)), [x.RowShape.Aggregate(1L, (product, size) => product * size)]);
            case Unflatten { dim: 1 } view when x.RowShape.Count == 1:
                return new(writer.Node("Reshape", name, [x.Name, Integers($"{path}.shape", [0, .. view.unflattened_size])]), view.unflattened_size);
            case AsImage image:
                return new(
                    writer.Node("Reshape", name, [x.Name, Integers($"{path}.shape", [0, 1, image.Height, image.Width])]), [1, image.Height, image.Width]);
            case GLU gate:
                return Gate(gate, gate.dim, x, path, name);
            case ChannelGate gate:
                return Gate(gate, 1, x, path, name);
            case Identity or Dropout:
                return output is null ? x : Named(output, x);
            default:
                return x with { Name = Activation(module, x.Name, path, name) };
        }
    }

    /// <summary>The same value under the name of an output.</summary>
    public OnnxValue Named(string output, OnnxValue x) => x with { Name = writer.Node("Identity", output, [x.Name]) };

    /// <summary>Joins values along the first dimension of their rows.</summary>
    public OnnxValue Concat(string name, params ReadOnlySpan<OnnxValue> values)
    {
        var (names, joined) = (new List<string>(), 0L);
        foreach (var value in values)
        {
            names.Add(value.Name);
            joined += value.RowShape[0];
        }
        return new(writer.Node("Concat", name, [.. names], ("axis", 1L)), [joined, .. values[0].RowShape.Skip(1)]);
    }

    /// <summary>Elements <paramref name="start"/> up to <paramref name="start"/> + <paramref name="length"/> of the first dimension of each row.</summary>
    public OnnxValue Narrow(string name, OnnxValue x, long start, long length) =>
        new(Slice(name, x.Name, 1, start, start + length), [length, .. x.RowShape.Skip(1)]);

    /// <summary>A float32 constant: a scalar, or with <paramref name="values"/> of several one value per feature.</summary>
    public string Constant(string name, params ReadOnlySpan<float> values) =>
        values.Length == 1 ? writer.Initializer(name, values) : writer.Initializer(name, values, values.Length);

    /// <summary>The graph itself, for what is no module.</summary>
    public OnnxWriter Writer => writer;

    /// <summary>log σ² = 2·(ln σ_min + softplus(s − ln σ_min)) of a head's result s.</summary>
    public string FlooredLogVar(nn.Module head, OnnxValue h, string path, double sigmaFloor, string output) =>
        writer.Node("Mul", output, [Floored(head, h, path, sigmaFloor, $"{path}.floored"), Constant($"{path}.two", 2)]);

    /// <summary>
    /// ln σ_min + softplus(s − ln σ_min) of a head's result s, operation by operation as <see cref="Gaussian.WithFloor"/> computes it.
    /// </summary>
    public string Floored(nn.Module head, OnnxValue h, string path, double sigmaFloor, string output)
    {
        var logFloor = Constant($"{path}.log_floor", (float)Math.Log(sigmaFloor));
        var above = writer.Node("Sub", $"{path}.above", [Apply(head, h, path).Name, logFloor]);
        return writer.Node("Add", output, [writer.Node("Softplus", $"{path}.softplus", [above]), logFloor]);
    }

    /// <summary>One value in the shape of another. (Of Shape and Expand, a reader that trusts nothing would have to believe the shape.)</summary>
    public string Filled(string like, float value, string output)
    {
        var constant = Constant($"{output}.value", value);
        return writer.Node("Where", output, [writer.Node("IsNaN", $"{output}.either", [like]), constant, constant]);
    }

    /// <summary>[batch, ..] → [batch, ..<paramref name="rowShape"/>].</summary>
    public string Reshaped(string value, string output, params ReadOnlySpan<long> rowShape) =>
        writer.Node("Reshape", output, [value, writer.Initializer($"{output}.shape", [0, .. rowShape], rowShape.Length + 1)]);

    /// <summary>Σ_k softmax(logits)_k μ_k; both are [batch, K, X].</summary>
    public string MixtureMean(string logits, string means, string path)
    {
        var weights = writer.Node("Softmax", $"{path}.weights", [logits], ("axis", 1L));
        var weighted = writer.Node("Mul", $"{path}.weighted", [weights, means]);
        return writer.Node("ReduceSum", $"{path}.mean_of_components", [weighted, writer.Initializer($"{path}.component_axis", [1L], 1)], ("keepdims", 0L));
    }

    /// <summary>s·(softplus(m/s) − softplus((m − 1)/s)), as <see cref="DiscretisedLogistic.Mean"/> computes it.</summary>
    public string LogisticMean(string location, string logScale, string path)
    {
        var scale = writer.Node("Exp", $"{path}.scale", [logScale]);
        string Above(string from, string name) => writer.Node("Softplus", $"{path}.above_{name}", [writer.Node("Div", $"{path}.to_{name}", [from, scale])]);
        var below = writer.Node("Sub", $"{path}.location_below_one", [location, Constant($"{path}.one", 1)]);
        return writer.Node("Mul", $"{path}.clipped_mean", [writer.Node("Sub", $"{path}.between", [Above(location, "zero"), Above(below, "one")]), scale]);
    }

    /// <summary>
    /// 1/(1 + exp(−l)), which keeps its relative precision where ONNX Runtime's Sigmoid, a rational approximation, is good to 1e-7 only.
    /// </summary>
    public string Probability(string logits, string path)
    {
        var odds = writer.Node("Exp", $"{path}.odds", [writer.Node("Neg", $"{path}.negated", [logits])]);
        return writer.Node("Reciprocal", $"{path}.mean", [writer.Node("Add", $"{path}.shifted", [odds, Constant($"{path}.one", 1)])]);
    }

    /// <summary>Every parameter and buffer of <paramref name="module"/> must have become an initializer.</summary>
    public void RequireComplete(nn.Module module, string path)
    {
        var weights = module.named_parameters().Select(p => (p.Item1, (Tensor)p.Item2)).Concat(module.named_buffers(include_nonpersistent: false));
        foreach (var (key, _) in weights)
        {
            // The count of batches that BatchNorm keeps is no weight: eval() does not read it.
            if (!_weights.Contains($"{path}.{key}") && !key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            {
                throw new UsageException(
                    $"{path}.{key}: this weight is used by no node of the exported graph. Teach {nameof(OnnxModules)} the module that holds it.");
            }
        }
    }

    OnnxValue Chain(Sequential sequence, OnnxValue x, string path, string? output)
    {
        var children = sequence.named_children().ToArray();
        for (var i = 0; i < children.Length; i++)
        {
            var (key, child) = children[i];
            x = Apply(child, x, $"{path}.{key}", i == children.Length - 1 ? output : null);
        }
        return x;
    }

    string Slice(string name, string x, long axis, long start, long end) =>
        writer.Node("Slice", name, [x, Integers($"{name}.start", start), Integers($"{name}.end", end), Integers($"{name}.axis", axis)]);

    string Integers(string name, params ReadOnlySpan<long> values) => writer.Initializer(name, values, values.Length);

    /// <summary>The first half of a dimension times the sigmoid of the second.</summary>
    OnnxValue Gate(nn.Module gate, long dim, OnnxValue x, string path, string name)
    {
        var axis = (int)(dim < 0 ? dim + x.RowShape.Count + 1 : dim);
        if (axis < 1 || axis > x.RowShape.Count || x.RowShape[axis - 1] % 2 != 0)
        {
            throw Unknown(
                path, gate, $"Expected an even dimension of a row, found dimension {dim} of rows [{string.Join(", ", x.RowShape)}].");
        }
        var half = x.RowShape[axis - 1] / 2;
        var sigmoid = writer.Node("Sigmoid", $"{path}.sigmoid", [Slice($"{path}.gate", x.Name, axis, half, 2 * half)]);
        return new(writer.Node("Mul", name, [Slice($"{path}.value", x.Name, axis, 0, half), sigmoid]),
            [.. x.RowShape.Select((size, i) => i == axis - 1 ? half : size)]);
    }

    string Activation(nn.Module module, string x, string path, string name)
    {
        switch (module)
        {
            case Tanh:
                return writer.Node("Tanh", name, [x]);
            case ReLU:
                return writer.Node("Relu", name, [x]);
            case Sigmoid:
                return writer.Node("Sigmoid", name, [x]);
            case ELU elu:
                return writer.Node("Elu", name, [x], ("alpha", (float)elu.alpha));
            case LeakyReLU leaky:
                return writer.Node("LeakyRelu", name, [x], ("alpha", (float)leaky.negative_slope));
            case Hardtanh clamp:
                return writer.Node("Clip", name, [x, Constant($"{path}.min", (float)clamp.min_val), Constant($"{path}.max", (float)clamp.max_val)]);
            case SiLU:
                return writer.Node("Mul", name, [x, writer.Node("Sigmoid", $"{path}.sigmoid", [x])]);
            case GELU:
                // x·½·(1 + erf(x/√2)), libtorch's exact form.
                var scaled = writer.Node("Mul", $"{path}.scaled", [x, Constant($"{path}.rsqrt2", (float)Math.Sqrt(0.5))]);
                var shifted = writer.Node("Add", $"{path}.shifted", [writer.Node("Erf", $"{path}.erf", [scaled]), Constant($"{path}.one", 1)]);
                var cdf = writer.Node("Mul", $"{path}.cdf", [shifted, Constant($"{path}.half", 0.5f)]);
                return writer.Node("Mul", name, [x, cdf]);
            case Softplus { threshold: >= SoftplusIsLinear, beta: 1 }:
                return writer.Node("Softplus", name, [x]);
            case Softplus { threshold: >= SoftplusIsLinear } softplus:
                var beta = Constant($"{path}.beta", (float)softplus.beta);
                var times = writer.Node("Mul", $"{path}.times", [x, beta]);
                return writer.Node("Div", name, [writer.Node("Softplus", $"{path}.softplus", [times]), beta]);
            default:
                throw Unknown(path, module,
                    "Supported: Sequential, Linear, Conv2d, MaskedConv2d, ConvTranspose2d, BatchNorm, LayerNorm, Flatten from 1, Unflatten of 1, "
                    + "AsImage, Dropout, Identity, GLU, ChannelGate, Tanh, ReLU, SiLU, GELU, ELU, LeakyReLU, Sigmoid, Hardtanh and Softplus "
                    + "(threshold from 15).");
        }
    }

    OnnxValue Convolution(string op, Convolution convolution, OnnxValue x, string path, string name)
    {
        RequireRank(x, 3, path, convolution);
        if (convolution.padding is not { } padding || convolution.padding_type is not null || convolution.padding_mode != PaddingModes.Zeros)
        {
            throw Unknown(path, convolution, "Pad with zeros, by an explicit amount.");
        }
        var (kernel, stride, dilation) = (convolution.kernel_size, convolution.stride, convolution.dilation);
        var attributes = new List<(string, object)>
        {
            ("kernel_shape", kernel),
            ("strides", stride),
            ("pads", (long[])[.. padding, .. padding]),
            ("dilations", dilation),
            ("group", convolution.groups),
        };
        long[] extra = [0, 0];
        if (op == "ConvTranspose")
        {
            extra = convolution.output_padding;
            attributes.Add(("output_padding", extra));
        }
        long Size(int axis)
        {
            var reach = dilation[axis] * (kernel[axis] - 1) + 1;
            var size = x.RowShape[axis + 1];
            return op == "Conv"
                ? (size + 2 * padding[axis] - reach) / stride[axis] + 1
                : (size - 1) * stride[axis] - 2 * padding[axis] + reach + extra[axis];
        }
        return new(writer.Node(op, name, [x.Name, .. Weights(path, ("weight", convolution.weight), ("bias", convolution.bias))], [.. attributes]),
            [convolution.out_channels, Size(0), Size(1)]);
    }

    /// <summary>The mask is applied here: the graph holds zeros where the kernel must not see.</summary>
    OnnxValue Masked(MaskedConv2d convolution, OnnxValue x, string path, string name)
    {
        RequireRank(x, 3, path, convolution);
        using var scope = NewDisposeScope();
        var masked = convolution.Masked;
        return new(
            writer.Node("Conv", name, [x.Name, .. Weights(path, ("weight", masked))], ("kernel_shape", masked.shape[2..]), ("pads", (long[])[1, 1, 0, 1])),
            [convolution.Outputs, x.RowShape[1], x.RowShape[2]]);
    }

    OnnxValue BatchNorm(BatchNorm norm, OnnxValue x, string path, string name)
    {
        if (!norm.track_running_stats || !norm.affine)
        {
            throw Unknown(path, norm, "It needs running statistics and affine weights.");
        }
        var weights = Weights(
            path, ("weight", norm.weight), ("bias", norm.bias), ("running_mean", norm.running_mean), ("running_var", norm.running_var));
        return x with { Name = writer.Node("BatchNormalization", name, [x.Name, .. weights], ("epsilon", (float)norm.eps)) };
    }

    OnnxValue LayerNorm(LayerNorm norm, OnnxValue x, string path, string name)
    {
        if (!norm.elementwise_affine)
        {
            throw Unknown(path, norm, "It needs affine weights.");
        }
        var weights = Weights(path, ("weight", norm.weight), ("bias", norm.bias));
        var axis = -(long)norm.normalized_shape.Length;
        return x with { Name = writer.Node("LayerNormalization", name, [x.Name, .. weights], ("axis", axis), ("epsilon", (float)norm.eps)) };
    }

    /// <summary>One initializer for each weight there is: a bias may be absent.</summary>
    string[] Weights(string path, params ReadOnlySpan<(string Key, Tensor? Value)> weights)
    {
        var names = new List<string>();
        foreach (var (key, value) in weights)
        {
            if (value is not null)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"{path}.{key}");
                _weights.Add(name);
                names.Add(writer.Initializer(name, value.detach().cpu().contiguous().data<float>().ToArray(), value.shape));
            }
        }
        return [.. names];
    }

    static void RequireRank(OnnxValue x, int rank, string path, nn.Module module)
    {
        if (x.RowShape.Count != rank)
        {
            throw Unknown(path, module, $"Expected rows of {rank} dimensions, found [{string.Join(", ", x.RowShape)}].");
        }
    }

    static UsageException Unknown(string path, nn.Module module, string remedy) =>
        new($"{path}: {module.GetType().Name} has no ONNX form here. {remedy}");
}
