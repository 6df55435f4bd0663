using Mim.Training;

namespace Mim.Tests.Evaluation;

public sealed class KsgTests
{
    static readonly float[] s_a = [0, .31f, 1.07f, 1.63f, 2.74f, 3.12f];
    static readonly float[] s_b = [.13f, .52f, .77f, 2.05f, 2.21f, 3.58f];

    // Counts by hand: k = 1 gives n_x = 2 2 2 2 2 2, n_z = 1 2 3 2 2 1 with the point itself; k = 2 gives 2 2 3 3 3 3 and 3 3 3 2 2 2.
    [Theory]
    [InlineData(1, 8.0 / 15)]
    [InlineData(2, 0.7)]
    public void Six_points_counted_by_hand(int neighbours, double expected) =>
        Assert.Equal(expected, Ksg.Estimate(s_a, s_b, 6, neighbours).MutualInformation, 1e-12); // exact digammas, double

    [Theory]
    [InlineData(200, 3, 2, 5)]
    [InlineData(133, 1, 1, 3)] // no multiple of any vector width
    [InlineData(64, 7, 20, 10)]
    public void Agrees_with_the_definition_written_as_loops(int rows, int xDim, int zDim, int neighbours)
    {
        var gauss = new Gauss(rows);
        var x = gauss.Fill(rows * xDim);
        var z = gauss.Fill(rows * zDim);
        for (var i = 0; i < rows; i++)
        {
            z[i * zDim] += 2 * x[i * xDim];
        }
        var actual = Ksg.Estimate(x, z, rows, neighbours);
        Assert.Equal(SlowKsg(x, z, rows, neighbours), actual.MutualInformation, 1e-12); // same sums in another order
        Assert.Equal(0, actual.Coincident);
    }

    // Oracle: −½ ln(1 − ρ²). Tolerance: four times the 0.017 nats that the estimate spreads over seeds at N = 4000.
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(0.99)]
    public void Finds_the_mutual_information_of_a_bivariate_gaussian(double rho)
    {
        const int rows = 4000;
        var gauss = new Gauss(7);
        var x = gauss.Fill(rows);
        var z = new float[rows];
        for (var i = 0; i < rows; i++)
        {
            z[i] = (float)(rho * x[i] + Math.Sqrt(1 - rho * rho) * gauss.Next());
        }
        Assert.Equal(-0.5 * Math.Log(1 - rho * rho), Ksg.Estimate(x, z, rows).MutualInformation, 0.07);
    }

    [Fact]
    public void Of_a_variable_with_itself_is_the_ceiling()
    {
        var x = new Gauss(3).Fill(999 * 4);
        var actual = Ksg.Estimate(x, x, 999);
        Assert.Equal(actual.Ceiling, actual.MutualInformation, 1e-12);
        Assert.Equal(5, actual.Neighbours);
        Assert.Equal(999, actual.Rows);
    }

    // 7.703 and 6.500: MIM specification of the reference's caps.
    [Theory]
    [InlineData(9984, 7.703)]
    [InlineData(3000, 6.500)]
    public void Ceiling_is_that_of_the_reference(int rows, double expected) => Assert.Equal(expected, Ksg.Ceiling(rows, 5), 5e-4);

    // Oracle: z = x discrete has I = H(x); with every ball closed at radius zero the estimate is ψ(N) − ψ(N/4), within 1/N of ln 4.
    [Fact]
    public void Duplicates_are_counted_instead_of_dividing_by_zero()
    {
        var x = Enumerable.Range(0, 400).Select(i => (float)(i % 4)).ToArray();
        var actual = Ksg.Estimate(x, x, 400);
        Assert.Equal(Ksg.Ceiling(400, 100), actual.MutualInformation, 1e-12);
        Assert.Equal(400, actual.Coincident);
    }

    [Fact]
    public void Distances_far_above_one_keep_the_strict_inequality()
    {
        // At ε ≥ 16 the reference's ε − 1e-15 rounds back to ε; scaling both variables by 2¹⁰ is exact and must change nothing.
        var gauss = new Gauss(11);
        var x = gauss.Fill(300);
        var z = gauss.Fill(300);
        var scaled = Ksg.Estimate(x.Select(v => v * 1024).ToArray(), z.Select(v => v * 1024).ToArray(), 300);
        Assert.Equal(Ksg.Estimate(x, z, 300).MutualInformation, scaled.MutualInformation);
    }

    [Fact]
    public void A_value_that_is_not_finite_is_named()
    {
        var z = new float[20];
        z[13] = float.NaN;
        var e = Assert.Throws<InvalidDataException>(() => Ksg.Estimate(new Gauss(1).Fill(10), z, 10));
        Assert.StartsWith("z[6, 1] is NaN", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Fewer_rows_than_neighbours_are_refused() => Assert.Throws<ArgumentException>(() => Ksg.Estimate(s_a, s_b, 6, 6));

    static double SlowKsg(float[] x, float[] z, int rows, int k)
    {
        double Distance(float[] v, int i, int j)
        {
            var dim = v.Length / rows;
            return Enumerable.Range(0, dim).Max(d => Math.Abs((double)v[i * dim + d] - v[j * dim + d]));
        }
        double Psi(int n) => Enumerable.Range(1, n - 1).Sum(i => 1.0 / i) - 0.57721566490153286061;
        var sum = 0.0;
        for (var i = 0; i < rows; i++)
        {
            var others = Enumerable.Range(0, rows).Where(j => j != i).ToArray();
            var epsilon = others.Select(j => Math.Max(Distance(x, i, j), Distance(z, i, j))).Order().ElementAt(k - 1);
            sum += Psi(1 + others.Count(j => Distance(x, i, j) < epsilon)) + Psi(1 + others.Count(j => Distance(z, i, j) < epsilon));
        }
        return Psi(k) + Psi(rows) - sum / rows;
    }
}
