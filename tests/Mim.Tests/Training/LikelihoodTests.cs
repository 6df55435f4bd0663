using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Mixture and discretised logistic against quadrature, enumeration, bisection and the definitions in doubles.</summary>
public sealed class LikelihoodTests
{
    const int K = 3;

    static readonly double[] s_logits = [0.3, -0.5, 1.1];
    static readonly double[] s_means = [-1.4, 0.2, 0.9];
    static readonly double[] s_sigmas = [0.5, 0.3, 1.2];

    [Fact]
    public void A_mixture_integrates_to_one_and_has_its_moments()
    {
        using var scope = NewDisposeScope();
        var x = linspace(-12, 12, 24_001).view(-1, 1);
        var (p, _, _, _) = Mixture(x.shape[0]);
        var density = p.LogProb(x).exp();
        const double Dx = 24.0 / 24_000;
        Assert.Equal(1, density.sum().item<float>() * Dx, 1e-4); // float32 densities
        var mean = (density * x.squeeze(1)).sum().item<float>() * Dx;
        Assert.Equal(mean, p.Mean[0, 0].item<float>(), 1e-4);
        Assert.Equal((density * (x.squeeze(1) - mean).square()).sum().item<float>() * Dx, Math.Exp(p.LogVar[0, 0].item<float>()), 1e-4);
        Assert.Equal(Math.Log(Density(0.4)), Mixture(1).P.LogProb(full([1, 1], 0.4f)).item<float>(), 1e-5); // float32
    }

    [Fact]
    public void A_mixture_of_one_is_a_gaussian()
    {
        using var scope = NewDisposeScope();
        var (mean, logSigma, x) = (linspace(-2, 2, 6).view(2, 3), linspace(-1, 0.5, 6).view(2, 3), linspace(0, 1, 6).view(2, 3));
        var one = new GaussianMixture(full([2, 1, 3], 0.7f), mean.unsqueeze(1), logSigma.unsqueeze(1));
        var gaussian = new Gaussian(mean, logSigma);
        foreach (var (e, a) in Models.Matrix(gaussian.LogProb(x).view(-1, 1)).Cast<double>().Zip(Models.Matrix(one.LogProb(x).view(-1, 1)).Cast<double>()))
        {
            Assert.Equal(e, a, 1e-5); // float32, another order of sums
        }
        Assert.Equal(Models.Matrix(gaussian.Repeat(2).LogProb(x.repeat(2, 1)).view(-1, 1)).Cast<double>().Sum(),
            Models.Matrix(one.Repeat(2).LogProb(x.repeat(2, 1)).view(-1, 1)).Cast<double>().Sum(), 1e-4);
    }

    [Fact]
    public void A_draw_of_a_mixture_moves_with_each_parameter_as_the_quantile_does()
    {
        using var scope = NewDisposeScope();
        const int Rows = 64;
        const double H = 1e-5;
        using var noise = new Generator(9);
        var (p, logits, means, logSigmas) = Mixture(Rows);
        var draw = p.SampleReparameterized(noise);
        Assert.Equal(Models.Matrix(p.LogProb(draw.Value.detach()).view(-1, 1)), Models.Matrix(draw.LogProb.view(-1, 1)));
        draw.Value.sum().backward();
        var values = Models.Matrix(draw.Value);
        var gradients = new[] { logits, means, logSigmas }.Select(parameter =>
            Models.Matrix((parameter.grad ?? throw new InvalidOperationException("backward left no gradient")).view(Rows, K))).ToArray();
        for (var row = 0; row < Rows; row++)
        {
            var u = Distribution(values[row, 0], s_logits, s_means, s_sigmas);
            for (var parameter = 0; parameter < 3; parameter++)
            {
                for (var k = 0; k < K; k++)
                {
                    double Moved(double by)
                    {
                        double[][] moved = [[.. s_logits], [.. s_means], [.. s_sigmas]];
                        moved[parameter][k] = parameter == 2 ? moved[2][k] * Math.Exp(by) : moved[parameter][k] + by;
                        return Quantile(u, moved[0], moved[1], moved[2]);
                    }
                    // Central differences of a bisection in doubles; autograd divides float32 probabilities by a float32 density of at least 1e-3.
                    var expected = (Moved(H) - Moved(-H)) / (2 * H);
                    Assert.Equal(expected, gradients[parameter][row, k], 2e-4 * (1 + Math.Abs(expected)));
                }
            }
        }
    }

