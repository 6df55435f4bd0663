using System.Numerics.Tensors;

namespace Microsoft.ML.Trainers;

/// <summary>
/// Orthant-wise limited-memory quasi-Newton (Andrew and Gao, ICML 2007), as in the real package: minimises f(w) + l1·Σ|w| with the first
/// <c>free</c> parameters outside the penalty. With l1 = 0 it is L-BFGS with backtracking.
/// </summary>
static class OwlQn
{
    /// <summary>Where to stop: the norm of the least subgradient, relative to the one at the start once that exceeds 1. Leaves room for rounding weights to float32.</summary>
    const double Tolerance = 1e-6;

    const double SufficientDecrease = 1e-4;
    const int MaximumHalvings = 60;

    public static double[] Minimise(
        Func<double[], double[], double> smooth, double[] start, int free, double l1, int history, int maximumIterations)
    {
        var n = start.Length;
        var (w, gradient) = (start, new double[n]);
        var (next, nextGradient) = (new double[n], new double[n]);
        var (subgradient, direction) = (new double[n], new double[n]);
        List<(double[] S, double[] Y, double Rho)> pairs = [];

        double Value(double[] at, double[] slope) => smooth(at, slope) + (l1 * TensorPrimitives.SumOfMagnitudes<double>(at.AsSpan(free)));

        var value = Value(w, gradient);
        var goal = 0.0;
        for (var iteration = 0; iteration < maximumIterations; iteration++)
        {
            LeastSubgradient(w, gradient, free, l1, subgradient);
            var norm = TensorPrimitives.Norm<double>(subgradient);
            goal = iteration == 0 ? Tolerance * Math.Max(1, norm) : goal;
            if (norm <= goal)
            {
                break;
            }
            Direction(subgradient, pairs, direction, free, l1);
            if (!Search(Value, w, value, subgradient, direction, free, l1, pairs.Count == 0 ? 1 / norm : 1, next, nextGradient, out var nextValue))
            {
                if (pairs.Count == 0)
                {
                    break; // not even steepest descent improves: this is double's floor
                }
                pairs.Clear();
                continue;
            }
            Remember(pairs, history, w, next, gradient, nextGradient);
            (w, next) = (next, w);
            (gradient, nextGradient) = (nextGradient, gradient);
            value = nextValue;
        }
        return w;
    }

    /// <summary>The subgradient of least norm: zero everywhere iff w is a minimum.</summary>
    static void LeastSubgradient(double[] w, double[] gradient, int free, double l1, double[] result)
    {
        for (var k = 0; k < w.Length; k++)
        {
            var g = gradient[k];
            result[k] = k < free ? g
                : w[k] > 0 ? g + l1
                : w[k] < 0 ? g - l1
                : g > l1 ? g - l1
                : g < -l1 ? g + l1
                : 0;
        }
    }

    static void Direction(double[] subgradient, List<(double[] S, double[] Y, double Rho)> pairs, double[] direction, int free, double l1)
    {
        TensorPrimitives.Negate<double>(subgradient, direction);
        var alphas = new double[pairs.Count];
        for (var k = pairs.Count - 1; k >= 0; k--)
        {
            var (s, y, rho) = pairs[k];
            alphas[k] = rho * TensorPrimitives.Dot<double>(s, direction);
            TensorPrimitives.MultiplyAdd(y, -alphas[k], direction, direction);
        }
        if (pairs.Count > 0)
        {
            var (_, y, rho) = pairs[^1];
            TensorPrimitives.Multiply(direction, 1 / (rho * TensorPrimitives.SumOfSquares<double>(y)), direction);
        }
        for (var k = 0; k < pairs.Count; k++)
        {
            var (s, y, rho) = pairs[k];
            TensorPrimitives.MultiplyAdd(s, alphas[k] - (rho * TensorPrimitives.Dot<double>(y, direction)), direction, direction);
        }
        for (var k = free; l1 > 0 && k < direction.Length; k++)
        {
            if (direction[k] * subgradient[k] >= 0)
            {
                direction[k] = 0;
            }
        }
    }

    /// <summary>Backtracks along the direction, projected onto the orthant that w is in or is about to enter.</summary>
    static bool Search(
        Func<double[], double[], double> value, double[] w, double atW, double[] subgradient, double[] direction, int free, double l1, double step,
        double[] next, double[] nextGradient, out double atNext)
    {
        for (var halving = 0; halving < MaximumHalvings; halving++, step /= 2)
        {
            TensorPrimitives.MultiplyAdd(direction, step, w, next);
            var decrease = 0.0;
            for (var k = 0; k < w.Length; k++)
            {
                var orthant = w[k] != 0 ? w[k] : -subgradient[k];
                if (l1 > 0 && k >= free && next[k] * orthant <= 0)
                {
                    next[k] = 0;
                }
                decrease += subgradient[k] * (next[k] - w[k]);
            }
            atNext = value(next, nextGradient);
            if (decrease < 0 && atNext <= atW + (SufficientDecrease * decrease))
            {
                return true;
            }
        }
        atNext = atW;
        return false;
    }

    static void Remember(
        List<(double[] S, double[] Y, double Rho)> pairs, int history, double[] w, double[] next, double[] gradient, double[] nextGradient)
    {
        var (s, y) = (new double[w.Length], new double[w.Length]);
        TensorPrimitives.Subtract<double>(next, w, s);
        TensorPrimitives.Subtract<double>(nextGradient, gradient, y);
        var curvature = TensorPrimitives.Dot<double>(s, y);
        if (curvature <= 0)
        {
            return; // rounding: the pair would make the inverse Hessian indefinite
        }
        if (pairs.Count == history)
        {
            pairs.RemoveAt(0);
        }
        pairs.Add((s, y, 1 / curvature));
    }
}
