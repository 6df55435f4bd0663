using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Small models and slow, scalar, double-precision versions of what they compute.</summary>
static class Models
{
    public static TrainingOptions Options(
        ObjectiveName objective = ObjectiveName.Mim, Likelihood likelihood = Likelihood.Gaussian, DecoderLogQx logQx = DecoderLogQx.SameZ,
        int samples = 1, double sigmaFloor = 0.05, Activation activation = Activation.Tanh, int z = 2, params int[] hidden) => new()
        {
            Network = new NetworkOptions { Hidden = hidden.Length == 0 ? [5, 4] : hidden, Z = z, SigmaFloor = sigmaFloor, Activation = activation },
            Likelihood = likelihood,
            Objective = new ObjectiveOptions { Name = objective, DecoderLogQx = logQx, Samples = samples },
        };

    public static Autoencoder Create(TrainingOptions options, int xDim, ulong seed = 11)
    {
        using var init = new Generator(seed);
        return Autoencoder.Create(options, [xDim], init);
    }

    public static MlpEncoder Encoder(this Autoencoder model) => (MlpEncoder)model.encoder;

    public static MlpDecoder Decoder(this Autoencoder model) => (MlpDecoder)model.decoder;

    public static double[,] Matrix(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var values = tensor.detach().to(ScalarType.Float64).cpu().reshape(tensor.shape[0], -1);
        var matrix = new double[values.shape[0], values.shape[1]];
        for (var i = 0; i < matrix.GetLength(0); i++)
        {
            for (var j = 0; j < matrix.GetLength(1); j++)
            {
                matrix[i, j] = values[i, j].item<double>();
            }
        }
        return matrix;
    }

    public static double[] Row(double[,] matrix, int row) => [.. Enumerable.Range(0, matrix.GetLength(1)).Select(j => matrix[row, j])];

    /// <summary>Gradients by parameter name, cleared afterwards.</summary>
    public static Dictionary<string, double[,]> TakeGradients(nn.Module model, bool clear = true)
    {
        var gradients = new Dictionary<string, double[,]>();
        foreach (var (name, parameter) in model.named_parameters())
        {
            var rows = parameter.shape[0];
            gradients.Add(name, parameter.grad is { } gradient ? Matrix(gradient) : new double[rows, parameter.numel() / rows]);
        }
        if (clear)
        {
            model.zero_grad();
        }
        return gradients;
    }

    public static void AssertClose(Dictionary<string, double[,]> expected, Dictionary<string, double[,]> actual, double tolerance)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var (name, gradient) in expected)
        {
            foreach (var (e, a) in gradient.Cast<double>().Zip(actual[name].Cast<double>()))
            {
                Assert.True(Math.Abs(e - a) <= tolerance * (1 + Math.Abs(e)), $"{name}: expected {e}, found {a}");
            }
        }
    }
}

/// <summary>The networks and log-densities again, with loops over doubles, each formula in its textbook form.</summary>
sealed class ScalarModel
{
    readonly Dictionary<string, double[,]> _weights;
    readonly TrainingOptions _options;
    readonly int _layers;
    readonly double _sigmaFloor;

    public ScalarModel(Autoencoder model, TrainingOptions options)
    {
        _weights = model.named_parameters().ToDictionary(p => p.name, p => Models.Matrix(p.parameter));
        _options = options;
        _layers = options.Network.Hidden.Count;
        _sigmaFloor = options.Network.SigmaFloor;
    }

    /// <summary>A parameter's value, to move it for finite differences.</summary>
    public ref double this[string name, int i, int j] => ref _weights[name][i, j];

    public (double[] Mean, double[] Sigma) Encode(double[] x) => Heads("encoder", x);

    public (double[] Mean, double[] Sigma) Decode(double[] z) => Heads("decoder", z);

    public double[] Logits(double[] z) => Linear("decoder.logits", Trunk("decoder", z));

    public static double LogNormal(double[] x, double[] mean, double[] sigma) =>
        x.Select((xi, i) => -0.5 * Math.Pow((xi - mean[i]) / sigma[i], 2) - Math.Log(sigma[i]) - 0.5 * Math.Log(2 * Math.PI)).Sum();

