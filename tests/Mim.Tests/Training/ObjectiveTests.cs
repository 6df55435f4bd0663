using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

/// <summary>Oracles: the identities of the objective, a scalar reference in doubles, finite differences, and a model whose posterior is exact.</summary>
public sealed class ObjectiveTests
{
    const int X = 3, B = 6;
    const ulong Seed = 17;

    static readonly ObjectiveName[] s_encoding =
    [
        ObjectiveName.Mim, ObjectiveName.AMim, ObjectiveName.AMimImage, ObjectiveName.AMimSentence, ObjectiveName.Vae, ObjectiveName.VaePlusH,
        ObjectiveName.Ae, ObjectiveName.CMim,
    ];

    public static TheoryData<ObjectiveName, Likelihood, double> Encodings()
    {
        var data = new TheoryData<ObjectiveName, Likelihood, double>();
        foreach (var name in s_encoding)
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
    [InlineData(ObjectiveName.Mim, true, true)]
    [InlineData(ObjectiveName.MimMinusH, false, true)]
    [InlineData(ObjectiveName.AMim, true, false)]
    [InlineData(ObjectiveName.AMimImage, true, false)]
    [InlineData(ObjectiveName.AMimSentence, true, false)]
    [InlineData(ObjectiveName.Vae, true, false)]
    [InlineData(ObjectiveName.VaePlusH, true, false)]
    [InlineData(ObjectiveName.Ae, true, false)]
    [InlineData(ObjectiveName.CMim, true, false)]
    public void Each_objective_has_its_halves(ObjectiveName name, bool encoding, bool decoding)
    {
        var objective = Objective.Create(new ObjectiveOptions { Name = name });
        Assert.Equal((encoding, decoding), (objective.HasEncodingHalf, objective.HasDecodingHalf));
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void An_encoding_half_equals_the_scalar_reference(ObjectiveName name, Likelihood likelihood, double beta)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Mim, likelihood); // a stochastic encoder for all: the delta encoder has a test of its own
        var model = Models.Create(options, X);
        var half = Encode(Objective.Create(new ObjectiveOptions { Name = name }), model, Data(likelihood), beta);

        var expected = ScalarEncode(new ScalarModel(model, options), name, options, Models.Matrix(Data(likelihood)), Noise(B, 2), beta);
        Assert.Equal(expected, half.Loss.item<float>(), 1e-5 * (1 + Math.Abs(expected))); // float32, sums of a dozen terms; cosines are divided by 0.1
    }

