using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Oracles: the identities of the objective, a scalar reference in doubles, finite differences, and a model whose posterior is exact.</summary>
public sealed class ObjectiveTests
{
    const int X = 3, B = 6;
    const ulong Seed = 17;

    static readonly ObjectiveName[] s_all = [ObjectiveName.Mim, ObjectiveName.AMim, ObjectiveName.Vae, ObjectiveName.Ae];

    public static TheoryData<ObjectiveName, Likelihood, double> Encodings()
    {
        var data = new TheoryData<ObjectiveName, Likelihood, double>();
        foreach (var name in s_all)
        {
            foreach (var likelihood in new[] { Likelihood.Gaussian, Likelihood.Bernoulli })
            {
                data.Add(name, likelihood, 1);
                data.Add(name, likelihood, 1.0 / 3);
            }
        }
        return data;
    }

    public static TheoryData<DecoderLogQx, int, Likelihood> Decodings() => new()
    {
        { DecoderLogQx.SameZ, 1, Likelihood.Gaussian },
        { DecoderLogQx.FreshZ, 1, Likelihood.Gaussian },
        { DecoderLogQx.FreshZ, 3, Likelihood.Gaussian },
        { DecoderLogQx.SameZ, 1, Likelihood.Bernoulli },
        { DecoderLogQx.FreshZ, 2, Likelihood.Bernoulli },
    };

    [Theory]
    [InlineData(1)]
    [InlineData(0.5)]
    public void The_encoding_half_of_mim_is_the_decoding_joint_in_value_and_gradient(double beta)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options();
        var model = Models.Create(options, X);
        var objective = Objective.Create(options.Objective);

        var half = Encode(objective, model, Data(), beta);
        half.Loss.backward();
        var gradients = Models.TakeGradients(model);
        var again = Encode(objective, model, Data(), beta);
        var joint = (again.LogPxz + again.LogPz).mean() * (-(1 + beta) / 2);
        joint.backward();

