using Mim.Models;
using Mim.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

public sealed class TwoLevelTests
{
    static readonly long[] s_small = [6, 5];

    /// <summary>Oracle: the counts of the reference's layers, summed by hand from their sizes (28×28 images, 40 + 40 dimensions, width 300).</summary>
    [Theory]
    [InlineData(Architectures.Hvae, 2_431_024)]
    [InlineData(Architectures.ConvHvae, 2_210_861)]
    [InlineData(Architectures.PixelHvae, 1_385_821)]
    public void The_networks_have_as_many_weights_as_the_reference(string name, long expected)
    {
        using var scope = NewDisposeScope();
        using var model = TwoLevel.Create(name, [28, 28]);
        Assert.Equal(expected, model.parameters().Sum(p => p.numel()));
        Assert.Equal(80, model.ZDim);
    }

    [Theory]
    [InlineData(Architectures.ConvHvae, 228_604 + 538_496, 229_280, 1_214_481)]
    [InlineData(Architectures.PixelHvae, 228_604 + 538_496, 229_280, 1_385_821 - 996_380)]
    public void So_has_each_of_them(string name, long encoder, long prior, long decoder)
    {
        using var scope = NewDisposeScope();
        using var model = TwoLevel.Create(name, [28, 28]);
        nn.Module[] networks = [model.encoder, model.prior, model.decoder];
        Assert.Equal([encoder, prior, decoder], networks.Select(network => network.parameters().Sum(p => p.numel())));
    }

    public static TheoryData<string, Likelihood> Kinds => new()
    {
        { Architectures.Hvae, Likelihood.Bernoulli },
        { Architectures.Hvae, Likelihood.Gaussian },
        { Architectures.ConvHvae, Likelihood.Bernoulli },
        { Architectures.ConvHvae, Likelihood.Gaussian },
        { Architectures.PixelHvae, Likelihood.Bernoulli },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Images_of_any_size_go_through_with_gradient_to_every_weight(string name, Likelihood likelihood)
    {
        using var scope = NewDisposeScope();
        using var model = TwoLevel.Create(name, s_small, z: 3, width: 7, likelihood);
        using var noise = new Generator(4);
        var x = TwoLevel.Bits(4, 30, noise);
        model.train();
        var (z, logQzx) = model.encoder.call(x).SampleReparameterized(noise);
        var p = model.decoder.call(z);
        var logPxz = p.LogProb(x);
        Assert.Equal([4, 6], z.shape);
        Assert.Equal([4], logPxz.shape);
        (logPxz + model.prior.LogProb(z) - logQzx).mean().backward();
        Assert.All(model.named_parameters(), entry => Assert.True(entry.Item2.grad is not null, entry.Item1));
        model.eval();
        Assert.Equal([4, 30], p.Mean.shape);
        Assert.Equal([4, 30], p.Sample(noise).shape);
        if (likelihood == Likelihood.Gaussian)
        {
            Assert.InRange(p.Mean.min().item<float>(), 1f / 512, p.Mean.max().item<float>());
            Assert.InRange(p.Mean.max().item<float>(), 0, 1 - 1f / 512);
            Assert.InRange(((Gaussian)p).LogVar.max().item<float>(), -4.5f, 0);
        }
    }

    // Oracle: the same layers in the engine's usual order of axes. float32, 9·3 terms.
    [Fact]
    public void Images_with_their_channels_side_by_side_have_the_same_values_and_gradients()
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator(2);
        using var image = new AsImage(6, 5);
        using var first = Gated.Conv2d(1, 3, 3, 1, 1);
        using var second = Gated.Conv2d(3, 2, 3, 2, 1);
        using var masked = new MaskedConv2d(PixelMask.UpTo, 3, 2);
        using (no_grad())
        {
            masked.weight.normal_(0, 1, noise);
        }
        var x = randn([4, 30], generator: noise, requires_grad: true);

        var h = first.call(image.call(x));
        Assert.Equal(1, h.stride(1));
        var value = second.call(h).square().sum() + masked.call(h).square().sum();
        value.backward();
        var gradients = Gradients(Take(masked.weight));

        h = Usual(first, x.view(4, 1, 6, 5));
        Assert.Equal(1, h.stride(3));
        var mask = tensor([1f, 1, 1, 1, 1, 0, 0, 0, 0], [1, 1, 3, 3]);
        var kernel = (masked.weight.detach() * mask).requires_grad_();
        var expected = Usual(second, h).square().sum() + nn.functional.conv2d(h, kernel, padding: [1, 1]).square().sum();
        expected.backward();
        Assert.Equal(expected.item<float>(), value.item<float>(), 1e-5 * expected.item<float>());
        Models.AssertClose(Gradients(Take(kernel) * mask), gradients, 1e-4);

        Dictionary<string, double[,]> Gradients(Tensor ofKernel) => new(
        [
            .. Models.TakeGradients(first).Select(g => KeyValuePair.Create($"first {g.Key}", g.Value)),
            .. Models.TakeGradients(second).Select(g => KeyValuePair.Create($"second {g.Key}", g.Value)),
            KeyValuePair.Create("masked", Models.Matrix(ofKernel)), KeyValuePair.Create("x", Models.Matrix(Take(x))),
        ]);

        static Tensor Usual(Sequential layer, Tensor input)
        {
            var convolution = (Conv2d)layer[0];
            return nn.functional.glu(nn.functional.conv2d(input, convolution.weight, convolution.bias, convolution.stride, padding: [1, 1]), 1);
        }

        static Tensor Take(Tensor tensor)
        {
            var gradient = (tensor.grad ?? throw new InvalidOperationException("It is a leaf.")).clone();
            tensor.grad = null;
            return gradient;
        }
    }

