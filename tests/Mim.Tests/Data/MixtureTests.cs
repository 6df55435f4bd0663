using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Data;

public sealed class MixtureTests
{
    static Mixture Open(string name, long seed = 1, int rows = DatasetOptions.ReferenceRowsPerEpoch) =>
        Assert.IsType<Mixture>(Dataset.Open(new DatasetOptions { Name = name, RowsPerEpoch = rows }, seed));

    // Means and σ from the paper's code (GMMDist.factory): the ring of toy4 is divided by 5, not by 4.
    [Fact]
    public void Toy4_has_the_reference_parameters()
    {
        var mixture = Open("toy4");
        Assert.Equal(5, mixture.Components);
        Assert.Equal([0.25, 0.25], mixture.Sigma.ToArray());
        float[][] expected = [[0, 0], [1, 0], [0.309f, 0.951f], [-0.809f, 0.588f], [-0.809f, -0.588f]];
        for (var component = 0; component < 5; component++)
        {
            Assert.Equal(expected[component][0], mixture.Mean(component)[0], 0.0005f); // three printed digits
            Assert.Equal(expected[component][1], mixture.Mean(component)[1], 0.0005f);
        }
    }

    [Fact]
    public void Toy_minus_4_is_a_closed_ring_without_origin()
    {
        var mixture = Open("toy-4");
        Assert.Equal(4, mixture.Components);
        Assert.Equal([0.3125, 0.3125], mixture.Sigma.ToArray());
        Assert.Equal([1f, 0f], mixture.Mean(0).ToArray());
        Assert.Equal(-1f, mixture.Mean(2)[0]);
        Assert.Equal(1f, mixture.Mean(1)[1]);
    }

    [Fact]
    public void Toy4_20_takes_its_further_means_from_linspace()
    {
        var mixture = Open("toy4_20");
        Assert.Equal([20L], mixture.XShape);
        for (var component = 0; component < 5; component++)
        {
            Assert.Equal(Open("toy4").Mean(component).ToArray(), mixture.Mean(component)[..2].ToArray());
            for (var j = 2; j < 20; j++)
            {
                Assert.Equal(-50 + ((component * 20) + j) * (100.0 / 99), mixture.Mean(component)[j], 4e-6); // float32 at 50
            }
        }
        Assert.Equal(50f, mixture.Mean(4)[19]);
    }

    // Any number of dimensions from 2 on: the ring in the first two, linspace(−10·K, 10·K) behind them, density and draws of one mixture.
    [Fact]
    public void Every_number_of_dimensions_has_the_ring_in_its_first_two()
    {
        for (var d = 2; d <= 50; d++)
        {
            foreach (var (name, components) in new[] { ($"toy4_{d}", 5), ($"toy-4_{d}", 4) })
            {
                var mixture = Open(name, rows: 20);
                Assert.Equal([d], mixture.XShape);
                Assert.Equal(components, mixture.Components);
                Assert.Equal(1f, mixture.Mean(components == 5 ? 1 : 0)[0]);
                Assert.True(d == 2 || Math.Abs(mixture.Mean(components - 1)[^1] - (10 * components)) < 1e-5);
                Assert.All(mixture.Mean(0)[2..].ToArray().Select((mean, j) => (mean, j)), pair =>
                    Assert.Equal((-10.0 * components) + (20.0 * components * (pair.j + 2) / ((components * d) - 1)), pair.mean, 1e-5)); // float32 at 50
                var split = mixture.Load(SplitName.Train, 0);
                Assert.Equal(20 * d, split.X.Length);
                // At a mean the density is at least its own component's: −ln K − d·ln(σ√2π).
                var least = -Math.Log(components) - (d * Math.Log(mixture.Sigma[0] * Math.Sqrt(Math.Tau)));
                Assert.InRange(mixture.LogDensity(mixture.Mean(1)), least - 1e-9, least + Math.Log(components)); // rounding in double
            }
        }
    }