    [Theory]
    [MemberData(nameof(Decodings))]
    public void The_decoding_half_equals_the_scalar_reference(DecoderLogQx logQx, int samples, Likelihood likelihood)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.Mim, likelihood, logQx, samples);
        var model = Models.Create(options, X);
        var half = Decode(Objective.Create(options.Objective), model);

        var expected = ScalarDecode(new ScalarModel(model, options), options).Average();
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
        AssertGradient(model, options, scalar => ScalarEncode(scalar, name, options, x, eps, beta));
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

        AssertGradient(model, options, scalar => ScalarDecode(scalar, options).Average());
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
        var z = DecoderNoise(options).EpsPrior;
        double[][] images = [.. Enumerable.Range(0, B).Select(i => start.Logits(Models.Row(z, i)).Select(Sigmoid).ToArray())];
        // The reference adds loss·∇log p(image|z) for each row. It is zero where the image is the mean, so with it and without it the gradient is the same.
        var losses = ScalarDecode(start, options, images);
        AssertGradient(model, options, scalar => ScalarDecode(scalar, options, images)
            .Select((loss, i) => loss + losses[i] * ScalarModel.LogBernoulli(images[i], scalar.Logits(Models.Row(z, i)))).Average(), clear: false);
        AssertGradient(model, options, scalar => ScalarDecode(scalar, options, images).Average());
    }

    public static TheoryData<ObjectiveName, PriorName, EncoderMarginal, DecoderLogQx> Densities()
    {
        var data = new TheoryData<ObjectiveName, PriorName, EncoderMarginal, DecoderLogQx>();
        foreach (var prior in Enum.GetValues<PriorName>())
        {
            data.Add(ObjectiveName.Mim, prior, EncoderMarginal.Marginal, DecoderLogQx.SameZ);
            data.Add(ObjectiveName.Mim, prior, EncoderMarginal.Marginal, DecoderLogQx.FreshZ);
            data.Add(ObjectiveName.MimMinusH, prior, EncoderMarginal.Marginal, DecoderLogQx.SameZ);
            data.Add(ObjectiveName.VaePlusH, prior, EncoderMarginal.Marginal, DecoderLogQx.SameZ);
        }
        foreach (var qx in new[] { EncoderMarginal.Prior, EncoderMarginal.Pseudo })
        {
            data.Add(ObjectiveName.Mim, PriorName.Standard, qx, DecoderLogQx.SameZ);
            data.Add(ObjectiveName.VaePlusH, PriorName.Vamp, qx, DecoderLogQx.SameZ);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Densities))]
    public void Every_prior_and_marginal_enters_both_halves_as_the_scalar_reference_says(
        ObjectiveName name, PriorName prior, EncoderMarginal qx, DecoderLogQx logQx)
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(name, logQx: logQx);
        options = options with
        {
            Prior = new PriorOptions { Name = prior, Components = 3, PseudoInit = PseudoInit.Random },
            Objective = options.Objective with { QX = qx, QXComponents = 4 },
        };
        var model = Models.Create(options, X);
        var objective = Objective.Create(options.Objective);
        if (objective.HasEncodingHalf)
        {
            var half = Encode(objective, model, Data(), 0.5);
            half.Loss.backward();
            var (x, eps) = (Models.Matrix(Data()), Noise(B, 2));
            var expected = ScalarEncode(new ScalarModel(model, options), name, options, x, eps, 0.5);
            Assert.Equal(expected, half.Loss.item<float>(), 1e-5 * (1 + Math.Abs(expected))); // float32, sums of a dozen terms
            AssertGradient(model, options, scalar => ScalarEncode(scalar, name, options, x, eps, 0.5));
        }
        if (objective.HasDecodingHalf)
        {
            var half = Decode(objective, model);
            half.Loss.backward();
            var expected = ScalarDecode(new ScalarModel(model, options), options).Average();
            Assert.Equal(expected, half.Loss.item<float>(), 2e-5 * (1 + Math.Abs(expected))); // float32, x passes through two networks
            AssertGradient(model, options, scalar => ScalarDecode(scalar, options).Average());
        }
    }

    [Fact]
    public void The_sentence_form_is_the_toy_form_with_the_marginal_prior()
    {
        using var scope = NewDisposeScope();
        var options = Models.Options() with { Prior = new PriorOptions { Name = PriorName.Marginal } };
        var model = Models.Create(options, X);
        var toy = Encode(Objective.Create(new ObjectiveOptions { Name = ObjectiveName.AMim }), model, Data(), 1);
        var sentence = Encode(Objective.Create(new ObjectiveOptions { Name = ObjectiveName.AMimSentence }), model, Data(), 1);
        Assert.Equal(toy.Loss.item<float>(), sentence.Loss.item<float>(), 1e-5); // float32, another order of sums
    }

    [Fact]
    public void The_image_form_weighs_the_top_level_alone()
    {
        using var scope = NewDisposeScope();
        const double Beta = 0.3;
        var model = TwoLevel.Create("hvae", [4, 4], z: 3, width: 7);
        var x = Data(Likelihood.Bernoulli).repeat(1, 6).narrow(1, 0, 16);
        var half = Encode(Objective.Create(new ObjectiveOptions { Name = ObjectiveName.AMimImage }), model, x, Beta);

        using var noise = new Generator(Seed);
        var z = model.encoder.call(x).SampleReparameterized(noise).Value;
        var (lower, upper) = ((TwoLevelPrior)model.prior).LogProbByLevel(z);
        var expected = Enumerable.Range(0, B).Average(i =>
            -(1 + Beta) / 2 * (model.decoder.call(z).LogProb(x)[i].item<float>() + lower[i].item<float>() + Beta * upper[i].item<float>()));
        Assert.Equal(expected, half.Loss.item<float>(), 1e-5 * Math.Abs(expected)); // float32, sums of 20 terms
        // What is logged are densities, of both levels: the weight is the loss's.
        Assert.Equal((lower + upper).data<float>().ToArray(), half.LogPz.data<float>().ToArray());
        Assert.Equal((half.LogPxz + half.LogPz - half.LogQzx).data<float>().ToArray(), half.LogQx?.data<float>().ToArray());
    }

    [Fact]
    public void Vae_plus_h_counts_likelihood_and_prior_twice()
    {
        using var scope = NewDisposeScope();
        var model = Models.Create(Models.Options(), X);
        var half = Encode(Objective.Create(new ObjectiveOptions { Name = ObjectiveName.VaePlusH }), model, Data(), 1);
        var identity = (half.LogQzx - half.LogPxz * 2 - half.LogPz * 2).mean();
        Assert.Equal(identity.item<float>(), half.Loss.item<float>(), 1e-5); // float32, another order of sums
    }

    [Fact]
    public void Mim_minus_h_is_not_negative_and_does_not_overflow()
    {
        using var scope = NewDisposeScope();
        var options = Models.Options(ObjectiveName.MimMinusH, sigmaFloor: 1e-6);
        var model = Models.Create(options, X);
        var (encoder, decoder) = (model.Encoder(), model.Decoder());
        using (no_grad())
        {
            // Densities of e^±1000: log((p + q)/2√(pq)) is then half their difference.
            encoder.log_sigma!.bias!.fill_(-6);
            decoder.log_sigma!.bias!.fill_(-3);
        }
        var half = Decode(Objective.Create(options.Objective), model);
        Assert.NotNull(half.LogQx);
        for (var i = 0; i < B; i++)
        {
            Assert.True((half.LogPxz + half.LogPz - half.LogQzx - half.LogQx)[i].abs().item<float>() > 100);
        }
        var expected = ((half.LogPxz + half.LogPz - half.LogQzx - half.LogQx).abs() * 0.5).mean().item<float>() - Math.Log(2);
        Assert.Equal(expected, half.Loss.item<float>(), 1e-5 * expected); // float32; e^−100 is nothing
    }

    [Fact]
    public void The_contrast_of_cmim_does_not_see_the_batch_size_and_is_nothing_for_one_row()
    {
        using var scope = NewDisposeScope();
        float[] z = [1, 0, 0, 1, -1, 0];
        var contrast = CMimObjective.LogPositive(tensor(z, [3, 2]), 0.1);
        // Rows 0 and 2 are opposite, 1 is orthogonal to both: 1 + mean of e^((s−1)/τ).
        double[] expected = [-Math.Log(1 + (Math.Exp(-10) + Math.Exp(-20)) / 2), -Math.Log(1 + Math.Exp(-10)), -Math.Log(1 + (Math.Exp(-10) + Math.Exp(-20)) / 2)];
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(expected[i], contrast[i].item<float>(), 2e-6); // float32 near 10
        }
        Assert.Equal(-Math.Log(2), CMimObjective.LogPositive(ones(5, 2), 0.1)[3].item<float>(), 2e-6); // all alike, whatever B is
        Assert.Equal(-Math.Log(2), CMimObjective.LogPositive(ones(50, 2), 0.1)[3].item<float>(), 2e-6);

        var model = Models.Create(Models.Options(), X);
        var row = Data().narrow(0, 0, 1);
        var alone = Encode(Objective.Create(new ObjectiveOptions { Name = ObjectiveName.CMim }), model, row, 1);
        var sentence = Encode(Objective.Create(new ObjectiveOptions { Name = ObjectiveName.AMimSentence }), model, row, 1);
        Assert.Equal(sentence.Loss.item<float>(), alone.Loss.item<float>());
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

    /// <summary>The draws of a decoding half, in its order: the prior's component, ε of z, ε of x (Gaussian likelihood only), ε of z'.</summary>
    static (double[,] EpsPrior, int[]? Component, double[,] EpsX, double[,] EpsZ) DecoderNoise(TrainingOptions options)
    {
        using var noise = new Generator(Seed);
        var component = options.Prior.Name switch
        {
            PriorName.Gaussian => new int[B],
            PriorName.Mixture or PriorName.Vamp =>
                randint(options.Prior.Components, new long[] { B }, dtype: ScalarType.Int64, generator: noise).data<long>().Select(k => (int)k).ToArray(),
            _ => null,
        };
        var z = Models.Matrix(randn(B, 2, generator: noise));
        var epsX = options.Likelihood == Likelihood.Gaussian ? Models.Matrix(randn(B, X, generator: noise)) : new double[B, X];
        return (z, component, epsX, Models.Matrix(randn(options.Objective.Samples * B, 2, generator: noise)));
    }

    static double ScalarEncode(ScalarModel model, ObjectiveName name, TrainingOptions options, double[,] x, double[,] eps, double beta)
    {
        double[][] codes = [.. Enumerable.Range(0, B).Select(i => ScalarModel.Sample(model.Encode(Models.Row(x, i)), Models.Row(eps, i)))];
        return Enumerable.Range(0, B).Average(i =>
        {
            var (xi, z) = (Models.Row(x, i), codes[i]);
            var q = model.Encode(xi);
            var logPxz = model.LogPxz(xi, z);
            var logPrior = model.LogPrior(z);
            var logQzx = ScalarModel.LogNormal(z, q.Mean, q.Sigma);
            var logPz = options.Prior.Name == PriorName.Marginal ? logQzx : logPrior;
            var logQx = options.Objective.QX == EncoderMarginal.Marginal ? logPxz + logPrior - logQzx : model.LogQx(xi);
            var sentence = -logPxz - beta / 2 * (logQzx + logPrior);
            return name switch
            {
                ObjectiveName.Vae => -logPxz + beta * (logQzx - logPz),
                ObjectiveName.VaePlusH => -logPxz + beta * (logQzx - logPz) - (logQzx + logQx),
                ObjectiveName.Ae => -logPxz,
                ObjectiveName.AMimImage => -(1 + beta) / 2 * (logPxz + beta * logPrior),
                ObjectiveName.AMimSentence => sentence,
                ObjectiveName.CMim => sentence - LogPositive(codes, i),
                _ => -0.5 * (logPxz + logPz + beta * (logQzx + logQx)),
            };
        });
    }

    /// <summary>The probability as it is defined, with exponentials of at most e^10.</summary>
    static double LogPositive(double[][] codes, int i)
    {
        double Similarity(int j) => codes[i].Zip(codes[j], (a, b) => a * b).Sum() / Norm(codes[i]) / Norm(codes[j]) / 0.1;
        var negatives = Enumerable.Range(0, codes.Length).Where(j => j != i).Average(j => Math.Exp(Similarity(j)));
        return Math.Log(Math.Exp(Similarity(i)) / (Math.Exp(Similarity(i)) + negatives));
    }

    static double Norm(double[] z) => Math.Sqrt(z.Sum(value => value * value));

    static double[] ScalarDecode(ScalarModel model, TrainingOptions options, double[][]? images = null)
    {
        var (logQx, samples) = (options.Objective.DecoderLogQx, options.Objective.Samples);
        var (eps, component, epsX, epsZ) = DecoderNoise(options);
        return [.. Enumerable.Range(0, B).Select(i =>
        {
            var zi = component is null ? Models.Row(eps, i) : ScalarModel.Sample(model.PriorComponents()[component[i]], Models.Row(eps, i));
            var x = images?[i] ?? (options.Likelihood == Likelihood.Gaussian
                ? ScalarModel.Sample(model.Decode(zi), Models.Row(epsX, i))
                : [.. model.Logits(zi).Select(Sigmoid)]);
            var q = model.Encode(x);
            var logPxz = model.LogPxz(x, zi);
            var weights = Enumerable.Range(0, samples).Select(s =>
            {
                var fresh = ScalarModel.Sample(q, Models.Row(epsZ, s * B + i));
                return Math.Exp(model.LogPxz(x, fresh) + model.LogPrior(fresh) - ScalarModel.LogNormal(fresh, q.Mean, q.Sigma));
            });
            var logQxi = options.Objective.QX != EncoderMarginal.Marginal ? model.LogQx(x)
                : logQx == DecoderLogQx.SameZ ? logPxz : Math.Log(weights.Average());
            var logQzx = ScalarModel.LogNormal(zi, q.Mean, q.Sigma);
            var logPz = options.Prior.Name == PriorName.Marginal ? logQzx : model.LogPrior(zi);
            var (logP, logQ) = (logPxz + logPz, logQzx + logQxi);
            return options.Objective.Name == ObjectiveName.MimMinusH
                ? Math.Log((Math.Exp(logP) + Math.Exp(logQ)) / (2 * Math.Sqrt(Math.Exp(logP) * Math.Exp(logQ))))
                : -0.5 * (logP + logQ);
        })];
    }

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
