using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class ParityTests
{
    [Fact]
    public void The_rule_is_absolute_plus_relative_to_the_reference()
    {
        // |a - b| = 2^-10; the bound is atol + rtol * 1000. Powers of two, so the arithmetic is exact.
        Assert.True(Compare([1000 + 1 / 1024f], [1000], atol: 1 / 1024.0, rtol: 0).Passed);
        Assert.False(Compare([1000 + 1 / 1024f], [1000], atol: 1 / 1025.0, rtol: 0).Passed);
        Assert.True(Compare([1000 + 1 / 1024f], [1000], atol: 0, rtol: 1 / 1024.0 / 1000 * 1.01).Passed);
        // Relative to b, not to a.
        Assert.False(Compare([2], [1], atol: 0, rtol: 0.6).Passed);
        Assert.True(Compare([1], [2], atol: 0, rtol: 0.6).Passed);
    }

    [Fact]
    public void What_is_reported_is_the_worst_of_each_kind()
    {
        var result = Compare([1, MathF.BitIncrement(MathF.BitIncrement(2)), -3.5f, 0], [1, 2, -3, 0], atol: 1, rtol: 0);
        Assert.True(result.Passed);
        Assert.Equal(4, result.Count);
        Assert.Equal(0.5, result.MaxAbs);
        // From 3 to 3.5 at 2^-22 a step.
        Assert.Equal(1 << 21, result.MaxUlp);
        Assert.Equal(2, result.WorstIndex);
    }

    [Fact]
    public void Steps_are_counted_through_zero() => Assert.Equal(2, Compare([float.Epsilon], [-float.Epsilon], 1, 1).MaxUlp);

    [Theory]
    [InlineData(float.NaN, float.NaN)]
    [InlineData(float.NaN, 1)]
    [InlineData(1, float.NaN)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(1, float.NegativeInfinity)]
    public void What_is_not_finite_never_passes(float actual, float expected)
    {
        var result = Compare([0, actual, 0], [0, expected, 0], atol: 1e30, rtol: 1e30);
        Assert.False(result.Passed);
        Assert.Equal(1, result.WorstIndex);
        Assert.True(double.IsNaN(result.MaxAbs));
    }

    [Fact]
    public void The_cosine_is_the_smallest_over_the_rows()
    {
        // Rows at 0 and 90 degrees; together they would be at 45.
        var result = Parity.Compare([1, 0, 0, 1], [1, 0, 1, 0], 10, 0, rowSize: 2);
        Assert.Equal(0, result.Cosine);
        Assert.Equal(1, Compare([0, 0], [0, 0], 0, 0).Cosine);
        Assert.Equal(0, Compare([0, 1e-9f], [0, 0], 1, 0).Cosine);
    }

    [Fact]
    public void The_absolute_bound_counts_in_the_units_of_each_element()
    {
        // Rows of (unit 1, unit 1024); atol 1/8, powers of two.
        Assert.True(Parity.Compare([0.125f, 128, 0, 0], [0, 0, 0, 0], 0.125, 0, 2, [1, 1024]).Passed);
        var result = Parity.Compare([0.125f, 0, 0.25f, 128], [0, 0, 0, 0], 0.125, 0, 2, [1, 1024]);
        Assert.False(result.Passed);
        Assert.Equal(2, result.WorstIndex);
    }

    [Fact]
    public void Raw_units_are_the_factors_of_the_inverse()
    {
        PreprocessingStep[] steps =
        [
            new() { Kind = PreprocessingStep.Impute, A = [7] },
            new() { Kind = PreprocessingStep.Scale, A = [0], B = [4] },
            new() { Kind = PreprocessingStep.Standardise, A = [1, 2, 3], B = [1, -2, 0.5f] },
        ];
        Assert.Equal([4, 8, 2], PreprocessingStep.RawUnits(steps, 3));
        // Orthonormal directions (0.6, 0.8, 0) and (0, 0, 1): a unit of either, scaled by 4 and then at most by 5, is at most 20 of any feature.
        PreprocessingStep[] projected =
        [
            steps[1],
            new() { Kind = PreprocessingStep.Pca, A = [1, 2, 3], B = [0.6f, 0.8f, 0, 0, 0, 1] },
            new() { Kind = PreprocessingStep.Standardise, A = [0], B = [2, 5] },
        ];
        Assert.Equal([20, 20, 20], PreprocessingStep.RawUnits(projected, 3));
        Assert.Equal([256, 256], PreprocessingStep.RawUnits([new() { Kind = PreprocessingStep.Dequantise, A = [256] }], 2));
    }

    static ParityResult Compare(float[] actual, float[] expected, double atol, double rtol) => Parity.Compare(actual, expected, atol, rtol);
}