    [Fact]
    public void Without_gradient_images_keep_the_usual_order()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Assert.Equal([30, 30, 5, 1], Gated.Conv2d(1, 3, 3, 1, 1).call(new AsImage(6, 5).call(zeros(4, 30))).stride().Select((s, i) => i == 0 ? s / 3 : s));
    }

    [Fact]
    public void The_density_of_a_code_is_that_of_its_upper_level_times_that_of_the_lower_one_given_it()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TwoLevel.Create(Architectures.Hvae, s_small, z: 3, width: 7);
        using var noise = new Generator(5);
        var x = TwoLevel.Bits(6, 30, noise);
        var z = randn([6, 6], generator: noise);
        var reference = new ScalarHvae(model);
        var (logQzx, logPz) = (Models.Matrix(model.encoder.call(x).LogProb(z)), Models.Matrix(model.prior.LogProb(z)));
        var (xs, zs) = (Models.Matrix(x), Models.Matrix(z));
        for (var row = 0; row < 6; row++)
        {
            var code = Models.Row(zs, row);
            // Oracle: loops over doubles, from the checkpoint's weights; float32 through sums of 30 terms.
            Assert.Equal(reference.LogQzx(Models.Row(xs, row), code), logQzx[row, 0], 1e-4);
            Assert.Equal(reference.LogPz(code), logPz[row, 0], 1e-4);
        }
    }

    [Theory]
    [InlineData(Architectures.Hvae)]
    [InlineData(Architectures.ConvHvae)]
    public void A_draw_brings_its_own_log_density(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TwoLevel.Create(name, s_small, z: 3, width: 7);
        using var noise = new Generator(6);
        var posterior = model.encoder.call(TwoLevel.Bits(5, 30, noise)).Repeat(3);
        var (z, logQzx) = posterior.SampleReparameterized(noise);
        Assert.Equal([15, 6], z.shape);
        // Oracle: the density that is asked for afterwards. float32; (z − mean)/σ cancels up to 2 digits.
        Assert.All(Models.Matrix(logQzx - posterior.LogProb(z)).Cast<double>(), difference => Assert.Equal(0, difference, 1e-4));
    }

    [Fact]
    public void The_upper_level_stands_second_and_the_lower_level_is_at_its_mean()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TwoLevel.Create(Architectures.Hvae, s_small, z: 3, width: 7);
        using var noise = new Generator(7);
        var x = TwoLevel.Bits(4, 30, noise);
        var posterior = model.encoder.call(x);
        var upper = ((TwoLevelEncoder)model.encoder).Upper(x);
        Assert.Equal(0, (posterior.Mean.narrow(1, 3, 3) - upper.Mean).abs().max().item<float>());
        Assert.Equal(0, (posterior.LogVar.narrow(1, 3, 3) - upper.LogVar).abs().max().item<float>());
        // With z₂ at its mean the posterior's density of z₁ is highest at z₁'s mean: any step lowers it.
        var mean = posterior.Mean;
        var step = zeros_like(mean);
        step.narrow(1, 0, 3).fill_(0.1);
        Assert.True((posterior.LogProb(mean) - posterior.LogProb(mean + step)).min().item<float>() > 0);
        Assert.True((posterior.LogProb(mean) - posterior.LogProb(mean - step)).min().item<float>() > 0);
    }

    [Fact]
    public void A_draw_of_the_prior_has_the_moments_that_its_density_says()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TwoLevel.Create(Architectures.Hvae, s_small, z: 2, width: 4);
        using var noise = new Generator(8);
        const int Draws = 20_000;
        var z = model.SamplePrior(Draws, noise);
        var upper = z.narrow(1, 2, 2);
        var narrow = new Gaussian(zeros_like(upper), full_like(upper, Math.Log(0.5)));
        // Oracle: E_p[p'(z₂)/p(z₂)] = 1 for any p', here N(0, ¼). Var = (4/√7)² − 1 = 1.29: four standard errors are 0.032.
        Assert.Equal(1, (narrow.LogProb(upper) - Gaussian.StandardLogProb(upper)).exp().mean().item<float>(), 0.032);
        var prior = (TwoLevelPrior)model.prior;
        var logVar = prior.z1.Distribution(prior.trunk.call(upper)).LogVar;
        // Oracle: −E log p(z₁|z₂) is the entropy Σ ½ (1 + ln 2π + log σ²); −log p of a draw has the variance D/2 = 1: four standard errors are 0.029.
        var entropy = 1 + Math.Log(2 * Math.PI) + 0.5 * logVar.sum(-1).mean().item<float>();
        Assert.Equal(entropy, -prior.LogProbByLevel(z).Lower.mean().item<float>(), 0.029);
    }

    [Fact]
    public void Weights_are_drawn_as_the_reference_draws_them()
    {
        using var scope = NewDisposeScope();
        using var model = TwoLevel.Create(Architectures.ConvHvae, [28, 28]);
        foreach (var (name, module) in model.named_modules())
        {
            switch (module)
            {
                case TorchSharp.Modules.Linear { weight: var weight } when weight.numel() > 10_000:
                    // Oracle: N(0, 2/fan_in); the deviation of 10⁴ draws or more is known to 0.7 %: four standard errors.
                    Assert.Equal(1, weight.std().item<float>() / Math.Sqrt(2.0 / weight.shape[1]), 0.03);
                    break;
                case TorchSharp.Modules.Conv2d { weight: var weight } when weight.numel() > 10_000:
                    var bound = 1 / Math.Sqrt(weight.numel() / weight.shape[0]);
                    Assert.InRange(weight.abs().max().item<float>(), bound * 0.999, bound);
                    Assert.Equal(1, weight.std().item<float>() / (bound / Math.Sqrt(3)), 0.03);
                    break;
            }
        }
    }

    [Theory]
    [InlineData(BernoulliGradient.MeanImage)]
    [InlineData(BernoulliGradient.ScoreFunction)]
    public void A_pixel_network_has_no_gradient_for_a_decoding_half(BernoulliGradient gradient)
    {
        var options = new TrainingOptions
        {
            Network = new NetworkOptions { Name = Architectures.PixelHvae },
            Likelihood = Likelihood.Bernoulli,
            Objective = new ObjectiveOptions { BernoulliGradient = gradient },
        };
        using var init = new Generator(1);
        var e = Assert.Throws<UsageException>(() => Autoencoder.Create(options, [4, 4], init));
        Assert.Contains("Use 'objective.name: a_mim'", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Architectures.PixelHvae, Likelihood.Gaussian, "bernoulli", 28, 28)]
    [InlineData(Architectures.ConvHvae, Likelihood.Bernoulli, "one channel", 3, 28, 28)]
    [InlineData(Architectures.PixelHvae, Likelihood.Bernoulli, "one channel", 784)]
    public void What_a_network_cannot_model_is_refused_by_name(string name, Likelihood likelihood, string hint, params int[] shape)
    {
        var e = Assert.Throws<UsageException>(() => TwoLevel.Create(name, [.. shape.Select(size => (long)size)], likelihood: likelihood));
        Assert.StartsWith("network.name", e.Message, StringComparison.Ordinal);
        Assert.Contains(hint, e.Message, StringComparison.Ordinal);
    }
}

