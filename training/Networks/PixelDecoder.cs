using Mim.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// The PixelHVAE's decoder: each level of z becomes a map the size of the image, and a stack of masked convolutions (PixelCNN) over x and both maps
/// gives the logit of each pixel given those before it. As in the reference the maps pass through the first mask too, so pixel i sees them only
/// before i: the first pixel sees no z at all.
/// </summary>
public sealed class PixelDecoder : AutoregressiveDecoder
{
    const int Channels = 64;
    const int MaskedLayers = 8;

    public readonly Sequential z1;
    public readonly Sequential z2;
    public readonly AsImage image;
    public readonly Sequential pixels;
    public readonly Sequential logits;

    readonly int _level;
    readonly int _height, _width;

    public PixelDecoder(int level, int height, int width)
        : base(nameof(PixelDecoder))
    {
        (_level, _height, _width) = (level, height, width);
        z1 = nn.Sequential(Gated.Dense(level, height * width), new AsImage(height, width));
        z2 = nn.Sequential(Gated.Dense(level, height * width), new AsImage(height, width));
        image = new AsImage(height, width);
        var layers = new List<nn.Module<Tensor, Tensor>>();
        for (var i = 0; i < MaskedLayers; i++)
        {
            layers.Add(i == 0 ? new MaskedConv2d(PixelMask.Before, 3, Channels) : new MaskedConv2d(PixelMask.UpTo, Channels, Channels));
            layers.Add(nn.BatchNorm2d(Channels));
            layers.Add(nn.ReLU());
        }
        pixels = nn.Sequential(layers);
        logits = nn.Sequential(nn.Conv2d(Channels, 1, 1), nn.Flatten());
        RegisterComponents();
    }

    public override long Width => (long)Channels * _height * _width;

    public override AutoregressiveBernoulli forward(Tensor z) => new(this, Maps(TensorGraph.Instance, z));

    public override void Initialize(Generator init) => Weights.He(this, init);

    public override OnnxLikelihood Write(OnnxModules graph, OnnxValue z, OnnxValue given, string path)
    {
        var nodes = new OnnxGraph(graph, this, path);
        var l = Conditionals(nodes, given, Maps(nodes, z)).Name;
        return new OnnxLikelihood(graph.Probability(l, path), [new(TensorNames.XLogits, l)]);
    }

    /// <summary>The logit of each pixel given those before it, (B, X), for <paramref name="x"/> (B, X) and <paramref name="maps"/> (B, 2, H, W).</summary>
    internal Tensor Conditionals(Tensor x, Tensor maps) => Conditionals(TensorGraph.Instance, x, maps);

    /// <summary>
    /// Chooses the pixels of each row one after another: 1 where the probability exceeds the pixel's number in <paramref name="uniforms"/> (B, X),
    /// or exceeds ½ without them. Returns what was chosen and the logits on the way, both (B, X). Of each layer only the new pixel is computed, from
    /// the two rows that its kernel sees: all X passes together cost about as much as one pass over whole images.
    /// </summary>
    internal (Tensor X, Tensor Logits) Generate(Tensor maps, Tensor? uniforms)
    {
        using var scope = NewDisposeScope();
        var layers = Layers();
        var (rows, first) = (maps.shape[0], layers[0].Inputs);
        var options = (maps.dtype, maps.device);
        var x = zeros([rows, _height * _width], options.dtype, options.device);
        var logit = zeros_like(x);
        // Of the input of each layer, (B, W + 2, C): the row above and the row in progress, both with a zero at either end.
        var above = Array.ConvertAll<Layer, Tensor>(layers, layer => zeros([rows, _width + 2, layer.Inputs], options.dtype, options.device));
        var current = Array.ConvertAll(above, input => zeros_like(input));
        var code = maps.permute(0, 2, 3, 1);
        for (var row = 0; row < _height; row++)
        {
            current[0].narrow(1, 1, _width).narrow(2, 1, first - 1).copy_(code.select(1, row));
            for (var column = 0; column < _width; column++)
            {
                using var step = NewDisposeScope();
                var pixel = row * _width + column;
                var h = current[0];
                for (var i = 0; i < layers.Length; i++)
                {
                    var window = cat([above[i].narrow(1, column, 3), current[i].narrow(1, column, layers[i].Before)], 1).view(rows, -1);
                    h = nn.functional.linear(window, layers[i].Weight, layers[i].Bias).relu_();
                    if (i + 1 < layers.Length)
                    {
                        current[i + 1].select(1, column + 1).copy_(h);
                    }
                }
                var l = logits.call(h.view(rows, Channels, 1, 1));
                var bound = uniforms?.narrow(1, pixel, 1);
                var chosen = (bound is null ? l > 0 : l.sigmoid() > bound).to_type(options.dtype);
                logit.narrow(1, pixel, 1).copy_(l);
                x.narrow(1, pixel, 1).copy_(chosen);
                current[0].select(1, column + 1).narrow(1, 0, 1).copy_(chosen);
            }
            (above, current) = (current, above);
            foreach (var input in current)
            {
                input.zero_();
            }
        }
        return (x.MoveToOuterDisposeScope(), logit.MoveToOuterDisposeScope());
    }

    T Maps<T>(INetworkGraph<T> graph, T z) => graph.Concat(
        graph.Apply(z1, graph.Narrow(z, 0, _level)), graph.Apply(z2, graph.Narrow(z, _level, _level)));

    T Conditionals<T>(INetworkGraph<T> graph, T x, T maps) => graph.Apply(logits, graph.Apply(pixels, graph.Concat(graph.Apply(image, x), maps)));

    /// <summary>Each masked convolution with the BatchNorm behind it, as it computes after <c>eval()</c>, over the pixels that its mask lets through.</summary>
    Layer[] Layers() => [.. Enumerable.Range(0, MaskedLayers).Select(i => Layer.Fold((MaskedConv2d)pixels[3 * i], (BatchNorm2d)pixels[3 * i + 1]))];

    /// <param name="Inputs">Channels of its input.</param>
    /// <param name="Before">Pixels of the row in progress that it sees, after three of the row above.</param>
    /// <param name="Weight">(64, (3 + Before)·Inputs), pixel by pixel.</param>
    sealed record Layer(long Inputs, long Before, Tensor Weight, Tensor Bias)
    {
        public static Layer Fold(MaskedConv2d convolution, BatchNorm2d norm)
        {
            if (norm is not { weight: { } scale, bias: { } shift, running_mean: { } mean, running_var: { } variance })
            {
                throw new InvalidOperationException("The decoder's BatchNorm is affine and keeps running statistics.");
            }
            var gain = scale / (variance + norm.eps).sqrt();
            var before = convolution.Visible == PixelMask.Before ? 1 : 2;
            var kernel = convolution.Masked.permute(0, 2, 3, 1).reshape(Channels, -1, convolution.Inputs).narrow(1, 0, 3 + before);
            return new Layer(
                convolution.Inputs, before, (kernel * gain.view(-1, 1, 1)).reshape(Channels, -1), shift - mean * gain);
        }
    }
}