    public static double LogStandardNormal(double[] z) => LogNormal(z, new double[z.Length], [.. z.Select(_ => 1.0)]);

    public static double LogBernoulli(double[] x, double[] logits) =>
        x.Select((xi, i) => xi * Math.Log(1 / (1 + Math.Exp(-logits[i]))) + (1 - xi) * Math.Log(1 / (1 + Math.Exp(logits[i])))).Sum();

    /// <summary>log p(z): of <c>prior: marginal</c> that of what is drawn from.</summary>
    public double LogPrior(double[] z) => _options.Prior.Name switch
    {
        PriorName.Gaussian or PriorName.Mixture => LogMixture(z, Components("prior")),
        PriorName.Vamp => LogMixture(z, PseudoPosteriors()),
        _ => LogStandardNormal(z),
    };

    /// <summary>log q(x) where it is a density of its own.</summary>
    public double LogQx(double[] x) => _options.Objective.QX == EncoderMarginal.Prior
        ? LogMixture(x, Components("q_x.density"))
        : LogMeanExp(Rows("q_x.pseudo_codes").Select(u => LogPxz(x, u)));

    public double LogPxz(double[] x, double[] z) => _options.Likelihood switch
    {
        Likelihood.Bernoulli => LogBernoulli(x, Logits(z)),
        Likelihood.Gaussian => LogNormal(x, Decode(z).Mean, Decode(z).Sigma),
        _ => throw new ArgumentOutOfRangeException(nameof(z)),
    };

    /// <summary>Where the prior is a mixture: its components' means and deviations.</summary>
    public (double[] Mean, double[] Sigma)[] PriorComponents() =>
        _options.Prior.Name == PriorName.Vamp ? PseudoPosteriors() : Components("prior");

    (double[] Mean, double[] Sigma)[] Components(string prefix) =>
        [.. Rows($"{prefix}.mean").Zip(Rows($"{prefix}.log_sigma"), (mean, s) => (mean, s.Select(value => Math.Exp(value) + _sigmaFloor).ToArray()))];

    (double[] Mean, double[] Sigma)[] PseudoPosteriors() => [.. Rows("prior.pseudo_inputs").Select(u =>
        Encode(_options.Likelihood == Likelihood.Bernoulli ? [.. u.Select(value => Math.Clamp(value, 0, 1))] : u))];

    IEnumerable<double[]> Rows(string name) => Enumerable.Range(0, _weights[name].GetLength(0)).Select(i => Models.Row(_weights[name], i));

    static double LogMixture(double[] z, (double[] Mean, double[] Sigma)[] components) =>
        LogMeanExp(components.Select(c => LogNormal(z, c.Mean, c.Sigma)));

    static double LogMeanExp(IEnumerable<double> values) => Math.Log(values.Average(Math.Exp));

    public static double[] Sample((double[] Mean, double[] Sigma) p, double[] eps) => [.. p.Mean.Select((m, i) => m + p.Sigma[i] * eps[i])];

    (double[] Mean, double[] Sigma) Heads(string network, double[] input)
    {
        var h = Trunk(network, input);
        return (Linear($"{network}.mean", h), [.. Linear($"{network}.log_sigma", h).Select(s => Math.Exp(s) + _sigmaFloor)]);
    }

    double[] Trunk(string network, double[] h)
    {
        for (var layer = 0; layer < _layers; layer++)
        {
            h = [.. Linear($"{network}.trunk.{2 * layer}", h).Select(Math.Tanh)];
        }
        return h;
    }

    double[] Linear(string name, double[] input)
    {
        var (weight, bias) = (_weights[$"{name}.weight"], _weights[$"{name}.bias"]);
        var output = new double[weight.GetLength(0)];
        for (var i = 0; i < output.Length; i++)
        {
            output[i] = bias[i, 0];
            for (var j = 0; j < input.Length; j++)
            {
                output[i] += weight[i, j] * input[j];
            }
        }
        return output;
    }
}
