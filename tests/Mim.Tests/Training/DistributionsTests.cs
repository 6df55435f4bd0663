using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

public sealed class DistributionsTests
{
    const double LogTwoPi = 1.8378770664093453;

    [Fact]
    public void The_floor_is_added_to_sigma_exactly_at_every_scale()
    {
        using var scope = NewDisposeScope();
        foreach (var floor in new[] { 1e-6, 1e-2, 1.0 })
        {
            float[] s = [-100, -13.8f, -5, 0, 3, 80];
            var logSigma = Gaussian.WithFloor(zeros(1, s.Length), tensor(s, [1, s.Length]), floor).LogSigma;
            for (var i = 0; i < s.Length; i++)
            {
                // float32 with numbers up to 80: 80 · 2⁻²³.
                Assert.Equal(Math.Log(Math.Exp(s[i]) + floor), logSigma[0, i].item<float>(), 1e-5);
            }
        }
    }

    [Fact]
    public void The_gradient_through_the_floor_is_the_logistic_function()
    {
        using var scope = NewDisposeScope();
        float[] s = [-100, -13.8155f, -5, 0, 80];
        var input = tensor(s, [1, s.Length], requires_grad: true);
        Gaussian.WithFloor(zeros(1, s.Length), input, 1e-6).LogSigma.sum().backward();
        for (var i = 0; i < s.Length; i++)
        {
            // d log(exp(s) + c) / ds = 1 / (1 + c·exp(−s)); float32.
            Assert.Equal(1 / (1 + 1e-6 * Math.Exp(-s[i])), Gradient(input)[0, i].item<float>(), 1e-5);
        }
    }

    [Fact]
    public void A_gaussian_keeps_its_constants()
    {
        using var scope = NewDisposeScope();
        var p = new Gaussian(tensor(new float[] { 1, -2 }, [1, 2]), tensor(new float[] { 0.5f, -1 }, [1, 2]));
        var expected = -0.5 * Math.Pow(2 / Math.Exp(0.5), 2) - 0.5 - 0.5 * Math.Pow(1.5 / Math.Exp(-1), 2) + 1 - LogTwoPi;

        Assert.Equal(expected, p.LogProb(tensor(new float[] { 3, -0.5f }, [1, 2])).item<float>(), 1e-5); // float32, terms of 10
        Assert.Equal(-0.5 * (9 + 0.25) - LogTwoPi, Gaussian.StandardLogProb(tensor(new float[] { 3, -0.5f }, [1, 2])).item<float>(), 1e-6);
    }

    [Fact]
    public void A_draw_knows_its_own_log_density_and_its_gradient_even_at_the_floor()
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator(3);
        var logSigma = full([4, 3], Math.Log(1e-6), dtype: float32, requires_grad: true);
        var mean = full([4, 3], 7, dtype: float32, requires_grad: true);
        var draw = new Gaussian(mean, logSigma).SampleReparameterized(noise);
        using var again = new Generator(3);
        var eps = Models.Matrix(randn(4, 3, generator: again));

        for (var i = 0; i < 4; i++)
        {
            var expected = ScalarModel.LogNormal(Models.Row(eps, i), [0, 0, 0], [1, 1, 1]) - 3 * Math.Log(1e-6);
            Assert.Equal(expected, draw.LogProb[i].item<float>(), 1e-5 * expected); // float32
        }
        draw.LogProb.sum().backward();
        Assert.All(Models.Matrix(Gradient(logSigma)).Cast<double>(), g => Assert.Equal(-1, g));
        Assert.True(mean.grad is null || Models.Matrix(mean.grad).Cast<double>().All(g => g == 0));
    }

    [Fact]
    public void The_closed_form_kl_is_the_mean_of_the_sampled_one()
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator(5);
        const int Draws = 200_000;
        var q = new Gaussian(full([Draws, 1], 0.7, dtype: float32), full([Draws, 1], -0.4, dtype: float32));
        var (z, logQzx) = q.SampleReparameterized(noise);
        var sampled = logQzx - Gaussian.StandardLogProb(z);
        var expected = 0.5 * (Math.Exp(-0.8) + 0.49 + 0.8 - 1);

        Assert.Equal(expected, q.KlToStandard()[0].item<float>(), 1e-6);
        // 5 standard errors: the s.d. of one term is about 0.7.
        Assert.Equal(expected, sampled.mean().item<float>(), 5 * 0.7 / Math.Sqrt(Draws));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(-20)]
    [InlineData(100)]
    [InlineData(-100)]
    public void A_bernoulli_is_exact_at_saturated_logits(float logit)
    {
        using var scope = NewDisposeScope();
        var logits = tensor(new[] { logit }, [1, 1], requires_grad: true);
        foreach (var x in new[] { 0f, 0.25f, 1f })
        {
            var logProb = new Bernoulli(logits).LogProb(tensor(new[] { x }, [1, 1]));
            logProb.backward();
            var softplus = logit > 0 ? logit + Math.Log(1 + Math.Exp(-logit)) : Math.Log(1 + Math.Exp(logit));

            // libtorch's softplus drops exp(−20) beyond its threshold.
            Assert.Equal(x * logit - softplus, logProb.item<float>(), 1e-5);
            Assert.Equal(x - 1 / (1 + Math.Exp(-logit)), Gradient(logits).item<float>(), 1e-6);
            logits.grad = null;
        }
    }

    [Fact]
    public void The_probabilities_of_all_images_of_three_pixels_add_up_to_one()
    {
        using var scope = NewDisposeScope();
        var p = new Bernoulli(tensor(new float[] { 0.3f, -2, 5 }, [1, 3]));
        var images = Enumerable.Range(0, 8).Select(bits => tensor(new float[] { bits & 1, bits >> 1 & 1, bits >> 2 }, [1, 3]));
        var total = images.Sum(x => Math.Exp(p.LogProb(x).item<float>()));
        Assert.Equal(1, total, 1e-6); // float32, eight terms
    }

    [Fact]
    public void Log_mean_exp_does_not_overflow()
    {
        using var scope = NewDisposeScope();
        var values = tensor(new float[] { 1000, 1000, -1000, 3, 3, 3 }, [2, 3]);
        var means = LogSpace.LogMeanExp(values, 1);
        Assert.Equal(1000 + Math.Log(2.0 / 3), means[0].item<float>(), 1e-4); // float32 near 1000
        Assert.Equal(3, means[1].item<float>(), 1e-6);
    }

    [Fact]
    public void With_the_exact_posterior_of_a_linear_gaussian_model_every_draw_gives_the_evidence()
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator(7);
        const double W = 1.5, S = 0.8; // x = w z + s ε
        var x = linspace(-3, 3, 64).view(64, 1);
        var variance = W * W + S * S;
        var q = new Gaussian(x * (W / variance), full([64, 1], 0.5 * Math.Log(S * S / variance), dtype: float32));
        var (z, logQzx) = q.SampleReparameterized(noise);
        var logW = new Gaussian(z * W, full([64, 1], Math.Log(S), dtype: float32)).LogProb(x) + Gaussian.StandardLogProb(z) - logQzx;

        for (var i = 0; i < 64; i++)
        {
            var xi = x[i, 0].item<float>();
            Assert.Equal(-0.5 * (xi * xi / variance + Math.Log(variance) + LogTwoPi), logW[i].item<float>(), 2e-5); // float32, squares up to 20
        }
    }

    static Tensor Gradient(Tensor tensor) => tensor.grad ?? throw new InvalidOperationException("backward left no gradient");
}
