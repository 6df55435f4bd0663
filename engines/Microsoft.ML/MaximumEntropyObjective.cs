using System.Numerics.Tensors;

namespace Microsoft.ML.Trainers;

/// <summary>
/// What ML.NET minimises over N rows, with biases b outside both penalties:
/// J(b, W) = 1/N · [ Σᵢ −ln softmax(b + W·xᵢ)[yᵢ] + L2/2·‖W‖² + L1·‖W‖₁ ].
/// Source, at tag v5.0.0 of dotnet/machinelearning: the losses and the L2 term are summed and then scaled together by 1/WeightSum
/// (LbfgsPredictorBase.cs, DifferentiableFunction; indices below BiasCount skip the penalty); the optimiser adds L1Weight/NumGoodRows times the L1 norm
/// behind the biases (InitializeOptimizer, L1Optimizer.cs). This class is the smooth part; <see cref="OwlQn"/> adds the last term.
/// </summary>
sealed class MaximumEntropyObjective(double[] x, int[] y, int dims, int classes, double l2)
{
    /// <summary>Biases first, then the weights class by class.</summary>
    public int Parameters => classes + (classes * dims);

    public ReadOnlySpan<double> Weights(double[] parameters, int c) => parameters.AsSpan(classes + (c * dims), dims);

    public double Evaluate(double[] parameters, double[] gradient)
    {
        Array.Clear(gradient);
        var loss = 0.0;
        Span<double> logits = new double[classes];
        for (var row = 0; row < y.Length; row++)
        {
            var features = x.AsSpan(row * dims, dims);
            for (var c = 0; c < classes; c++)
            {
                logits[c] = parameters[c] + TensorPrimitives.Dot(features, Weights(parameters, c));
            }
            var actual = logits[y[row]];
            var max = TensorPrimitives.Max<double>(logits);
            TensorPrimitives.Subtract(logits, max, logits);
            TensorPrimitives.Exp<double>(logits, logits);
            var sum = TensorPrimitives.Sum<double>(logits);
            loss += max + Math.Log(sum) - actual;
            for (var c = 0; c < classes; c++)
            {
                var residual = (logits[c] / sum) - (y[row] == c ? 1 : 0);
                gradient[c] += residual;
                var slope = gradient.AsSpan(classes + (c * dims), dims);
                TensorPrimitives.MultiplyAdd(features, residual, slope, slope);
            }
        }
        var weights = parameters.AsSpan(classes);
        var slopes = gradient.AsSpan(classes);
        TensorPrimitives.MultiplyAdd(weights, l2, slopes, slopes);
        TensorPrimitives.Divide<double>(gradient, y.Length, gradient);
        return (loss + (l2 / 2 * TensorPrimitives.SumOfSquares<double>(weights))) / y.Length;
    }
}
