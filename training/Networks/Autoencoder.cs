using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>The networks of one model. Field names are the keys of its checkpoint.</summary>
public sealed class Autoencoder : nn.Module
{
    public readonly Encoder encoder;
    public readonly Decoder decoder;
    public readonly Prior prior;

    /// <summary>q(x) where it is a density of its own; training alone needs it.</summary>
    public readonly XMarginal? q_x;

    Autoencoder(Architecture architecture, IReadOnlyList<long> xShape, TrainingOptions options)
        : base(nameof(Autoencoder))
    {
        (encoder, decoder, prior, ZDim) = architecture;
        XShape = xShape;
        q_x = XMarginal.Create(options, XDim, architecture);
        RegisterComponents();
    }

    /// <summary>The shape of one row of x.</summary>
    public IReadOnlyList<long> XShape { get; }

    public int XDim => checked((int)XShape.Aggregate(1L, (product, size) => product * size));

    public int ZDim { get; }

    /// <summary>Where the weights live.</summary>
    public Device Device => encoder.parameters().First().device;

    /// <summary>Of x, z and densities: that of the weights, but float32 where these are of less, see <see cref="ReducedPrecision"/>.</summary>
    public ScalarType DType => encoder.parameters().First().dtype is var weights && weights == ScalarType.BFloat16 ? ScalarType.Float32 : weights;

    /// <summary>Elements of the widest activation of one row.</summary>
    public long Width => Math.Max(Math.Max(XDim, prior.Width), Math.Max(encoder.Width, decoder.Width));

    /// <summary>
    /// The networks that the options name, each with the weights that its own <c>Initialize</c> draws from <paramref name="init"/>, in that order.
    /// <paramref name="data"/> is wanted where training begins; null where every weight will be overwritten.
    /// </summary>
    public static Autoencoder Create(TrainingOptions options, IReadOnlyList<long> xShape, Generator init, FirstRows? data = null)
    {
        var model = new Autoencoder(Architectures.Create(options, xShape), xShape, options);
        model.encoder.Initialize(init);
        model.decoder.Initialize(init);
        model.prior.Initialize(init);
        if (data is not null)
        {
            model.prior.InitializeFrom(data, init);
        }
        model.q_x?.Initialize(init);
        return model;
    }

    /// <summary>z ~ p(z), (<paramref name="rows"/>, Z).</summary>
    public Tensor SamplePrior(long rows, Generator noise) => prior.Sample(rows, DType, Device, noise);
}
