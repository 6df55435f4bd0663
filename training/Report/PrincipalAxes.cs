using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The two directions in which rows vary most, and the rows' places along them.</summary>
public sealed class PrincipalAxes
{
    readonly double[] _mean;
    readonly double[][] _axes;

    PrincipalAxes(double[] mean, double[][] axes, double[] share) => (_mean, _axes, Share) = (mean, axes, share);

    /// <summary>Part of the total variance along each of the two, 0 to 1; 0 where nothing varies.</summary>
    public IReadOnlyList<double> Share { get; }

    /// <summary>
    /// Eigenvectors of the rows' covariance. Their sign is not defined by that: the component of largest magnitude is positive here.
    /// </summary>
    /// <param name="rows">At least one, each of two or more values.</param>
    public static PrincipalAxes Fit(IReadOnlyList<float[]> rows)
    {
        var width = rows[0].Length;
        var mean = new double[width];
        foreach (var row in rows)
        {
            for (var i = 0; i < width; i++)
            {
                mean[i] += row[i] / (double)rows.Count;
            }
        }
        var covariance = new double[width * width];
        foreach (var row in rows)
        {
            for (var i = 0; i < width; i++)
            {
                for (var j = 0; j <= i; j++)
                {
                    covariance[(i * width) + j] += (row[i] - mean[i]) * (row[j] - mean[j]) / rows.Count;
                }
            }
        }
        using var scope = NewDisposeScope();
        // The lower triangle is all that eigh reads; eigenvalues ascend, eigenvectors are columns.
        var (values, vectors) = linalg.eigh(tensor(covariance, [width, width]));
        var eigenvalues = values.data<double>().ToArray();
        var eigenvectors = vectors.contiguous().data<double>().ToArray();
        var total = eigenvalues.Sum(value => Math.Max(value, 0));
        double[][] axes = [Axis(width - 1), Axis(width - 2)];
        double[] share = [.. new[] { width - 1, width - 2 }.Select(i => total > 0 ? Math.Max(eigenvalues[i], 0) / total : 0)];
        return new PrincipalAxes(mean, axes, share);

        double[] Axis(int column)
        {
            double[] axis = [.. Enumerable.Range(0, width).Select(i => eigenvectors[(i * width) + column])];
            return axis.MaxBy(Math.Abs) < 0 ? [.. axis.Select(a => -a)] : axis;
        }
    }

    public (double X, double Y) Project(float[] row)
    {
        var (x, y) = (0.0, 0.0);
        for (var i = 0; i < row.Length; i++)
        {
            x += (row[i] - _mean[i]) * _axes[0][i];
            y += (row[i] - _mean[i]) * _axes[1][i];
        }
        return (x, y);
    }
}