    /// <summary>The picture of a text mixture, from its means alone.</summary>
    static string Picture(Mixture mixture, int width)
    {
        var rows = Enumerable.Range(0, 11).Select(_ => new string('.', width).ToCharArray()).ToArray();
        for (var component = 0; component < mixture.Components; component++)
        {
            var mean = mixture.Mean(component);
            rows[10 - (int)Math.Round(((mean[1] / 3.6) + 0.45) * 11)][(int)Math.Round(((mean[0] / 3.6) + 0.45) * width)] = '#';
        }
        return string.Join('\n', rows.Select(row => new string(row)));
    }

    [Fact]
    public void A_text_is_a_mixture_with_a_component_for_each_lit_pixel()
    {
        var mixture = Open("toyMI4", rows: 20_000);
        Assert.Equal(
            """
            ..................
            ..................
            #...#..###.....#..
            ##.##...#.....##..
            #.#.#...#....#.#..
            #.#.#...#...#..#..
            #...#...#...#####.
            #...#...#......#..
            #...#..###.....#..
            ..................
            ..................
            """.ReplaceLineEndings("\n"), Picture(mixture, 18));
        Assert.Equal([1 / 18.0, 1 / 11.0], mixture.Sigma.ToArray());
        // The lower left pixel of the M: column 0, two rows of the cell below it.
        Assert.Equal(-0.45 * 3.6, mixture.Mean(0)[0], 1e-6);
        Assert.Equal((2 / 11.0 - 0.45) * 3.6, mixture.Mean(0)[1], 1e-6);
        var split = mixture.Load(SplitName.Train, 0);
        var labels = Assert.IsType<long[]>(split.Labels);
        Assert.Equal(mixture.Components, labels.Distinct().Count());
        double Variance(int j) => Enumerable.Range(0, split.Rows).Average(row => Math.Pow(split.X[(row * 2) + j] - mixture.Mean((int)labels[row])[j], 2));
        Assert.Equal(1 / 18.0 / 18, Variance(0), 4 / 18.0 / 18 * Math.Sqrt(2.0 / split.Rows)); // four standard errors
        Assert.Equal(1 / 11.0 / 11, Variance(1), 4 / 11.0 / 11 * Math.Sqrt(2.0 / split.Rows));
    }

    [Fact]
    public void The_density_of_a_text_integrates_to_one_and_its_entropy_is_that_of_its_draws()
    {
        var mixture = Open("toyAE", rows: 4000);
        const double step = 0.03; // a third of the smaller σ, 1/12
        double integral = 0, entropy = 0;
        for (var x = -2.4; x < 2.4; x += step)
        {
            for (var y = -2.4; y < 2.4; y += step)
            {
                var logDensity = mixture.LogDensity([(float)x, (float)y]);
                integral += Math.Exp(logDensity) * step * step;
                entropy -= Math.Exp(logDensity) * logDensity * step * step;
            }
        }
        Assert.Equal(1, integral, 1e-5); // a lattice sum; float32 coordinates
        var split = mixture.Load(SplitName.Test, 0);
        var draws = -Enumerable.Range(0, split.Rows).Average(row => mixture.LogDensity(split.X.AsSpan(row * 2, 2)));
        Assert.Equal(entropy, draws, 4 * 0.8 / Math.Sqrt(4000)); // four standard errors; −log P has a deviation below 0.8
    }

    [Fact]
    public void Every_letter_and_digit_has_a_shape_of_its_own()
    {
        var shapes = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789".Select(c => string.Join(' ', TextShape($"toyA{c}"))).ToArray();
        Assert.Equal(36, shapes.Distinct().Count());
        Assert.All(shapes, shape => Assert.InRange(shape.Split(' ').Length, 7, 24));

        static IEnumerable<string> TextShape(string name)
        {
            var mixture = Open(name);
            return Enumerable.Range(0, mixture.Components).Select(i => mixture.Mean(i).ToArray()).Where(mean => mean[0] > 0.1).Select(mean => $"{mean[0]:F3},{mean[1]:F3}");
        }
    }

