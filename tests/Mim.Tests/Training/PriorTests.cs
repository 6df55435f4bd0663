using Mim.Models;
using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Oracles: quadrature on a line, moments of mixtures. (The scalar reference is in <see cref="ObjectiveTests"/>.)</summary>
public sealed class PriorTests
{
    const int Components = 5;

    public static TheoryData<PriorName> Names => [.. Enum.GetValues<PriorName>()];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_density_integrates_to_one_and_the_draws_have_its_moments(PriorName name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var model = Create(name, z: 1);
        var (z, density, dz) = Grid(model.prior);
        var mass = density.Sum() * dz;
        Assert.Equal(1, mass, 1e-4); // float32 densities; the grid resolves components of σ ≥ 0.05

        var mean = Sum(z, density, value => value) * dz;
        var variance = Sum(z, density, value => (value - mean) * (value - mean)) * dz;
        var fourth = Sum(z, density, value => Math.Pow(value - mean, 4)) * dz;
        const int Draws = 100_000;
        using var noise = new Generator(5);
        var drawn = Models.Matrix(model.SamplePrior(Draws, noise)).Cast<double>().ToArray();
        // 5 standard errors of mean and variance.
        Assert.Equal(mean, drawn.Average(), 5 * Math.Sqrt(variance / Draws));
        Assert.Equal(variance, drawn.Average(value => (value - mean) * (value - mean)), 5 * Math.Sqrt((fourth - variance * variance) / Draws));
    }

    [Theory]
    [InlineData(PriorName.Standard)]
    [InlineData(PriorName.Gaussian)]
    public void The_closed_form_divergence_is_that_of_quadrature(PriorName name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var model = Create(name, z: 1);
        var q = new Gaussian(full([1, 1], 0.7f), full([1, 1], -0.4f));
        var (z, density, dz) = Grid(model.prior);
        var expected = z.Select((value, i) =>
        {
            var logQ = ScalarModel.LogNormal([value], [0.7], [Math.Exp(-0.4)]);
            return Math.Exp(logQ) * (logQ - Math.Log(Math.Max(density[i], 1e-300))) * dz;
        }).Sum();
        var actual = model.prior.Kl(q) ?? throw new InvalidOperationException("A Gaussian pair has a closed form.");
        Assert.Equal(expected, actual[0].item<double>(), 1e-4); // float32 densities under the quadrature
    }

    [Theory]
    [InlineData(PriorName.Mixture)]
    [InlineData(PriorName.Vamp)]
    public void Without_a_closed_form_the_divergence_is_left_to_the_draws(PriorName name) =>
        Assert.Null(Create(name, z: 1).prior.Kl(new Gaussian(zeros(1, 1), zeros(1, 1))));

    [Fact]
    public void A_draw_of_the_vamp_prior_takes_any_pseudo_input_not_the_first_ones()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var options = Options(PriorName.Vamp, 1);
        var model = Models.Create(options with { Network = options.Network with { Activation = Mim.Training.Activation.Relu } }, 2);
        // Posterior means 0, 100, 200 …: a draw says which component it is from.
        var encoder = model.Encoder();
        foreach (var parameter in encoder.parameters())
        {
            parameter.zero_();
        }
        ((TorchSharp.Modules.Linear)encoder.trunk[0]).weight[0, 0] = 1;
        encoder.mean.weight[0, 0] = 100;
        ((VampPrior)model.prior).pseudo_inputs.copy_(arange(Components).to_type(ScalarType.Float32).view(-1, 1).repeat(1, 2));

