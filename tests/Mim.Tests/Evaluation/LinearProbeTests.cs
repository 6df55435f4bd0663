using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class LinearProbeTests
{
    // Oracle: gradient descent on the documented objective, in loops, to the end.
    [Fact]
    public void The_minimum_is_that_of_plain_gradient_descent()
    {
        const int rows = 60, dim = 2, classes = 3;
        var gauss = new Gauss(3);
        var codes = new float[rows * dim];
        var labels = new long[rows];
        for (var i = 0; i < rows; i++)
        {
            labels[i] = 10 * (i % classes); // labels need not be 0, 1, 2
            codes[i * dim] = (float)(gauss.Next() + i % classes);
            codes[i * dim + 1] = (float)(100 + 20 * gauss.Next() - 30 * (i % classes == 1 ? 1 : 0));
        }
        var probe = LinearProbe.Fit(codes, labels, dim, CancellationToken.None);
        Assert.True(probe.GradientNorm <= 1e-5, $"{probe.GradientNorm}");
        Assert.Equal(Slow(codes, labels, rows, dim, classes), probe.Loss, 1e-9); // both at the minimum, where the value is flat
        Assert.All(probe.Predict(codes), label => Assert.Contains(label, labels));
    }

    [Fact]
    public void Codes_that_a_line_separates_are_told_apart_whatever_their_unit()
    {
        float[] codes = [1e6f, 1, 2e6f, 1, 3e6f, 1, 4e6f, 1]; // the second dimension is constant
        var probe = LinearProbe.Fit(codes, [0, 0, 1, 1], 2, CancellationToken.None);
        Assert.Equal([0L, 1L], probe.Predict([1.5e6f, 1, 3.5e6f, 1]));
    }

    [Fact]
    public void Codes_and_labels_must_match() =>
        Assert.Throws<ArgumentException>(() => LinearProbe.Fit([1, 2, 3], [0, 1], 2, CancellationToken.None));

    static double Slow(float[] codes, long[] labels, int rows, int dim, int classes)
    {
        var x = new double[rows, dim + 1];
        for (var d = 0; d < dim; d++)
        {
            var values = Enumerable.Range(0, rows).Select(i => (double)codes[i * dim + d]).ToArray();
            var mean = values.Average();
            var deviation = Math.Sqrt(values.Average(v => (v - mean) * (v - mean)));
            for (var i = 0; i < rows; i++)
            {
                (x[i, d], x[i, dim]) = ((values[i] - mean) / deviation, 1);
            }
        }
        var w = new double[classes, dim + 1];
        var loss = 0.0;
        for (var step = 0; step < 20_000; step++)
        {
            var gradient = new double[classes, dim + 1];
            loss = 0;
            for (var i = 0; i < rows; i++)
            {
                var p = new double[classes];
                for (var c = 0; c < classes; c++)
                {
                    p[c] = Math.Exp(Enumerable.Range(0, dim + 1).Sum(d => w[c, d] * x[i, d]));
                }
                var sum = p.Sum();
                loss -= Math.Log(p[labels[i] / 10] / sum) / rows;
                for (var c = 0; c < classes; c++)
                {
                    for (var d = 0; d <= dim; d++)
                    {
                        gradient[c, d] += (p[c] / sum - (labels[i] / 10 == c ? 1 : 0)) * x[i, d] / rows;
                    }
                }
            }
            for (var c = 0; c < classes; c++)
            {
                for (var d = 0; d <= dim; d++)
                {
                    var penalty = d < dim ? w[c, d] / rows : 0;
                    loss += penalty * w[c, d] / 2;
                    w[c, d] -= 0.5 * (gradient[c, d] + penalty);
                }
            }
        }
        return loss;
    }
}