    [Theory]
    [InlineData("toyMim")]
    [InlineData("toy")]
    [InlineData("ToyMIM")]
    public void Other_texts_are_no_mixtures(string name) =>
        Assert.Contains("dataset.name: expected a data set", Assert.Throws<UsageException>(() => Open(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void Draws_have_the_moments_of_the_mixture()
    {
        var mixture = Open("toy4");
        var split = mixture.Load(SplitName.Train, 0);
        Assert.Equal(9984, split.Rows);
        var labels = Assert.IsType<long[]>(split.Labels);
        for (var component = 0; component < 5; component++)
        {
            var rows = Enumerable.Range(0, split.Rows).Where(row => labels[row] == component).ToArray();
            Assert.Equal(0.2, rows.Length / 9984.0, 4 * Math.Sqrt(0.2 * 0.8 / 9984)); // four standard errors
            for (var j = 0; j < 2; j++)
            {
                var mean = rows.Average(row => (double)split.X[(row * 2) + j]);
                var variance = rows.Average(row => Math.Pow(split.X[(row * 2) + j] - mean, 2));
                Assert.Equal(mixture.Mean(component)[j], mean, 4 * 0.25 / Math.Sqrt(rows.Length));
                Assert.Equal(0.0625, variance, 4 * 0.0625 * Math.Sqrt(2.0 / rows.Length));
            }
        }
    }

    // H(toy4) ≈ 1.56 nats (measured by an independent implementation); H(toy4_20) = log 5 + 20·(½ log 2πe + log σ) ≈ 2.26, the components
    // being far apart.
    [Theory]
    [InlineData("toy4", 1.56, 0.03)]
    [InlineData("toy4_20", 2.26, 0.13)] // 4 · √(20/2) / √9984 nats
    public void The_mean_log_density_of_draws_is_minus_the_entropy(string name, double entropy, double tolerance)
    {
        var mixture = Open(name);
        var split = mixture.Load(SplitName.Test, 0);
        var estimate = -Enumerable.Range(0, split.Rows).Average(row => mixture.LogDensity(split.X.AsSpan(row * split.XDim, split.XDim)));
        Assert.Equal(entropy, estimate, tolerance);
    }

    [Fact]
    public void The_density_integrates_to_one()
    {
        var mixture = Open("toy-4");
        const double step = 0.02;
        var integral = 0.0;
        for (var x = -3.0; x < 3; x += step)
        {
            for (var y = -3.0; y < 3; y += step)
            {
                integral += Math.Exp(mixture.LogDensity([(float)x, (float)y])) * step * step;
            }
        }
        Assert.Equal(1, integral, 1e-6); // a lattice sum of a smooth density is exact up to its tails, 6 σ here
    }

    [Fact]
    public void Draws_are_a_function_of_seed_split_and_epoch()
    {
        var first = Open("toy4_3", rows: 64).Load(SplitName.Train, 3);
        Assert.Equal(first.X, Open("toy4_3", rows: 64).Load(SplitName.Train, 3).X);
        Assert.NotEqual(first.X, Open("toy4_3", seed: 2, rows: 64).Load(SplitName.Train, 3).X);
        Assert.NotEqual(first.X, Open("toy4_3", rows: 64).Load(SplitName.Validation, 3).X);
        Assert.NotEqual(first.X, Open("toy4_3", rows: 64).Load(SplitName.Train, 4).X);
    }

    [Fact]
    public void The_hash_depends_on_name_and_parameters_and_not_on_the_seed()
    {
        Assert.Equal(Open("toy4").Sha256, Open("toy4", seed: 9).Sha256);
        Assert.NotEqual(Open("toy4").Sha256, Open("toy-4").Sha256);
        Assert.NotEqual(Open("toy4").Sha256, Open("toy4", rows: 100).Sha256);
    }

    [Theory]
    [InlineData("toy4_1")]
    [InlineData("toy0")]
    public void A_mixture_that_cannot_be_is_refused(string name) => Assert.Throws<UsageException>(() => Open(name));
}