        const int Calls = 2000;
        using var noise = new Generator(3);
        var counts = new int[Components];
        for (var call = 0; call < Calls; call++)
        {
            foreach (var value in Models.Matrix(model.SamplePrior(2, noise)))
            {
                counts[(int)Math.Round(value / 100)]++;
            }
        }
        // Binomial, 5 standard errors.
        Assert.All(counts, count => Assert.Equal(2.0 * Calls / Components, count, 5 * Math.Sqrt(2.0 * Calls / Components)));
    }

    // Oracle: the same step with the components encoded anew each time, as autograd differentiates it. float32, sums in another order.
    [Theory]
    [InlineData(ObjectiveName.Mim)]
    [InlineData(ObjectiveName.Vae)]
    [InlineData(ObjectiveName.Ae)] // asks for no density
    public void Shared_components_change_neither_loss_nor_gradient(ObjectiveName name)
    {
        using var scope = NewDisposeScope();
        var options = Options(PriorName.Vamp, 2);
        options = options with { Objective = options.Objective with { Name = name } };
        using var model = Models.Create(options, 2);
        var (expectedLoss, expected) = Step(share: false);
        var (loss, gradients) = Step(share: true);
        Assert.Equal(expectedLoss, loss, 1e-6 * Math.Abs(expectedLoss));
        Models.AssertClose(expected, gradients, 2e-5);
        Assert.Equal(name != ObjectiveName.Ae, gradients["prior.pseudo_inputs"].Cast<double>().Any(g => g != 0));

        (double Loss, Dictionary<string, double[,]> Gradients) Step(bool share)
        {
            using var step = NewDisposeScope();
            using var noise = new Generator(5);
            var objective = Objective.Create(options.Objective);
            var x = randn([6, 2], generator: noise);
            using var shared = share ? model.prior.Share() : SharedPart.Nothing;
            var encoding = objective.Encode(model, x, 1, noise).Loss;
            encoding.backward();
            var total = encoding.item<float>();
            if (objective.HasDecodingHalf)
            {
                var decoding = objective.Decode(model, 6, 1, noise).Loss;
                decoding.backward();
                total += decoding.item<float>();
            }
            shared.Backward();
            return (total, Models.TakeGradients(model));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // the prior of a two-level model hands it on
    public void Shared_components_are_encoded_once_and_only_until_sharing_ends(bool twoLevels)
    {
        using var scope = NewDisposeScope();
        var calls = 0;
        var vamp = new VampPrior(2, Components, 2, bounded: false, fromData: false, u =>
        {
            calls++;
            return new Gaussian(u * 1, u * 0);
        });
        using Prior prior = twoLevels ? new TwoLevelPrior(vamp, 2, 3) : vamp;
        using var noise = new Generator(1);
        var z = zeros(1, twoLevels ? 4 : 2);
        var before = prior.LogProb(z).item<float>();
        using (var shared = prior.Share())
        {
            Assert.Equal(1, calls); // not before somebody asks
            using (NewDisposeScope())
            {
                prior.Sample(3, ScalarType.Float32, CPU, noise);
            }
            prior.LogProb(z + 1).mean().backward();
            Assert.Equal(2, calls);
            Assert.Throws<InvalidOperationException>(prior.Share);
            Assert.True(vamp.pseudo_inputs.grad is null);
            shared.Backward();
            Assert.True(vamp.pseudo_inputs.grad is not null);
        }
        using (no_grad())
        {
            vamp.pseudo_inputs.add_(1);
        }
        Assert.NotEqual(before, prior.LogProb(z).item<float>());
        Assert.Equal(3, calls);
    }

    [Fact]
    public void What_ends_a_step_early_ends_its_sharing()
    {
        using var scope = NewDisposeScope();
        using var prior = new VampPrior(2, Components, 2, bounded: false, fromData: false, u => new Gaussian(u * 1, u * 0));
        Assert.Throws<InvalidOperationException>(FailingStep);
        using var next = prior.Share();
        Assert.True(float.IsFinite(prior.LogProb(zeros(1, 2)).item<float>()));

        void FailingStep()
        {
            using var step = NewDisposeScope();
            using var shared = prior.Share();
            prior.LogProb(zeros(1, 2));
            throw new InvalidOperationException("out of memory");
        }
    }

    [Fact]
    public void Pseudo_inputs_start_at_the_first_training_rows()
    {
        using var scope = NewDisposeScope();
        using var init = new Generator(1);
        var rows = linspace(-1, 1, Components * 2).view(Components, 2);
        var options = Options(PriorName.Vamp, 2) with { Prior = new PriorOptions { Name = PriorName.Vamp, Components = Components } };
        var model = Autoencoder.Create(options, [2], init, count => rows.narrow(0, 0, count));
        Assert.Equal(Models.Matrix(rows), Models.Matrix(((VampPrior)model.prior).pseudo_inputs));

        var images = Autoencoder.Create(options with { Likelihood = Likelihood.Bernoulli }, [2], init, count => rows.abs().narrow(0, 0, count));
        var jitter = Models.Matrix(((VampPrior)images.prior).pseudo_inputs - rows.abs()).Cast<double>().ToArray();
        Assert.All(jitter, value => Assert.InRange(Math.Abs(value), 1e-9, 0.05)); // N(0, 0.01²)
        // What lies outside [0, 1] counts as the nearest bound.
        Assert.All(Models.Matrix(images.prior.LogProb(zeros(1, 2))).Cast<double>(), value => Assert.True(double.IsFinite(value)));

        var fault = Assert.Throws<UsageException>(() => Autoencoder.Create(options, [2], init, _ => rows.narrow(0, 0, 3)));
        Assert.StartsWith("prior.components: expected at most the 3 training rows, found 5.", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_two_levels_the_prior_that_is_named_is_the_upper_one()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        const int Level = 3;
        var options = new TrainingOptions
        {
            Network = new NetworkOptions { Name = Architectures.Hvae, Z = Level, Width = 7 },
            Likelihood = Likelihood.Bernoulli,
            Prior = new PriorOptions { Name = PriorName.Vamp, Components = Components },
        };
        using var init = new Generator(1);
        var images = TwoLevel.Bits(Components, 16, init);
        var model = Autoencoder.Create(options, [4, 4], init, count => images.narrow(0, 0, count));
        var prior = (TwoLevelPrior)model.prior;
        var pseudo = ((VampPrior)prior.upper).pseudo_inputs;
        var z = model.SamplePrior(6, init);

        var (lower, upper) = prior.LogProbByLevel(z);
        var posterior = ((TwoLevelEncoder)model.encoder).Upper(pseudo.clamp(0, 1));
        var (means, sigmas, codes) = (Models.Matrix(posterior.Mean), Models.Matrix(posterior.LogSigma.exp()), Models.Matrix(z));
        for (var i = 0; i < 6; i++)
        {
            var code = Models.Row(codes, i)[Level..];
            var expected = Math.Log(Enumerable.Range(0, Components)
                .Average(k => Math.Exp(ScalarModel.LogNormal(code, Models.Row(means, k), Models.Row(sigmas, k)))));
            Assert.Equal(expected, upper[i].item<float>(), 1e-5 * (1 + Math.Abs(expected))); // float32
            Assert.Equal(lower[i].item<float>() + upper[i].item<float>(), prior.LogProb(z)[i].item<float>(), 1e-5);
        }
        // Jitter of N(0, 0.01²) on the first rows.
        Assert.All(Models.Matrix(pseudo - images).Cast<double>(), value => Assert.InRange(Math.Abs(value), 0, 0.06));
    }

    [Fact]
    public void In_two_dimensions_a_mixture_starts_with_its_components_spread_over_the_unit_disc()
    {
        using var scope = NewDisposeScope();
        const int K = 50;
        var options = Options(PriorName.Mixture, 2);
        var prior = (MixturePrior)Models.Create(options with { Prior = options.Prior with { Components = K } }, 2).prior;
        var points = Models.Matrix(prior.mean);
        var nearest = Enumerable.Range(0, K).Select(i => Enumerable.Range(0, K).Where(j => j != i)
            .Min(j => Math.Sqrt(Math.Pow(points[i, 0] - points[j, 0], 2) + Math.Pow(points[i, 1] - points[j, 1], 2))));
        // Discs of the area π/K cannot be farther apart than in the densest packing, √(2π/(√3·K)); a sunflower comes within 40 %.
        Assert.All(nearest, distance => Assert.InRange(distance * Math.Sqrt(K), 0.6 * Math.Sqrt(2 * Math.PI / Math.Sqrt(3)), Math.Sqrt(2 * Math.PI / Math.Sqrt(3)) * 1.1));
        Assert.All(Enumerable.Range(0, K), i => Assert.True(points[i, 0] * points[i, 0] + points[i, 1] * points[i, 1] <= 1));
    }

    [Theory]
    [InlineData(EncoderMarginal.Prior, 1)]
    [InlineData(EncoderMarginal.Prior, 4)]
    [InlineData(EncoderMarginal.Pseudo, 4)]
    public void A_marginal_of_its_own_integrates_to_one(EncoderMarginal name, int components)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var options = Models.Options(sigmaFloor: 0.05, z: 2, hidden: 4);
        options = options with { Objective = options.Objective with { QX = name, QXComponents = components } };
        var model = Models.Create(options, 1);
        var x = linspace(-12, 12, 12_001).view(-1, 1);
        var qx = model.q_x ?? throw new InvalidOperationException("It has a density.");
        Assert.Equal(1, qx.LogProb(x).exp().sum().item<float>() * 24 / 12_000, 1e-4); // float32 densities
    }

    static (double[] Z, double[] Density, double Dz) Grid(Prior prior)
    {
        const int Points = 24_001;
        const double Reach = 12;
        var z = linspace(-Reach, Reach, Points).view(-1, 1);
        return ([.. Models.Matrix(z).Cast<double>()], [.. Models.Matrix(prior.LogProb(z).exp().view(-1, 1)).Cast<double>()], 2 * Reach / (Points - 1));
    }

    static double Sum(double[] z, double[] density, Func<double, double> f) => z.Zip(density, (value, weight) => f(value) * weight).Sum();

    static TrainingOptions Options(PriorName name, int z) => Models.Options(sigmaFloor: 0.05, z: z, hidden: 4) with
    {
        Prior = new PriorOptions { Name = name, Components = Components, PseudoInit = PseudoInit.Random },
    };

    static Autoencoder Create(PriorName name, int z) => Models.Create(Options(name, z), 2);
}
