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

/// <summary>The encoder's mirror image: hidden layers in reverse.</summary>
public sealed class MlpDecoder : Decoder
{
    public readonly Sequential trunk;

    /// <summary>Heads of the Gaussian likelihood.</summary>
    public readonly Linear? mean, log_sigma;

    /// <summary>Head of the Bernoulli likelihood.</summary>
    public readonly Linear? logits;

    public MlpDecoder(NetworkOptions options, Likelihood likelihood, int xDim)
        : base(nameof(MlpDecoder))
    {
        int[] hidden = [.. options.Hidden.Reverse()];
        trunk = Mlp.Create(options.Z, hidden, options.Activation);
        if (likelihood == Likelihood.Bernoulli)
        {
            logits = nn.Linear(hidden[^1], xDim);
        }
        else
        {
            mean = nn.Linear(hidden[^1], xDim);
            log_sigma = nn.Linear(hidden[^1], xDim);
        }
        SigmaFloor = options.SigmaFloor;
        RegisterComponents();
    }

    /// <summary>σ_min in σ = exp(s) + σ_min of the Gaussian likelihood.</summary>
    public double SigmaFloor { get; }

    public override Distribution forward(Tensor z)
    {
        var h = trunk.call(z);
        return mean is not null && log_sigma is not null
            ? Gaussian.WithFloor(mean.call(h), log_sigma.call(h), SigmaFloor)
            : new Bernoulli((logits ?? throw NoHead()).call(h));
    }

    public override OnnxLikelihood Write(OnnxModules graph, OnnxValue z, string path)
    {
        var h = graph.Apply(trunk, z, $"{path}.{nameof(trunk)}");
        if (mean is not null && log_sigma is not null)
        {
            var xMean = graph.Apply(mean, h, $"{path}.{nameof(mean)}").Name;
            var logVar = graph.FlooredLogVar(log_sigma, h, $"{path}.{nameof(log_sigma)}", SigmaFloor, $"{path}.log_var");
            return new OnnxLikelihood(xMean, [new(TensorNames.XLogVar, logVar)]);
        }
        var l = graph.Apply(logits ?? throw NoHead(), h, $"{path}.{nameof(logits)}").Name;
        return new OnnxLikelihood(graph.Probability(l, path), [new(TensorNames.XLogits, l)]);
    }

    static InvalidOperationException NoHead() => new("A decoder has Gaussian heads or a Bernoulli one.");
}

static class Mlp
{
    public static Sequential Create(int inputs, IReadOnlyList<int> hidden, Activation activation)
    {
        var layers = new List<nn.Module<Tensor, Tensor>>();
        foreach (var width in hidden)
        {
            layers.Add(nn.Linear(inputs, width));
            layers.Add(Create(activation));
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
