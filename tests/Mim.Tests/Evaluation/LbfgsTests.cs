using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class LbfgsTests
{
    // Rosenbrock's valley has its minimum 0 at (1, 1); a quadratic of condition 10⁶ has it where its gradient says.
    [Fact]
    public void Follows_a_curved_valley_to_its_minimum()
    {
        var found = Lbfgs.Minimise((at, gradient) =>
        {
            var (x, y) = (at[0], at[1]);
            (gradient[0], gradient[1]) = (-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x));
            return (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
        }, [-1.2, 1], 1e-8, CancellationToken.None);
        Assert.True(found.GradientNorm <= 1e-8);
        Assert.Equal(1, found.At[0], 1e-7);
        Assert.Equal(1, found.At[1], 1e-7);
    }

    [Fact]
    public void Solves_a_quadratic_of_condition_a_million()
    {
        double[] scale = [1, 1e-3, 1e-6, 0.5, 0.02], solution = [3, -2, 5, 0, 1];
        var found = Lbfgs.Minimise((at, gradient) =>
        {
            var value = 0.0;
            for (var i = 0; i < scale.Length; i++)
            {
                gradient[i] = scale[i] * (at[i] - solution[i]);
                value += 0.5 * gradient[i] * (at[i] - solution[i]);
            }
            return value;
        }, new double[5], 1e-10, CancellationToken.None);
        Assert.All(solution.Zip(found.At), pair => Assert.Equal(pair.First, pair.Second, 1e-3)); // gradient 10⁻¹⁰ over a curvature of 10⁻⁶
    }
}
