using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Inference;

/// <summary>
/// A model whose every output is a closed form: z_mean = xW + b, z_log_var = xV + c, x_mean = zU + d, x_log_var = zT + e. The goldens are computed
/// here by loops in double, so that the package is honest unless a test plants something.
/// </summary>
sealed class AffineModel
{
    public const int X = 5;
    public const int Z = 3;
    public const string Name = "affine";

    readonly Dictionary<string, (float[] Weights, float[] Bias)> _layers = [];

    public AffineModel(int seed)
    {
        var generator = new Random(seed);
        foreach (var (output, inputs, outputs) in Layers)
        {
            _layers[output] = (Draw(inputs * outputs), Draw(outputs));
        }

        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(generator.NextDouble() * 2 - 1))];
    }

    static (string Output, int Inputs, int Outputs)[] Layers =>
        [(TensorNames.ZMean, X, Z), (TensorNames.ZLogVar, X, Z), (TensorNames.XMean, Z, X), (TensorNames.XLogVar, Z, X)];

    public static float[] Rows(int rows, int width, int seed)
    {
        var generator = new Random(seed);
        return [.. Enumerable.Range(0, rows * width).Select(_ => (float)(generator.NextDouble() * 4 - 2))];
    }

    /// <summary>The closed form, in double, rounded once.</summary>
    public float[] Expected(string output, ReadOnlySpan<float> input)
    {
        var (weights, bias) = _layers[output];
        var outputs = bias.Length;
        var inputs = weights.Length / outputs;
        var result = new float[input.Length / inputs * outputs];
        for (var row = 0; row < input.Length / inputs; row++)
        {
            for (var j = 0; j < outputs; j++)
            {
                double sum = bias[j];
                for (var i = 0; i < inputs; i++)
                {
                    sum += (double)input[row * inputs + i] * weights[i * outputs + j];
                }
                result[row * outputs + j] = (float)sum;
            }
        }
        return result;
    }

    /// <summary>Writes the package.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="planted">Added to one weight of z_mean in the graph, behind the goldens' back.</param>
    /// <param name="deterministic">Without z_log_var.</param>
    /// <param name="schema">The table behind x.</param>
    /// <param name="imputed">With an impute step in front (and in the graph, where NaN becomes 0).</param>
    /// <param name="centred">Every row of x is taken less the mean of its batch, in graph and goldens alike, as a normalisation left in training mode does.</param>
    /// <param name="torn">With a sum of shapes that do not fit in the graph.</param>
    public ModelManifest Write(
        string folder, float planted = 0, bool deterministic = false, TabularSchema? schema = null, bool imputed = false, bool centred = false,
        bool torn = false)
    {
        string[] codes = deterministic ? [TensorNames.ZMean] : [TensorNames.ZMean, TensorNames.ZLogVar];
        string[] reconstructions = [TensorNames.XMean, TensorNames.XLogVar];
        var goldens = Golden.RowCounts.Select(rows =>
        {
            var (x, z) = (Rows(rows, X, rows), Rows(rows, Z, rows + 1));
            Dictionary<string, float[]> tensors = new() { [TensorNames.X] = x, [TensorNames.Z] = z };
            foreach (var name in codes)
            {
                tensors[name] = Expected(name, centred ? Centred(x) : x);
            }
            foreach (var name in reconstructions)
            {
                tensors[name] = Expected(name, z);
            }
            return new Golden(rows, tensors);
        });
        var manifest = new ModelManifest
        {
            Name = Name,
            Kind = ModelManifest.Autoencoder,
            XShape = [X],
            ZSize = Z,
            Likelihood = ModelManifest.Gaussian,
            LogVarFloor = deterministic ? null : LogVarFloor.None,
            Preprocessing = imputed ? [new PreprocessingStep { Kind = PreprocessingStep.Impute, A = new float[X] }] : [],
            Tabular = schema,
            Objective = new ModelObjective("mim", "marginal", "same_z", 1, 1),
            Dataset = new ModelDataset("drawn", new string('0', 64)),
            Seed = 1,
            Engines = new Dictionary<string, string> { ["torch"] = "none" },
            TrainingCommit = null,
            StageKey = null,
            MinimumOnnxRuntime = "1.13.0",
            Metrics = new Dictionary<string, double>(),
        };
        return ModelPackage.Write(folder, manifest, Graph(TensorNames.X, X, codes, Z, planted, imputed, centred, torn), Graph(TensorNames.Z, Z, reconstructions, X), [.. goldens], "# affine\n");
    }

    static float[] Centred(float[] x)
    {
        var means = Enumerable.Range(0, X).Select(i => x.Where((_, at) => at % X == i).Average(value => (double)value)).ToArray();
        return [.. x.Select((value, at) => (float)(value - means[at % X]))];
    }

    byte[] Graph(string input, int inputs, string[] outputs, int width, float planted = 0, bool imputed = false, bool centred = false, bool torn = false)
    {
        var writer = new OnnxWriter(input);
        var x = writer.Input(input, inputs);
        if (imputed)
        {
            x = writer.Node("Where", "filled", [writer.Node("IsNaN", "missing", [x]), writer.Initializer("zeros", new float[inputs], inputs), x]);
        }
        if (centred)
        {
            x = writer.Node("Sub", "centred", [x, writer.Node("ReduceMean", "mean", [x], ("axes", (long[])[0]))]);
        }
        if (torn)
        {
            x = writer.Node("Add", "torn", [x, writer.Initializer("torn.weight", new float[inputs + 1], inputs + 1)]);
        }
        foreach (var output in outputs)
        {
            var weights = (float[])_layers[output].Weights.Clone();
            weights[0] += output == TensorNames.ZMean ? planted : 0;
            writer.Node("Gemm", output,
                [x, writer.Initializer(output + ".weight", weights, inputs, width), writer.Initializer(output + ".bias", _layers[output].Bias, width)]);
            writer.Output(output, width);
        }
        return writer.ToBytes(new Dictionary<string, string>());
    }
}
