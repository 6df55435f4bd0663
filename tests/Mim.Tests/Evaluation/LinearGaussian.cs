using Mim.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Evaluation;

/// <summary>
/// The model whose every number is known: z ~ N(0, I), x = W z + b + σ n with W = diag(w) padded with zero rows, and the posterior N(v·w/σ²·(x − b), v),
/// v = spread²/(1 + w²/σ²), which at spread 1 is exact. A hidden layer of relu(±x) makes the networks exactly linear.
/// </summary>
sealed class LinearGaussian
{
    const double Floor = 1e-6;

    readonly double[] _w;
    readonly double _bias;
    readonly double _sigma;
    readonly double[] _variance;
    readonly int _xDim;

    public LinearGaussian(int xDim, double[] w, double bias, double sigma, double spread = 1)
    {
        (_xDim, _w, _bias, _sigma) = (xDim, w, bias, sigma);
        _variance = [.. w.Select(value => spread * spread / (1 + value * value / (sigma * sigma)))];
        var options = new TrainingOptions
        {
            Network = new NetworkOptions { Hidden = [2 * xDim], Z = w.Length, Activation = Mim.Training.Activation.Relu, SigmaFloor = Floor },
            Likelihood = Likelihood.Gaussian,
        };
        using var init = new Generator(1);
        Model = Autoencoder.Create(options, [xDim], init);
        using var _ = no_grad();
        var (encoder, decoder) = ((MlpEncoder)Model.encoder, (MlpDecoder)Model.decoder);
        var gain = ExactGain();
        Identity(Linear0(encoder.trunk), xDim);
        Linear(encoder.mean, (o, i) => i == o ? gain[o] : 0, o => -gain[o] * bias, xDim);
        Linear(encoder.log_sigma, (_, _) => 0, o => Math.Log(Math.Sqrt(_variance[o]) - Floor), xDim);
        Identity(Linear0(decoder.trunk), w.Length);
        Linear(decoder.mean, (o, i) => i == o ? w[o] : 0, _ => bias, w.Length);
        Linear(decoder.log_sigma, (_, _) => 0, _ => Math.Log(sigma - Floor), w.Length);
    }

    public Autoencoder Model { get; }

    /// <summary>I(x;z) of the generative model: ½ Σ ln(1 + w²/σ²).</summary>
    public double MutualInformation => _w.Sum(w => 0.5 * Math.Log(1 + w * w / (_sigma * _sigma)));

    public EvaluationRows Sample(int rows, int seed)
    {
        var gauss = new Gauss(seed);
        var x = new float[rows * _xDim];
        for (var row = 0; row < rows; row++)
        {
            for (var d = 0; d < _xDim; d++)
            {
                x[row * _xDim + d] = (float)((d < _w.Length ? _w[d] * gauss.Next() : 0) + _bias + _sigma * gauss.Next());
            }
        }
        return new EvaluationRows(x, rows, null);
    }

    /// <summary>−mean ln N(x; b, WWᵀ + σ²I).</summary>
    public double Nll(EvaluationRows data) => Mean(data, (x, d) =>
    {
        var variance = _sigma * _sigma + (d < _w.Length ? _w[d] * _w[d] : 0);
        return 0.5 * (Math.Log(2 * Math.PI * variance) + (x - _bias) * (x - _bias) / variance);
    });

    /// <summary>−mean E ln p(x|z) under the model's posterior.</summary>
    public double Distortion(EvaluationRows data)
    {
        var gain = ExactGain();
        return Mean(data, (x, d) =>
        {
            var (slope, spread) = d < _w.Length ? (_w[d] * gain[d], _w[d] * _w[d] * _variance[d]) : (0, 0);
            var error = (1 - slope) * (x - _bias);
            return 0.5 * Math.Log(2 * Math.PI * _sigma * _sigma) + (error * error + spread) / (2 * _sigma * _sigma);
        });
    }

    /// <summary>Mean KL(q(z|x) ‖ N(0, I)).</summary>
    public double Rate(EvaluationRows data)
    {
        var gain = ExactGain();
        return Mean(data, (x, d) =>
        {
            if (d >= _w.Length)
            {
                return 0;
            }
            var mean = gain[d] * (x - _bias);
            return 0.5 * (mean * mean + _variance[d] - 1 - Math.Log(_variance[d]));
        });
    }

    /// <summary>H(q(z|x)), the same for every x.</summary>
    public double PosteriorEntropy => _variance.Sum(v => 0.5 * Math.Log(2 * Math.PI * Math.E * v));

    /// <summary>KL(q(z|x) ‖ p(z|x)), the same for every x: the means agree.</summary>
    public double KlEncodingDecoding => Exact().Sum(v => 0.5 * (v.Wide / v.Exact - 1 - Math.Log(v.Wide / v.Exact)));

    /// <summary>KL(p(z|x) ‖ q(z|x)).</summary>
    public double KlDecodingEncoding => Exact().Sum(v => 0.5 * (v.Exact / v.Wide - 1 - Math.Log(v.Exact / v.Wide)));

    /// <summary>H(p(x,z)) = H(N(0, I)) + H(p(x|z)).</summary>
    public double EntropyDecodingJoint =>
        0.5 * (_w.Length * Math.Log(2 * Math.PI * Math.E) + _xDim * Math.Log(2 * Math.PI * Math.E * _sigma * _sigma));

