using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// q(z|x): x (B, X) → a Gaussian over z (B, Z). Without <see cref="log_sigma"/> the encoder is a delta function, its σ the floor itself.
/// </summary>
public sealed class Encoder : nn.Module<Tensor, Gaussian>
{
    public readonly Sequential trunk;
    public readonly Linear mean;
    public readonly Linear? log_sigma;

    public Encoder(NetworkOptions options, int xDim, bool delta)
        : base(nameof(Encoder))
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

    public override Gaussian forward(Tensor x)
    {
        var h = trunk.call(x);
        var zMean = mean.call(h);
        return log_sigma is null
            ? new Gaussian(zMean, full(zMean.shape, Math.Log(SigmaFloor), dtype: zMean.dtype, device: zMean.device))
            : Gaussian.WithFloor(zMean, log_sigma.call(h), SigmaFloor);
    }
}

/// <summary>p(x|z): z (B, Z) → the likelihood's parameters over x (B, X).</summary>
public sealed class Decoder : nn.Module<Tensor, Distribution>
{
    public readonly Sequential trunk;

    /// <summary>Heads of the Gaussian likelihood.</summary>
    public readonly Linear? mean, log_sigma;

    /// <summary>Head of the Bernoulli likelihood.</summary>
    public readonly Linear? logits;

    public Decoder(NetworkOptions options, Likelihood likelihood, int xDim)
        : base(nameof(Decoder))
    {
        // The decoder mirrors the encoder: hidden layers in reverse.
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
            : new Bernoulli((logits ?? throw new InvalidOperationException("A decoder has Gaussian heads or a Bernoulli one.")).call(h));
    }
}

/// <summary>The two networks of one model. Field names are the keys of its checkpoint.</summary>
public sealed class Autoencoder : nn.Module
{
    public readonly Encoder encoder;
    public readonly Decoder decoder;

    Autoencoder(Encoder encoder, Decoder decoder, int xDim, int zDim)
        : base(nameof(Autoencoder))
    {
        this.encoder = encoder;
        this.decoder = decoder;
        XDim = xDim;
        ZDim = zDim;
        RegisterComponents();
    }

    public int XDim { get; }

    public int ZDim { get; }

    /// <summary>Where the weights live.</summary>
    public Device Device => encoder.mean.weight.device;

    public ScalarType DType => encoder.mean.weight.dtype;

    /// <summary>Weights and biases are U(±1/√fan_in), PyTorch's default, drawn from <paramref name="init"/> in the order of named_parameters.</summary>
    public static Autoencoder Create(TrainingOptions options, int xDim, Generator init)
    {
        var delta = options.Objective.Name == ObjectiveName.Ae;
        var model = new Autoencoder(
            new Encoder(options.Network, xDim, delta), new Decoder(options.Network, options.Likelihood, xDim), xDim, options.Network.Z);
        using var frozen = no_grad();
        var bound = 0.0;
        foreach (var (_, parameter) in model.named_parameters())
        {
            // A bias follows the weight (out, in) whose fan-in it shares.
            bound = parameter.dim() == 2 ? 1 / Math.Sqrt(parameter.shape[1]) : bound;
            parameter.uniform_(-bound, bound, init);
        }
        return model;
    }
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