        Assert.Equal(joint.item<float>(), half.Loss.item<float>(), 1e-5); // float32, another order of sums
        Models.AssertClose(Models.TakeGradients(model), gradients, 2e-5);
    }

    [Fact]
    public void The_decoding_half_with_the_same_z_counts_the_likelihood_twice()
    {
        using var scope = NewDisposeScope();
        var options = Models.Options();
        var model = Models.Create(options, X);
        var objective = Objective.Create(options.Objective);

        var half = Decode(objective, model);
        half.Loss.backward();
        var gradients = Models.TakeGradients(model);
        var again = Decode(objective, model);
        var identity = (again.LogPxz * 2 + again.LogPz + again.LogQzx).mean() * -0.5;
        identity.backward();

        Assert.Equal(identity.item<float>(), half.Loss.item<float>(), 1e-5); // float32, another order of sums
        Models.AssertClose(Models.TakeGradients(model), gradients, 2e-5);
    }

    [Theory]
    [InlineData(ObjectiveName.Mim, true)]
    [InlineData(ObjectiveName.AMim, false)]
    [InlineData(ObjectiveName.Vae, false)]
    [InlineData(ObjectiveName.Ae, false)]
    public void Only_mim_has_a_decoding_half(ObjectiveName name, bool expected) =>
        Assert.Equal(expected, Objective.Create(new ObjectiveOptions { Name = name }).HasDecodingHalf);

    [Theory]
    [MemberData(nameof(Encodings))]
    public void An_encoding_half_equals_the_scalar_reference(ObjectiveName name, Likelihood likelihood, double beta)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Mim, likelihood); // a stochastic encoder for all: the delta encoder has a test of its own
        var model = Models.Create(options, X);
        var half = Encode(Objective.Create(new ObjectiveOptions { Name = name }), model, Data(likelihood), beta);

        var expected = ScalarEncode(new ScalarModel(model, options), name, likelihood, Models.Matrix(Data(likelihood)), Noise(B, 2), beta);
        Assert.Equal(expected, half.Loss.item<float>(), 1e-5 * (1 + Math.Abs(expected))); // float32, sums of a dozen terms
    }

    [Theory]
    [MemberData(nameof(Decodings))]
    public void The_decoding_half_equals_the_scalar_reference(DecoderLogQx logQx, int samples, Likelihood likelihood)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Mim, likelihood, logQx, samples);
        var model = Models.Create(options, X);
        var half = Decode(Objective.Create(options.Objective), model);

        var expected = ScalarDecode(new ScalarModel(model, options), logQx, samples, likelihood).Average();
        Assert.Equal(expected, half.Loss.item<float>(), 2e-5 * (1 + Math.Abs(expected))); // float32, x passes through two networks
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void The_gradient_of_an_encoding_half_is_that_of_finite_differences(ObjectiveName name, Likelihood likelihood, double beta)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Mim, likelihood);
        var model = Models.Create(options, X);
        Encode(Objective.Create(new ObjectiveOptions { Name = name }), model, Data(likelihood), beta).Loss.backward();

        var x = Models.Matrix(Data(likelihood));
        var eps = Noise(B, 2);
        AssertGradient(model, options, scalar => ScalarEncode(scalar, name, likelihood, x, eps, beta));
    }

    [Theory]
    [InlineData(DecoderLogQx.SameZ, 1)]
    [InlineData(DecoderLogQx.FreshZ, 1)]
    [InlineData(DecoderLogQx.FreshZ, 3)]
    public void The_gradient_of_the_decoding_half_flows_through_x_into_the_decoder(DecoderLogQx logQx, int samples)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Mim, Likelihood.Gaussian, logQx, samples);
        var model = Models.Create(options, X);
        Decode(Objective.Create(options.Objective), model).Loss.backward();

        AssertGradient(model, options, scalar => ScalarDecode(scalar, logQx, samples, Likelihood.Gaussian).Average());
    }

    [Theory]
    [InlineData(DecoderLogQx.SameZ, 1)]
    [InlineData(DecoderLogQx.FreshZ, 2)]
    public void A_bernoulli_decoding_half_keeps_the_mean_image_fixed_and_has_no_gradient_through_it(DecoderLogQx logQx, int samples)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Mim, Likelihood.Bernoulli, logQx, samples);
        var model = Models.Create(options, X);
        Decode(Objective.Create(options.Objective), model).Loss.backward();

        var start = new ScalarModel(model, options);
        var z = DecoderNoise(samples).Z;
        double[][] images = [.. Enumerable.Range(0, B).Select(i => start.Logits(Models.Row(z, i)).Select(Sigmoid).ToArray())];
        // The reference adds loss·∇log p(image|z) for each row. It is zero where the image is the mean, so with it and without it the gradient is the same.
        var losses = ScalarDecode(start, logQx, samples, Likelihood.Bernoulli, images);
        AssertGradient(model, options, scalar => ScalarDecode(scalar, logQx, samples, Likelihood.Bernoulli, images)
            .Select((loss, i) => loss + losses[i] * ScalarModel.LogBernoulli(images[i], scalar.Logits(Models.Row(z, i)))).Average(), clear: false);
        AssertGradient(model, options, scalar => ScalarDecode(scalar, logQx, samples, Likelihood.Bernoulli, images).Average());
    }

    [Fact]
    public void The_loss_of_the_ae_sees_a_delta_encoder()
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Ae, sigmaFloor: 1e-6);
        var model = Models.Create(options, X);
        var half = Encode(Objective.Create(options.Objective), model, Data(), 1);
        var exact = model.decoder.call(model.encoder.call(Data()).Mean).LogProb(Data());

        Assert.Null(model.Encoder().log_sigma);
        Assert.All(Models.Matrix(model.Encoder().forward(Data()).LogSigma).Cast<double>(), s => Assert.Equal(Math.Log(1e-6), s, 1e-6));
        // z moves by 1e-6, log p(x|z) by that times slopes of a few hundred.
        Assert.Equal(-exact.mean().item<float>(), half.Loss.item<float>(), 1e-3);
        half.Loss.backward();
        Assert.Contains(Models.TakeGradients(model)["encoder.mean.weight"].Cast<double>(), g => Math.Abs(g) > 1e-3);
    }

    [Fact]
    public void With_the_exact_posterior_elbo_and_both_estimates_of_log_qx_are_the_evidence_for_every_row()
    {
        using var scope = NewDisposeScope();
        const double W = 1.5, S = 0.8, Variance = W * W + S * S;
        var options = Models.Options(logQx: DecoderLogQx.FreshZ, sigmaFloor: 1e-6, activation: Activation.Relu, z: 1, hidden: 2);
        var model = Linear(options, W / Variance, Math.Sqrt(S * S / Variance), W, S);
        var x = linspace(-3, 3, 32).view(32, 1);
        double Evidence(double xi) => -0.5 * (xi * xi / Variance + Math.Log(2 * Math.PI * Variance));

        using var noise = new Generator(Seed);
        var vae = Objective.Create(new ObjectiveOptions { Name = ObjectiveName.Vae }).Encode(model, x, 1, noise);
        var mim = Objective.Create(options.Objective);
        var encoding = mim.Encode(model, x, 1, noise);
        using var prior = new Generator(Seed);
        var decoding = mim.Decode(model, 32, 1, prior);
        using var again = new Generator(Seed);
        var z = Models.Matrix(randn(32, 1, generator: again));
        var eps = Models.Matrix(randn(32, 1, generator: again));

        Assert.Equal(-Enumerable.Range(0, 32).Average(i => Evidence(x[i, 0].item<float>())), vae.Loss.item<float>(), 1e-5);
        for (var i = 0; i < 32; i++)
        {
            Assert.Equal(Evidence(x[i, 0].item<float>()), LogQx(encoding)[i].item<float>(), 5e-5); // float32, squares up to 20 cancel
            Assert.Equal(Evidence(W * z[i, 0] + S * eps[i, 0]), LogQx(decoding)[i].item<float>(), 5e-5);
        }
    }

    static Tensor LogQx(HalfEstimate half) => half.LogQx ?? throw new InvalidOperationException("MIM has a q(x)");

    /// <summary>x → a x and z → w z by a pair of rectifiers: h = (max(0, t), max(0, −t)), t = h₀ − h₁.</summary>
    static Autoencoder Linear(TrainingOptions options, double a, double sigmaZ, double w, double sigmaX)
    {
        var model = Models.Create(options, 1);
        using var _ = no_grad();
        void Set(Tensor parameter, params float[] values) => parameter.copy_(tensor(values).view(parameter.shape));
        foreach (var (trunk, mean, logSigma, slope, sigma) in new[]
        {
            (model.Encoder().trunk, model.Encoder().mean, model.Encoder().log_sigma, a, sigmaZ),
            (model.Decoder().trunk, model.Decoder().mean, model.Decoder().log_sigma, w, sigmaX),
        })
        {
            foreach (var (name, parameter) in trunk.named_parameters())
            {
                Set(parameter, name.EndsWith("weight", StringComparison.Ordinal) ? [1, -1] : [0, 0]);
            }
            Assert.NotNull(mean);
            Assert.NotNull(logSigma);
            Set(mean.weight, (float)slope, -(float)slope);
            Set(logSigma.weight, 0, 0);
            foreach (var (head, bias) in new[] { (mean, 0f), (logSigma, (float)Math.Log(sigma - options.Network.SigmaFloor)) })
            {
                Assert.NotNull(head.bias);
                Set(head.bias, bias);
            }
        }
        return model;
    }

    static Tensor Data(Likelihood likelihood = Likelihood.Gaussian)
    {
        var x = linspace(-1.3, 1.9, B * X).view(B, X);
        return likelihood == Likelihood.Bernoulli ? (x > 0).to(ScalarType.Float32) : x;
    }

    static HalfEstimate Encode(Objective objective, Autoencoder model, Tensor x, double beta)
    {
        using var noise = new Generator(Seed);
        return objective.Encode(model, x, beta, noise);
    }

    static HalfEstimate Decode(Objective objective, Autoencoder model)
    {
        using var noise = new Generator(Seed);
        return objective.Decode(model, B, 1, noise);
    }

    /// <summary>The first draw of a generator with the tests' seed.</summary>
    static double[,] Noise(int rows, int columns)
    {
        using var noise = new Generator(Seed);
        return Models.Matrix(randn(rows, columns, generator: noise));
    }

    /// <summary>The draws of a decoding half, in its order: z, ε of x (Gaussian likelihood only), ε of z'.</summary>
    static (double[,] Z, double[,] EpsX, double[,] EpsZ) DecoderNoise(int samples, Likelihood likelihood = Likelihood.Bernoulli)
    {
        using var noise = new Generator(Seed);
        var z = Models.Matrix(randn(B, 2, generator: noise));
        var epsX = likelihood == Likelihood.Gaussian ? Models.Matrix(randn(B, X, generator: noise)) : new double[B, X];
        return (z, epsX, Models.Matrix(randn(samples * B, 2, generator: noise)));
    }

    static double ScalarEncode(ScalarModel model, ObjectiveName name, Likelihood likelihood, double[,] x, double[,] eps, double beta) =>
        Enumerable.Range(0, B).Average(i =>
        {
            var xi = Models.Row(x, i);
            var q = model.Encode(xi);
            var z = ScalarModel.Sample(q, Models.Row(eps, i));
            var logPxz = LogPxz(model, likelihood, xi, z);
            var logPz = ScalarModel.LogStandardNormal(z);
            var logQzx = ScalarModel.LogNormal(z, q.Mean, q.Sigma);
            return name switch
            {
                ObjectiveName.Vae => -logPxz + beta * (logQzx - logPz),
                ObjectiveName.Ae => -logPxz,
                _ => -0.5 * (logPxz + logPz + beta * (logQzx + (logPxz + logPz - logQzx))),
            };
        });

    static double[] ScalarDecode(ScalarModel model, DecoderLogQx logQx, int samples, Likelihood likelihood, double[][]? images = null)
    {
        var (z, epsX, epsZ) = DecoderNoise(samples, likelihood);
        return [.. Enumerable.Range(0, B).Select(i =>
        {
            var zi = Models.Row(z, i);
            var x = images?[i] ?? (likelihood == Likelihood.Gaussian
                ? ScalarModel.Sample(model.Decode(zi), Models.Row(epsX, i))
                : [.. model.Logits(zi).Select(Sigmoid)]);
            var q = model.Encode(x);
            var logPxz = LogPxz(model, likelihood, x, zi);
            var weights = Enumerable.Range(0, samples).Select(s =>
            {
                var fresh = ScalarModel.Sample(q, Models.Row(epsZ, s * B + i));
                return Math.Exp(LogPxz(model, likelihood, x, fresh) + ScalarModel.LogStandardNormal(fresh)
                    - ScalarModel.LogNormal(fresh, q.Mean, q.Sigma));
            });
            var logQxi = logQx == DecoderLogQx.SameZ ? logPxz : Math.Log(weights.Average());
            return -0.5 * (logPxz + ScalarModel.LogStandardNormal(zi) + ScalarModel.LogNormal(zi, q.Mean, q.Sigma) + logQxi);
        })];
    }

    static double LogPxz(ScalarModel model, Likelihood likelihood, double[] x, double[] z) => likelihood == Likelihood.Bernoulli
        ? ScalarModel.LogBernoulli(x, model.Logits(z))
        : ScalarModel.LogNormal(x, model.Decode(z).Mean, model.Decode(z).Sigma);

    static double Sigmoid(double logit) => 1 / (1 + Math.Exp(-logit));

    /// <summary>Central differences of the scalar reference in doubles, exact to 1e-8; autograd computes in float32.</summary>
    static void AssertGradient(Autoencoder model, TrainingOptions options, Func<ScalarModel, double> loss, bool clear = true)
    {
        const double H = 1e-5;
        var actual = Models.TakeGradients(model, clear);
        var scalar = new ScalarModel(model, options);
        var expected = new Dictionary<string, double[,]>();
        foreach (var (name, gradient) in actual)
        {
            var differences = new double[gradient.GetLength(0), gradient.GetLength(1)];
            for (var i = 0; i < differences.GetLength(0); i++)
            {
                for (var j = 0; j < differences.GetLength(1); j++)
                {
                    ref var weight = ref scalar[name, i, j];
                    var at = weight;
                    weight = at + H;
                    var up = loss(scalar);
                    weight = at - H;
                    differences[i, j] = (up - loss(scalar)) / (2 * H);
                    weight = at;
                }
            }
            expected.Add(name, differences);
        }
        Models.AssertClose(expected, actual, 1e-4);
    }
}
