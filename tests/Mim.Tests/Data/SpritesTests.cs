using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Data;

public sealed class SpritesTests
{
    const int Size = 64;

    static Sprites Open(int size = Size, int rows = 64, long seed = 1) =>
        Assert.IsType<Sprites>(Dataset.Open(new DatasetOptions { Name = "sprites", ImageSize = size, RowsPerEpoch = rows }, seed));

    // Oracle: area and centroid of the shapes in closed form. Tolerances: 16 samples a pixel on an outline of some 60 pixels.
    [Theory]
    [InlineData(SpriteShape.Square)]
    [InlineData(SpriteShape.Ellipse)]
    [InlineData(SpriteShape.Heart)]
    public void Image_moments_track_the_factors(SpriteShape shape)
    {
        var sprites = Open();
        var random = new Philox(7, 0, 0);
        for (var trial = 0; trial < 50; trial++)
        {
            var factors = new SpriteFactors(shape, random.NextDouble(0.5, 1), random.NextDouble(0, Math.Tau), random.NextDouble(), random.NextDouble());
            var image = new float[Size * Size];
            sprites.Render(factors, image);
            var mass = image.Sum(value => (double)value);
            var x = image.Select((value, i) => value * (i % Size + 0.5)).Sum() / mass;
            var y = image.Select((value, i) => value * (i / Size + 0.5)).Sum() / mass;
            var centroid = sprites.Centroid(factors);
            Assert.Equal(sprites.Area(factors), mass, 0.03 * mass);
            Assert.Equal(centroid.X, x, 0.1);
            Assert.Equal(centroid.Y, y, 0.1);
        }
    }

    [Fact]
    public void Areas_grow_with_the_square_of_the_scale()
    {
        var sprites = Open();
        foreach (var shape in Enum.GetValues<SpriteShape>())
        {
            double Mass(double scale)
            {
                var image = new float[Size * Size];
                sprites.Render(new SpriteFactors(shape, scale, 0.3, 0.5, 0.5), image);
                return image.Sum(value => (double)value);
            }
            Assert.Equal(4, Mass(1) / Mass(0.5), 0.1); // the small one has an area of about 60 pixels to 2 %
        }
    }

    [Fact]
    public void Rotation_turns_counter_clockwise_and_a_heart_stands_on_its_tip()
    {
        var sprites = Open();
        (double X, double Y) Axis(SpriteShape shape, double rotation, Func<double, double, double> moment)
        {
            var image = new float[Size * Size];
            var factors = new SpriteFactors(shape, 1, rotation, 0.5, 0.5);
            sprites.Render(factors, image);
            var (centreX, centreY) = sprites.Centroid(factors);
            var (sumX, sumY) = (0.0, 0.0);
            for (var i = 0; i < image.Length; i++)
            {
                var (dx, dy) = ((i % Size) + 0.5 - centreX, centreY - (i / Size) - 0.5);
                sumX += image[i] * moment(dx, dy);
                sumY += image[i] * dy * dy * dy;
            }
            return (sumX, sumY);
        }
        // An ellipse turned by 45° leans to the right: its mixed second moment is positive with y upwards.
        Assert.True(Axis(SpriteShape.Ellipse, Math.PI / 4, (dx, dy) => dx * dy).X > 0);
        Assert.True(Axis(SpriteShape.Ellipse, -Math.PI / 4, (dx, dy) => dx * dy).X < 0);
        // The tip is the long tail: the third moment upwards is negative when it points down, and upside down it is positive.
        Assert.True(Axis(SpriteShape.Heart, 0, (dx, dy) => 0).Y < 0);
        Assert.True(Axis(SpriteShape.Heart, Math.PI, (dx, dy) => 0).Y > 0);
    }

    [Fact]
    public void Values_are_grey_levels_from_0_to_1()
    {
        var split = Open(28, 500).Load(SplitName.Train, 0);
        Assert.All(split.X, value => Assert.InRange(value, 0f, 1f));
        Assert.Contains(split.X, value => value is > 0 and < 1);
    }

    [Fact]
    public void The_largest_sprite_is_whole_in_every_corner()
    {
        var sprites = Open(28);
        foreach (var (x, y) in new[] { (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0) })
        {
            var factors = new SpriteFactors(SpriteShape.Heart, 1, 0.25, x, y);
            var image = new float[784];
            sprites.Render(factors, image);
            Assert.Equal(sprites.Area(factors), image.Sum(), 2.0); // of 101 pixels, by 16 samples a pixel of the outline
        }
    }

    [Fact]
    public void Labels_are_shapes_and_factors_rerender_the_row()
    {
        var sprites = Open(28, 90);
        var split = sprites.Load(SplitName.Validation, 2);
        var labels = Assert.IsType<long[]>(split.Labels);
        var factors = Assert.IsType<float[]>(split.Factors);
        Assert.Equal([0L, 1L, 2L], labels.Distinct().Order());
        Assert.Equal(["square", "ellipse", "heart"], sprites.LabelNames);
        for (var row = 0; row < split.Rows; row++)
        {
            var f = factors.AsSpan(row * 5, 5);
            Assert.Equal(labels[row], (long)f[0]);
            var image = new float[784];
            sprites.Render(new SpriteFactors((SpriteShape)f[0], f[1], f[2], f[3], f[4]), image);
            var difference = image.Zip(split.X.AsSpan(row * 784, 784).ToArray(), (a, b) => Math.Abs(a - b)).Sum();
            Assert.InRange(difference, 0, 0.5); // factors are stored in float32: a sample on an edge may flip
        }
    }

    [Fact]
    public void Draws_are_a_function_of_seed_split_and_epoch()
    {
        var first = Open().Load(SplitName.Train, 0).X;
        Assert.Equal(first, Open().Load(SplitName.Train, 0).X);
        Assert.NotEqual(first, Open(seed: 2).Load(SplitName.Train, 0).X);
        Assert.NotEqual(first, Open().Load(SplitName.Train, 1).X);
        Assert.NotEqual(first, Open().Load(SplitName.Test, 0).X);
    }

    [Fact]
    public void Images_below_28_pixels_are_refused() => Assert.Throws<UsageException>(() => Open(27));
}
