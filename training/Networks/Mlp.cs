using Mim.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The reference's toy network: a Gaussian posterior. Without <see cref="log_sigma"/> the encoder is a delta function, its σ the floor itself.</summary>
public sealed class MlpEncoder : Encoder
{
    public readonly Sequential trunk;
    public readonly Linear mean;
    public readonly Linear? log_sigma;

    public MlpEncoder(NetworkOptions options, int xDim, bool delta)
        : base(nameof(MlpEncoder))
    {
        var width = options.Hidden[^1];
        trunk = Mlp.Create(xDim, options.Hidden, options.Activation);
        mean = nn.Linear(width, options.Z);
        log_sigma = delta ? null : nn.Linear(width, options.Z);
        SigmaFloor = options.SigmaFloor;
        RegisterComponents();
    }

    /// <summary>σ_min in σ = exp(s) + σ_min.</summary>
    public double SigmaFloor { get; }

    public override LogVarFloor? LogVarFloor => log_sigma is null ? null : LogVarFloor.Additive(SigmaFloor);

    public override Gaussian forward(Tensor x)
    {
        var h = trunk.call(x);
        var zMean = mean.call(h);
        return log_sigma is null
            ? new Gaussian(zMean, full(zMean.shape, Math.Log(SigmaFloor), dtype: zMean.dtype, device: zMean.device))
            : Gaussian.WithFloor(zMean, log_sigma.call(h), SigmaFloor);
    }

    public override OnnxPosterior Write(OnnxModules graph, OnnxValue x, string path)
    {
        var h = graph.Apply(trunk, x, $"{path}.{nameof(trunk)}");
        var zMean = graph.Apply(mean, h, $"{path}.{nameof(mean)}", TensorNames.ZMean);
        return new OnnxPosterior(
            zMean.Name, log_sigma is null ? null : graph.FlooredLogVar(log_sigma, h, $"{path}.{nameof(log_sigma)}", SigmaFloor, TensorNames.ZLogVar));
    }
}

/// <summary>The encoder's mirror image: hidden layers in reverse, and the heads that the likelihood has.</summary>
public sealed class MlpDecoder : Decoder
{
    public readonly Sequential trunk;

    /// <summary>Mean of the Gaussian likelihoods (of a mixture K·X of them), location of the logistic one.</summary>
    public readonly Linear? mean;

    /// <summary>s in σ = exp(s) + σ_min, of the Gaussian likelihood and of the mixture.</summary>
    public readonly Linear? log_sigma;

    /// <summary>s in exp(s) + σ_min, the logistic likelihood's scale.</summary>
    public readonly Linear? log_scale;

    /// <summary>Of the Bernoulli likelihood, and of the mixture's weights.</summary>
    public readonly Linear? logits;

    readonly Likelihood _likelihood;
    readonly int _xDim;
    readonly int _components;
    readonly double _logSigma;

    public MlpDecoder(NetworkOptions options, Likelihood likelihood, int xDim)
        : base(nameof(MlpDecoder))
    {
        int[] hidden = [.. options.Hidden.Reverse()];
        (_likelihood, _xDim, _components, _logSigma) = (likelihood, xDim, options.LikelihoodComponents, Math.Log(options.LikelihoodSigma));
        trunk = Mlp.Create(options.Z, hidden, options.Activation);
        var mixture = likelihood == Likelihood.GaussianMixture;
        Linear Head() => nn.Linear(hidden[^1], mixture ? _components * xDim : xDim);
        logits = mixture || likelihood == Likelihood.Bernoulli ? Head() : null;
        mean = likelihood == Likelihood.Bernoulli ? null : Head();
        log_sigma = mixture || likelihood == Likelihood.Gaussian ? Head() : null;
        log_scale = likelihood == Likelihood.Logistic ? Head() : null;
        SigmaFloor = options.SigmaFloor;
        RegisterComponents();
    }

    /// <summary>σ_min.</summary>
    public double SigmaFloor { get; }