    [Fact]
    public void Draws_of_a_mixture_are_distributed_as_it_says()
    {
        using var scope = NewDisposeScope();
        const int Rows = 50_000;
        using var noise = new Generator(2);
        var drawn = Models.Matrix(Mixture(Rows).P.Sample(noise)).Cast<double>().Order().ToArray();
        // Kolmogorov-Smirnov: exceeded once in 10⁵.
        var distance = drawn.Select((x, i) => Math.Abs(Distribution(x, s_logits, s_means, s_sigmas) - (i + 0.5) / Rows)).Max();
        Assert.InRange(distance, 0, Math.Sqrt(Math.Log(2e5) / 2 / Rows));
    }

    [Theory]
    [InlineData(0.5, 0.1)]
    [InlineData(0.02, 0.03)]
    [InlineData(1.3, 0.2)]
    [InlineData(0.5, 1e-3)]
    [InlineData(0.5, 20)]
    public void The_logistic_s_256_levels_have_the_probabilities_of_their_bins(double location, double scale)
    {
        using var scope = NewDisposeScope();
        var levels = arange(256).to_type(ScalarType.Float32).view(-1, 1) / 255;
        var actual = Models.Matrix(Logistic(location, scale, 256).LogProb(levels).view(-1, 1));
        var total = 0.0;
        for (var k = 0; k < 256; k++)
        {
            total += Math.Exp(actual[k, 0]);
            // By the definition in doubles, as far as that goes without cancelling.
            var below = k == 0 ? 0 : Sigmoid((k / 256.0 - location) / scale);
            var above = k == 255 ? 0 : Sigmoid(-((k + 1) / 256.0 - location) / scale);
            var probability = below < 0.5 ? (k == 255 ? 1 : Sigmoid(((k + 1) / 256.0 - location) / scale)) - below
                : Sigmoid(-(k / 256.0 - location) / scale) - above;
            if (probability > 1e-12)
            {
                // float32: standardised ends up to 500 carry 3e-5.
                Assert.Equal(Math.Log(probability), actual[k, 0], 1e-4 * (1 + Math.Abs(Math.Log(probability))));
            }
            Assert.True(double.IsFinite(actual[k, 0]) && actual[k, 0] <= 0);
        }
        Assert.Equal(1, total, 1e-4); // float32, 256 terms
        var mean = Enumerable.Range(0, 256).Sum(k => Math.Exp(actual[k, 0]) * k / 255);
        Assert.Equal(mean, Logistic(location, scale, 1).Mean.item<float>(), 1.0 / 256);
    }

    [Fact]
    public void The_logistic_has_the_gradient_of_finite_differences_in_the_bulk_and_in_the_tails()
    {
        using var scope = NewDisposeScope();
        foreach (var (x, location, scale) in new[] { (0.5, 0.45, 0.1), (0, 0.3, 0.05), (1, 0.3, 0.05), (0.9, 0.1, 0.01), (128 / 255.0, 0.5, 0.002) })
        {
            var (m, s) = (full([1, 1], (float)location, requires_grad: true), full([1, 1], (float)Math.Log(scale), requires_grad: true));
            new DiscretisedLogistic(m, s).LogProb(full([1, 1], (float)x)).backward();
            double At(double l, double logScale)
            {
                var k = Math.Min((int)(x * 256), 255);
                var (u, v) = (((k + 1) / 256.0 - l) / Math.Exp(logScale), (k / 256.0 - l) / Math.Exp(logScale));
                return k == 0 ? -Math.Log(1 + Math.Exp(-u)) : k == 255 ? -Math.Log(1 + Math.Exp(v)) : Math.Log(Sigmoid(-v) - Sigmoid(-u));
            }
            const double H = 1e-6;
            var (dm, ds) = ((At(location + H, Math.Log(scale)) - At(location - H, Math.Log(scale))) / (2 * H),
                (At(location, Math.Log(scale) + H) - At(location, Math.Log(scale) - H)) / (2 * H));
            // float32 with standardised ends up to 80; the differences are good to 1e-5.
            Assert.Equal(dm, (m.grad ?? throw new InvalidOperationException("no gradient")).item<float>(), 1e-3 * (1 + Math.Abs(dm)));
            Assert.Equal(ds, (s.grad ?? throw new InvalidOperationException("no gradient")).item<float>(), 1e-3 * (1 + Math.Abs(ds)));
        }
    }

