using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// How far labels can be read from codes linearly: multinomial logistic regression, the minimum of mean cross-entropy + ‖W‖²/2N over weights W and
/// biases, which are free (scikit-learn's LogisticRegression at C = 1). Codes are standardised by the rows fitted, so that no unit of z is favoured.
/// Double precision.
/// </summary>
public sealed class LinearProbe
{
    const double Tolerance = 1e-6;

    readonly long[] _labels;
    readonly double[] _mean;
    readonly double[] _scale;
    readonly double[] _weights; // (labels, dim + 1), the bias last
    readonly int _dim;

    LinearProbe(long[] labels, double[] mean, double[] scale, Minimum minimum) =>
        (_labels, _mean, _scale, _weights, _dim, Loss, GradientNorm) =
        (labels, mean, scale, minimum.At, mean.Length, minimum.Value, minimum.GradientNorm);

    /// <summary>The minimum, in nats a row.</summary>
    public double Loss { get; }

    /// <summary>Of the objective at the minimum.</summary>
    public double GradientNorm { get; }

    /// <param name="codes">(N, dim), row-major.</param>
    /// <param name="labels">(N).</param>
    /// <param name="dim">Dimensions of a code.</param>
    /// <param name="cancellationToken">Looked at between iterations.</param>
    public static LinearProbe Fit(float[] codes, long[] labels, int dim, CancellationToken cancellationToken)
    {
        if (labels.Length == 0 || codes.Length != labels.Length * dim)
        {
            throw new ArgumentException($"Expected {labels.Length} codes of {dim} values, at least one, found {codes.Length} values.", nameof(codes));
        }
        var rows = labels.Length;
        long[] classes = [.. labels.Distinct().Order()];
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var raw = tensor(codes, [rows, dim]).to_type(ScalarType.Float64);
        var mean = raw.mean([0]);
        var deviation = (raw - mean).square().mean([0]).sqrt();
        var scale = where(deviation > 0, deviation, ones_like(deviation));
        var x = cat([(raw - mean) / scale, ones(rows, 1, dtype: ScalarType.Float64)], 1);
        var y = tensor(Array.ConvertAll(labels, label => (long)Array.BinarySearch(classes, label)), [rows, 1]);
        var target = zeros(rows, classes.Length, dtype: ScalarType.Float64).scatter_(1, y, ones(rows, 1, dtype: ScalarType.Float64));
        var minimum = Lbfgs.Minimise(
            (at, gradient) => Objective(x, y, target, at, gradient), new double[classes.Length * (dim + 1)], Tolerance, cancellationToken);
        return new LinearProbe(classes, mean.data<double>().ToArray(), scale.data<double>().ToArray(), minimum);
    }

    /// <summary>The likeliest label of each code.</summary>
    public long[] Predict(float[] codes)
    {
        var answers = new long[codes.Length / _dim];
        for (var row = 0; row < answers.Length; row++)
        {
            var (best, highest) = (0, double.NegativeInfinity);
            for (var c = 0; c < _labels.Length; c++)
            {
                var weights = _weights.AsSpan(c * (_dim + 1), _dim + 1);
                var logit = weights[_dim];
                for (var d = 0; d < _dim; d++)
                {
                    logit += weights[d] * (codes[row * _dim + d] - _mean[d]) / _scale[d];
                }
                (best, highest) = logit > highest ? (c, logit) : (best, highest);
            }
            answers[row] = _labels[best];
        }
        return answers;
    }

    static double Objective(Tensor x, Tensor y, Tensor target, ReadOnlySpan<double> at, Span<double> gradient)
    {
        using var scope = NewDisposeScope();
        var (rows, columns) = (x.shape[0], x.shape[1]);
        var weights = tensor(at.ToArray(), [target.shape[1], columns]);
        var penalised = weights.clone();
        penalised.narrow(1, columns - 1, 1).zero_();
        var logP = nn.functional.log_softmax(x.mm(weights.t()), 1);
        var slope = (logP.exp() - target).t().mm(x) / rows + penalised / rows;
        slope.data<double>().CopyTo(gradient);
        return (-logP.gather(1, y).mean() + penalised.square().sum() / (2.0 * rows)).ToDouble();
    }
}