    public override Distribution forward(Tensor z)
    {
        var h = trunk.call(z);
        switch (_likelihood)
        {
            case Likelihood.Gaussian:
                return Gaussian.WithFloor(Call(mean, h), Call(log_sigma, h), SigmaFloor);
            case Likelihood.GaussianFixed:
                var xMean = Call(mean, h);
                return new Gaussian(xMean, full(xMean.shape, _logSigma, dtype: xMean.dtype, device: xMean.device));
            case Likelihood.GaussianMixture:
                var each = Gaussian.WithFloor(ByComponent(Call(mean, h)), ByComponent(Call(log_sigma, h)), SigmaFloor);
                return new GaussianMixture(ByComponent(Call(logits, h)), each.Mean, each.LogSigma);
            case Likelihood.Bernoulli:
                return new Bernoulli(Call(logits, h));
            default:
                var logistic = Gaussian.WithFloor(Call(mean, h), Call(log_scale, h), SigmaFloor);
                return new DiscretisedLogistic(logistic.Mean, logistic.LogSigma);
        }
    }

    public override OnnxLikelihood Write(OnnxModules graph, OnnxValue z, string path)
    {
        var h = graph.Apply(trunk, z, $"{path}.{nameof(trunk)}");
        string Head(Linear? head, string name) => graph.Apply(Present(head), h, $"{path}.{name}").Name;
        string LogVar() => graph.FlooredLogVar(Present(log_sigma), h, $"{path}.{nameof(log_sigma)}", SigmaFloor, $"{path}.log_var");
        switch (_likelihood)
        {
            case Likelihood.Gaussian:
                return new OnnxLikelihood(Head(mean, nameof(mean)), [new(TensorNames.XLogVar, LogVar())]);
            case Likelihood.GaussianFixed:
                var fixedMean = Head(mean, nameof(mean));
                return new OnnxLikelihood(fixedMean, [new(TensorNames.XLogVar, graph.Filled(fixedMean, (float)(2 * _logSigma), $"{path}.log_var"))]);
            case Likelihood.GaussianMixture:
                string Each(string value) => graph.Reshaped(value, $"{value}.by_component", _components, _xDim);
                var (weightLogits, means) = (Each(Head(logits, nameof(logits))), Each(Head(mean, nameof(mean))));
                return new OnnxLikelihood(
                    graph.MixtureMean(weightLogits, means, path),
                    [
                        new(TensorNames.XMixtureLogits, weightLogits), new(TensorNames.XMixtureMean, means),
                        new(TensorNames.XMixtureLogVar, Each(LogVar())),
                    ])
                {
                    Components = _components,
                };
            case Likelihood.Bernoulli:
                var l = Head(logits, nameof(logits));
                return new OnnxLikelihood(graph.Probability(l, path), [new(TensorNames.XLogits, l)]);
            default:
                var location = Head(mean, nameof(mean));
                var logScale = graph.Floored(Present(log_scale), h, $"{path}.{nameof(log_scale)}", SigmaFloor, $"{path}.{nameof(log_scale)}.floored");
                return new OnnxLikelihood(
                    graph.LogisticMean(location, logScale, path), [new(TensorNames.XLocation, location), new(TensorNames.XLogScale, logScale)]);
        }
    }

    /// <summary>(B, K·X) → (B, K, X).</summary>
    Tensor ByComponent(Tensor values) => values.view(-1, _components, _xDim);

    Tensor Call(Linear? head, Tensor h) => Present(head).call(h);

    Linear Present(Linear? head) => head ?? throw new InvalidOperationException($"A decoder has the heads of its likelihood, {_likelihood}.");
}

static class Mlp
{
    public static Sequential Create(int inputs, IReadOnlyList<int> hidden, Activation activation)
    {
        var layers = new List<nn.Module<Tensor, Tensor>>();
        foreach (var width in hidden)
        {
            if (activation == Activation.Gated)
            {
                layers.Add(Gated.Dense(inputs, width));
            }
            else
            {
                layers.Add(nn.Linear(inputs, width));
                layers.Add(Create(activation));
            }
            inputs = width;
        }
        return nn.Sequential(layers);
    }

    static nn.Module<Tensor, Tensor> Create(Activation activation) => activation switch
    {
        Activation.Tanh => nn.Tanh(),
        Activation.Relu => nn.ReLU(),
        Activation.Silu => nn.SiLU(),
        Activation.Gelu => nn.GELU(),
        Activation.Elu => nn.ELU(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };
}
