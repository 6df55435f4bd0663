using Mim.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Mim.Tests.Training;

public sealed class PixelDecoderTests
{
    const int Height = 5;
    const int Width = 4;
    const int X = Height * Width;

    [Theory]
    [InlineData(PixelMask.Before)]
    [InlineData(PixelMask.UpTo)]
    public void A_masked_convolution_is_the_sum_over_the_pixels_before(PixelMask visible)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var noise = new Generator(1);
        using var convolution = new MaskedConv2d(visible, 2, 3);
        convolution.weight.normal_(0, 1, noise);
        var x = randn([1, 2, Height, Width], generator: noise);
        var actual = convolution.call(x);
        for (var (o, at) = (0, 0); o < 3; at = (at + 1) % X, o += at == 0 ? 1 : 0)
        {
            var (row, column) = (at / Width, at % Width);
            var expected = 0.0;
            for (var i = 0; i < 2; i++)
            {
                for (var before = 0; before < (visible == PixelMask.UpTo ? at + 1 : at); before++)
                {
                    var (dy, dx) = (before / Width - row + 1, before % Width - column + 1);
                    if (dy is >= 0 and <= 2 && dx is >= 0 and <= 2)
                    {
                        expected += (double)convolution.weight[o, i, dy, dx].item<float>() * x[0, i, before / Width, before % Width].item<float>();
                    }
                }
            }
            // Oracle: the definition, by loops; float32, 10 terms.
            Assert.Equal(expected, actual[0, o, row, column].item<float>(), 1e-5);
        }
    }

    [Fact]
    public void The_mask_is_no_buffer_and_follows_the_weight()
    {
        using var convolution = new MaskedConv2d(PixelMask.Before, 1, 1);
        using var layers = nn.Sequential(convolution);
        Assert.Empty(layers.named_buffers());
        layers.to(ScalarType.BFloat16);
        using var scope = NewDisposeScope();
        // A product with a mask of float32 would be of float32.
        Assert.Equal(ScalarType.BFloat16, convolution.Masked.dtype);
    }

    [Fact]
    public void The_gradient_of_a_pixel_by_itself_and_by_later_ones_is_exactly_zero()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var noise = new Generator(2);
        var decoder = (PixelDecoder)model.decoder;
        var x = TwoLevel.Bits(1, X, noise).requires_grad_();
        var p = decoder.forward(randn([1, model.ZDim], generator: noise));
        for (var pixel = 0; pixel < X; pixel++)
        {
            var gradient = Models.Row(Models.Matrix(autograd.grad([p.Given(x).Logits[0, pixel]], [x], retain_graph: true)[0]), 0);
            for (var other = 0; other < X; other++)
            {
                // Oracle: the kernels' reach. Of the rows above, one more pixel to the right each: PixelCNN's blind spot lies beyond.
                var up = pixel / Width - other / Width;
                var reached = other < pixel && other % Width - pixel % Width <= up;
                Assert.Equal(reached, gradient[other] != 0);
            }
        }
    }

    [Fact]
    public void The_code_reaches_every_pixel_but_the_first()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var noise = new Generator(3);
        var z = randn([1, model.ZDim], generator: noise).requires_grad_();
        var logits = ((PixelDecoder)model.decoder).forward(z).Given(TwoLevel.Bits(1, X, noise)).Logits;
        for (var pixel = 0; pixel < X; pixel++)
        {
            var largest = autograd.grad([logits[0, pixel]], [z], retain_graph: true)[0].abs().max().item<float>();
            Assert.Equal(pixel == 0, largest == 0);
        }
    }

    [Fact]
    public void A_draw_is_one_pass_over_the_image_for_each_pixel()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Model();
        using var noise = new Generator(4);
        var p = ((PixelDecoder)model.decoder).forward(randn([16, model.ZDim], generator: noise));
        var uniforms = rand([16, X], generator: noise);
        // Oracle: the definition. X passes, of which each fixes one pixel.
        var expected = zeros([16, X]);
        for (var pixel = 0; pixel < X; pixel++)
        {
            var probability = p.Given(expected).Mean.select(1, pixel);
            expected.select(1, pixel).copy_((probability > uniforms.select(1, pixel)).to_type(ScalarType.Float32));
        }
        Assert.Equal(Models.Matrix(expected), Models.Matrix(p.SampleWith(uniforms)));
        Assert.InRange(expected.mean().item<float>(), 0.05f, 0.95f);
    }

    [Fact]
    public void The_mean_follows_the_likelier_pixels()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Model();
        using var noise = new Generator(5);
        var p = ((PixelDecoder)model.decoder).forward(randn([16, model.ZDim], generator: noise));
        var mean = p.Mean;
        var likelier = (mean > 0.5).to_type(ScalarType.Float32);
        // Oracle: what the whole network says of that very path; float32, with BatchNorm folded into the kernels or not.
        Assert.Equal(0, (p.Given(likelier).Mean - mean).abs().max().item<float>(), 1e-5);
        Assert.Equal(0, (p.LastPassMean(likelier) - mean).abs().max().item<float>(), 1e-5);
    }

    [Fact]
    public void The_frequency_of_an_image_is_its_probability()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = TwoLevel.Create(Architectures.PixelHvae, [2, 2], z: 2, width: 3);
        using var noise = new Generator(6);
        const int Draws = 4_000;
        var decoder = (PixelDecoder)model.decoder;
        var z = randn([1, model.ZDim], generator: noise);
        var images = stack([.. Enumerable.Range(0, 16).Select(image => tensor(new float[] { image >> 3, image >> 2 & 1, image >> 1 & 1, image & 1 }))]);
        // Oracle: the density itself, of all images there are.
        var probabilities = Models.Row(Models.Matrix(decoder.forward(z.expand(16, model.ZDim)).LogProb(images).exp().unsqueeze(0)), 0);
        Assert.Equal(1, probabilities.Sum(), 1e-5);
        var draws = Models.Matrix(decoder.forward(z.expand(Draws, model.ZDim)).Sample(noise));
        var counts = new int[16];
        for (var row = 0; row < Draws; row++)
        {
            counts[(int)(draws[row, 0] * 8 + draws[row, 1] * 4 + draws[row, 2] * 2 + draws[row, 3])]++;
        }
        // Pearson's χ² with 15 degrees of freedom exceeds 37.7 once in 1,000.
        Assert.InRange(counts.Zip(probabilities, (count, q) => Math.Pow(count - Draws * q, 2) / (Draws * q)).Sum(), 0, 37.7);
    }

    [Fact]
    public void Drawing_in_training_leaves_the_running_statistics_alone()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var model = Model();
        using var noise = new Generator(7);
        var z = randn([3, model.ZDim], generator: noise);
        var uniforms = rand([3, X], generator: noise);
        var expected = Models.Matrix(((PixelDecoder)model.decoder).forward(z).SampleWith(uniforms));
        model.train();
        var before = model.named_buffers().Select(b => Models.Matrix(b.Item2.view(1, -1))).ToArray();
        Assert.Equal(expected, Models.Matrix(((PixelDecoder)model.decoder).forward(z).SampleWith(uniforms)));
        Assert.Equal(before, model.named_buffers().Select(b => Models.Matrix(b.Item2.view(1, -1))));
    }

    static Autoencoder Model() => TwoLevel.Create(Architectures.PixelHvae, [Height, Width], z: 3, width: 5);
}