/// <summary>The HVAE's encoder and prior again, with loops over doubles.</summary>
sealed class ScalarHvae
{
    readonly Dictionary<string, double[,]> _weights;

    public ScalarHvae(Autoencoder model) => _weights = model.named_parameters().ToDictionary(p => p.name, p => Models.Matrix(p.parameter));

    public double LogQzx(double[] x, double[] z)
    {
        var (lower, upper) = Levels(z);
        var logQz2 = LogNormal("encoder.z2", upper, Gated("encoder.z2_x.1", Gated("encoder.z2_x.0", x)));
        double[] joint = [.. Gated("encoder.z1_x", x), .. Gated("encoder.z1_z2", upper)];
        return logQz2 + LogNormal("encoder.z1", lower, Gated("encoder.z1_joint", joint));
    }

    public double LogPz(double[] z)
    {
        var (lower, upper) = Levels(z);
        return ScalarModel.LogStandardNormal(upper) + LogNormal("prior.z1", lower, Gated("prior.trunk.1", Gated("prior.trunk.0", upper)));
    }

    static (double[] Lower, double[] Upper) Levels(double[] z) => (z[..(z.Length / 2)], z[(z.Length / 2)..]);

    double LogNormal(string name, double[] z, double[] h) => ScalarModel.LogNormal(
        z, Linear($"{name}.mean", h), [.. Linear($"{name}.log_var.0", h).Select(s => Math.Exp(Math.Clamp(s, -6, 2) / 2))]);

    double[] Gated(string name, double[] x)
    {
        var both = Linear($"{name}.0", x);
        var half = both.Length / 2;
        return [.. Enumerable.Range(0, half).Select(i => both[i] / (1 + Math.Exp(-both[half + i])))];
    }

    double[] Linear(string name, double[] x)
    {
        var (weight, bias) = (_weights[$"{name}.weight"], _weights[$"{name}.bias"]);
        return [.. Enumerable.Range(0, bias.GetLength(0)).Select(i => bias[i, 0] + x.Select((value, j) => value * weight[i, j]).Sum())];
    }
}
