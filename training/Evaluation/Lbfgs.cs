namespace Mim.Training;

/// <summary>The value at <paramref name="at"/>; writes the gradient there.</summary>
public delegate double ValueAndGradient(ReadOnlySpan<double> at, Span<double> gradient);

/// <summary>Where a minimisation ended. <c>GradientNorm</c> is Euclidean.</summary>
public sealed record Minimum(double[] At, double Value, double GradientNorm, int Iterations);

/// <summary>
/// L-BFGS (Nocedal and Wright 2006, algorithm 7.5) with a bisection for the weak Wolfe conditions (Lewis and Overton 2013), for smooth convex functions.
/// </summary>
public static class Lbfgs
{
    const int History = 10;

    const int MaxIterations = 2_000;

    const int MaxBisections = 50;

    /// <summary>Wolfe's constants: sufficient decrease and curvature.</summary>
    const double Decrease = 1e-4, Curvature = 0.9;

    /// <summary>Relative noise of a value: near the minimum a decrease drowns in it.</summary>
    const double Noise = 1e-14;

    /// <summary>Ends where the gradient's norm is at most <paramref name="tolerance"/>, or where double precision shows no further decrease.</summary>
    public static Minimum Minimise(ValueAndGradient function, double[] start, double tolerance, CancellationToken cancellationToken)
    {
        var n = start.Length;
        double[] at = [.. start], next = new double[n], gradient = new double[n], nextGradient = new double[n], direction = new double[n];
        var value = function(at, gradient);
        var pairs = new List<(double[] S, double[] Y, double Rho)>();
        var iteration = 0;
        for (; iteration < MaxIterations && Norm(gradient) > tolerance; iteration++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Direction(gradient, pairs, direction);
            var slope = Dot(gradient, direction);
            double step = pairs.Count == 0 ? Math.Min(1, 1 / Norm(gradient)) : 1, low = 0, high = double.PositiveInfinity;
            var nextValue = value;
            var found = false;
            for (var bisection = 0; bisection < MaxBisections && !found; bisection++)
            {
                for (var i = 0; i < n; i++)
                {
                    next[i] = at[i] + step * direction[i];
                }
                nextValue = function(next, nextGradient);
                // A value that is not a number fails the comparison and shortens the step.
                if (!(nextValue <= value + Decrease * step * slope + Noise * Math.Abs(value)))
                {
                    high = step;
                }
                else if (Dot(nextGradient, direction) < Curvature * slope)
                {
                    low = step;
                }
                else
                {
                    found = true;
                    continue;
                }
                step = double.IsPositiveInfinity(high) ? 2 * low : (low + high) / 2;
            }
            if (!found)
            {
                break;
            }
            var (s, y) = (new double[n], new double[n]);
            for (var i = 0; i < n; i++)
            {
                (s[i], y[i]) = (next[i] - at[i], nextGradient[i] - gradient[i]);
            }
            if (Dot(s, y) is var sy && sy > 0)
            {
                if (pairs.Count == History)
                {
                    pairs.RemoveAt(0);
                }
                pairs.Add((s, y, 1 / sy));
            }
            (at, next, gradient, nextGradient, value) = (next, at, nextGradient, gradient, nextValue);
        }
        return new Minimum(at, value, Norm(gradient), iteration);
    }

    /// <summary>Minus the inverse Hessian's estimate times the gradient, by the two-loop recursion.</summary>
    static void Direction(double[] gradient, List<(double[] S, double[] Y, double Rho)> pairs, double[] direction)
    {
        Span<double> alpha = stackalloc double[History];
        for (var i = 0; i < gradient.Length; i++)
        {
            direction[i] = -gradient[i];
        }
        for (var k = pairs.Count - 1; k >= 0; k--)
        {
            alpha[k] = pairs[k].Rho * Dot(pairs[k].S, direction);
            AddScaled(direction, -alpha[k], pairs[k].Y);
        }
        if (pairs.Count > 0)
        {
            var (_, y, rho) = pairs[^1];
            var scale = 1 / rho / Dot(y, y);
            foreach (ref var value in direction.AsSpan())
            {
                value *= scale;
            }
        }
        for (var k = 0; k < pairs.Count; k++)
        {
            AddScaled(direction, alpha[k] - pairs[k].Rho * Dot(pairs[k].Y, direction), pairs[k].S);
        }
    }

    static void AddScaled(double[] target, double factor, double[] values)
    {
        for (var i = 0; i < target.Length; i++)
        {
            target[i] += factor * values[i];
        }
    }

    static double Norm(double[] values) => Math.Sqrt(Dot(values, values));

    static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
