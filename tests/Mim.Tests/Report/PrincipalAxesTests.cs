using Mim.Training;

namespace Mim.Tests.Reporting;

public sealed class PrincipalAxesTests
{
    /// <summary>Oracle: a cross with arms 3 and 1 along (0.6, 0.8, 0) and (0.8, −0.6, 0): variances 4.5 and 0.5, so shares 0.9 and 0.1.</summary>
    [Fact]
    public void A_cross_has_its_arms_as_axes()
    {
        float[][] rows = [Point(3, 0), Point(-3, 0), Point(0, 1), Point(0, -1)];
        var axes = PrincipalAxes.Fit(rows);
        Assert.Equal(0.9, axes.Share[0], 1e-6); // float32 coordinates
        Assert.Equal(0.1, axes.Share[1], 1e-6);
        // The largest component of either axis is positive, whatever the eigensolver says.
        Assert.Equal((3, 0), Rounded(axes.Project(rows[0])));
        Assert.Equal((0, 1), Rounded(axes.Project(rows[2])));

        static float[] Point(float a, float b) => [10 + (0.6f * a) + (0.8f * b), 20 + (0.8f * a) - (0.6f * b), 5];
    }

    [Fact]
    public void Rows_that_do_not_vary_have_no_shares()
    {
        var axes = PrincipalAxes.Fit([[1, 2, 3], [1, 2, 3]]);
        Assert.Equal([0, 0], axes.Share);
        Assert.Equal((0, 0), axes.Project([1, 2, 3]));
    }

    static (double X, double Y) Rounded((double X, double Y) point) => (Math.Round(point.X, 5) + 0, Math.Round(point.Y, 5) + 0);
}