    [Fact]
    public void Draws_of_the_logistic_are_levels_with_its_probabilities()
    {
        using var scope = NewDisposeScope();
        const int Rows = 20_000;
        using var noise = new Generator(4);
        var p = Logistic(0.95, 0.05, Rows);
        var drawn = Models.Matrix(p.Sample(noise)).Cast<double>().Select(x => (int)Math.Round(x * 255)).ToArray();
        var logProb = Models.Matrix(Logistic(0.95, 0.05, 256).LogProb(arange(256).to_type(ScalarType.Float32).view(-1, 1) / 255).view(-1, 1));
        var counts = drawn.GroupBy(k => k).ToDictionary(g => g.Key, g => g.Count());
        for (var k = 0; k < 256; k++)
        {
            var expected = Rows * Math.Exp(logProb[k, 0]);
            // Poisson: 5.5 standard deviations, and a few for the rare ones.
            Assert.InRange(counts.GetValueOrDefault(k), expected - 5.5 * Math.Sqrt(expected), expected + 5.5 * Math.Sqrt(expected) + 5);
        }
    }

    [Theory]
    [InlineData(Likelihood.Gaussian)]
    [InlineData(Likelihood.GaussianFixed)]
    [InlineData(Likelihood.GaussianMixture)]
    [InlineData(Likelihood.Bernoulli)]
    [InlineData(Likelihood.Logistic)]
    public void A_decoder_s_likelihood_is_one_of_x(Likelihood likelihood)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var options = Models.Options(likelihood: likelihood);
        options = options with { Network = options.Network with { LikelihoodSigma = 0.3, LikelihoodComponents = 4 } };
        var model = Models.Create(options, 1);
        var z = full([1, 2], 0.4f);
        var x = likelihood switch
        {
            Likelihood.Bernoulli => tensor(new float[] { 0, 1 }, [2, 1]),
            Likelihood.Logistic => arange(256).to_type(ScalarType.Float32).view(-1, 1) / 255,
            _ => linspace(-12, 12, 12_001).view(-1, 1),
        };
        var width = likelihood.IsDiscrete() ? 1 : 24.0 / 12_000;
        var mass = model.decoder.call(z.repeat(x.shape[0], 1)).LogProb(x).exp().sum().item<float>() * width;
        Assert.Equal(1, mass, 2e-4); // float32 densities
        if (likelihood == Likelihood.GaussianFixed)
        {
            Assert.Equal(Math.Log(0.3), ((Gaussian)model.decoder.call(z)).LogSigma.item<float>(), 1e-6);
        }
    }

    static (GaussianMixture P, Tensor Logits, Tensor Means, Tensor LogSigmas) Mixture(long rows)
    {
        Tensor Parameter(IEnumerable<double> values) =>
            tensor(values.Select(value => (float)value).ToArray(), [1, K, 1]).repeat(rows, 1, 1).requires_grad_(true);
        var (logits, means, logSigmas) = (Parameter(s_logits), Parameter(s_means), Parameter(s_sigmas.Select(sigma => Math.Log(sigma))));
        return (new GaussianMixture(logits, means, logSigmas), logits, means, logSigmas);
    }

    static DiscretisedLogistic Logistic(double location, double scale, long rows) =>
        new(full([rows, 1], (float)location), full([rows, 1], (float)Math.Log(scale)));

    static double[] Weights(double[] logits)
    {
        var total = logits.Sum(Math.Exp);
        return [.. logits.Select(logit => Math.Exp(logit) / total)];
    }

    static double Density(double x)
    {
        var weights = Weights(s_logits);
        return Enumerable.Range(0, K).Sum(k => weights[k] * Math.Exp(ScalarModel.LogNormal([x], [s_means[k]], [s_sigmas[k]])));
    }

    static double Distribution(double x, double[] logits, double[] means, double[] sigmas)
    {
        var weights = Weights(logits);
        return Enumerable.Range(0, K).Sum(k => weights[k] * NormalCdf((x - means[k]) / sigmas[k]));
    }

    static double Quantile(double u, double[] logits, double[] means, double[] sigmas)
    {
        var (low, high) = (-20.0, 20.0);
        for (var i = 0; i < 80; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = Distribution(middle, logits, means, sigmas) < u ? (middle, high) : (low, middle);
        }
        return low;
    }

    /// <summary>½ + ∫₀ˣ φ by Simpson's rule, good to 1e-12 for |x| up to 6.</summary>
    static double NormalCdf(double x)
    {
        const int Steps = 400;
        x = Math.Clamp(x, -9, 9);
        var h = x / Steps;
        var sum = 1 + Math.Exp(-x * x / 2);
        for (var i = 1; i < Steps; i++)
        {
            sum += (i % 2 == 1 ? 4 : 2) * Math.Exp(-i * h * i * h / 2);
        }
        return 0.5 + sum * h / 3 / Math.Sqrt(2 * Math.PI);
    }

    static double Sigmoid(double value) => 1 / (1 + Math.Exp(-value));
}