    /// <summary>KL(q(z) ‖ N(0, I)) for x of the model: q(z) is Gaussian, too.</summary>
    public double KlAggregate => AggregateVariance().Sum(v => 0.5 * (v - 1 - Math.Log(v)));

    /// <summary>I(x;z) of the encoder's channel for x of the model.</summary>
    public double EncoderInformation => AggregateVariance().Zip(_variance).Sum(v => 0.5 * Math.Log(v.First / v.Second));

    /// <summary>ln p(x), ln q(z|x) and ln p(x,z) of one dimension.</summary>
    public (double LogPx, double LogQzx, double LogJoint) LogDensities(double x, double z)
    {
        static double Normal(double value, double variance) => -0.5 * (Math.Log(2 * Math.PI * variance) + value * value / variance);
        return (Normal(x - _bias, _sigma * _sigma + _w[0] * _w[0]), Normal(z - ExactGain()[0] * (x - _bias), _variance[0]),
            Normal(z, 1) + Normal(x - _w[0] * z - _bias, _sigma * _sigma));
    }

    /// <summary>Mean KL(N(0, I) ‖ q(z|x)).</summary>
    public double KlPriorPosterior(EvaluationRows data)
    {
        var gain = ExactGain();
        return Mean(data, (x, d) => d < _w.Length
            ? 0.5 * ((1 + Math.Pow(gain[d] * (x - _bias), 2)) / _variance[d] - 1 + Math.Log(_variance[d]))
            : 0);
    }

    /// <summary>−mean E ln N(z; 0, I) under the model's posterior.</summary>
    public double PriorCrossEntropy(EvaluationRows data) => Rate(data) + PosteriorEntropy;

    /// <summary>√ mean (x − E[x|z = posterior mean])².</summary>
    public double Rmse(EvaluationRows data)
    {
        var gain = ExactGain();
        return Math.Sqrt(Mean(data, (x, d) => Math.Pow((1 - (d < _w.Length ? _w[d] * gain[d] : 0)) * (x - _bias), 2)) / _xDim);
    }

    /// <summary>Mean |x − x̂| for one-dimensional x: x − x̂ is Gaussian, its absolute value a folded normal.</summary>
    public double L2OfOneDimension(EvaluationRows data)
    {
        var slope = _w[0] * ExactGain()[0];
        var s = Math.Sqrt(_w[0] * _w[0] * _variance[0] + _sigma * _sigma);
        return Mean(data, (x, _) =>
        {
            var m = (1 - slope) * (x - _bias);
            return s * Math.Sqrt(2 / Math.PI) * Math.Exp(-m * m / (2 * s * s)) + m * Erf(m / s / Math.Sqrt(2));
        });
    }

    /// <summary>2/√π ∫ exp(−t²) by Simpson's rule; with 128 steps good to 1e-9 for the arguments here.</summary>
    static double Erf(double x)
    {
        const int steps = 128;
        var h = x / steps;
        var sum = 1 + Math.Exp(-x * x);
        for (var i = 1; i < steps; i++)
        {
            sum += (i % 2 == 1 ? 4 : 2) * Math.Exp(-(i * h) * (i * h));
        }
        return 2 / Math.Sqrt(Math.PI) * sum * h / 3;
    }

    (double Exact, double Wide)[] Exact() => [.. _w.Zip(_variance, (w, v) => (1 / (1 + w * w / (_sigma * _sigma)), v))];

    double[] AggregateVariance() => [.. _w.Zip(_variance, (w, v) => w * w / (_sigma * _sigma + w * w) + v)];

    double[] ExactGain() => [.. _w.Select(w => w / (_sigma * _sigma + w * w))];

    double Mean(EvaluationRows data, Func<double, int, double> ofDimension)
    {
        var sum = 0.0;
        for (var i = 0; i < data.X.Length; i++)
        {
            sum += ofDimension(data.X[i], i % _xDim);
        }
        return sum / data.Rows;
    }

    static Linear Linear0(Sequential trunk) => (Linear)trunk.named_children().First().Item2;

    /// <summary>Hidden units 2i and 2i + 1 hold relu(x_i) and relu(−x_i); the rest are zero.</summary>
    static void Identity(Linear layer, int inputs) =>
        Set(layer, (o, i) => o / 2 == i && o < 2 * inputs ? o % 2 == 0 ? 1 : -1 : 0, _ => 0);

    static void Linear(Linear? layer, Func<int, int, double> weight, Func<int, double> bias, int inputs) =>
        Set(layer!, (o, h) => h < 2 * inputs ? weight(o, h / 2) * (h % 2 == 0 ? 1 : -1) : 0, bias);

    static void Set(Linear layer, Func<int, int, double> weight, Func<int, double> bias)
    {
        var (rows, columns) = ((int)layer.out_features, (int)layer.in_features);
        var weights = Enumerable.Range(0, rows * columns).Select(i => (float)weight(i / columns, i % columns)).ToArray();
        layer.weight.copy_(tensor(weights, [rows, columns]));
        layer.bias!.copy_(tensor(Enumerable.Range(0, rows).Select(i => (float)bias(i)).ToArray()));
    }
}
