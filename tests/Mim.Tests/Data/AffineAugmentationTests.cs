using Mim.Models;
using Mim.Training;

namespace Mim.Tests.Data;

public sealed class AffineAugmentationTests : IDisposable
{
    const int Height = 28, Width = 26;

    static readonly float[] s_image = [.. Enumerable.Range(0, Height * Width).Select(i => 1f + (i * 37 % 251))];

    readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static float[] Apply(AffineAugmentation.Parameters parameters)
    {
        var moved = new float[s_image.Length];
        AffineAugmentation.Apply(parameters, s_image, Height, Width, moved);
        return moved;
    }

    /// <summary>
    /// torchvision's definition, M = T·C·RSS·C⁻¹ in homogeneous coordinates as a product of matrices, inverted by cofactors; then for each pixel its centre is taken back
    /// and the pixel that it falls into is read.
    /// </summary>
    static float[] Reference(AffineAugmentation.Parameters p)
    {
        static double[,] Product(double[,] a, double[,] b)
        {
            var c = new double[3, 3];
            for (var i = 0; i < 9; i++)
            {
                c[i / 3, i % 3] = Enumerable.Range(0, 3).Sum(k => a[i / 3, k] * b[k, i % 3]);
            }
            return c;
        }
        static double[,] Shift(double x, double y) => new[,] { { 1, 0, x }, { 0, 1, y }, { 0, 0, 1 } };
        static double[,] Inverse(double[,] m)
        {
            double Cofactor(int i, int j) =>
                (m[(i + 1) % 3, (j + 1) % 3] * m[(i + 2) % 3, (j + 2) % 3]) - (m[(i + 1) % 3, (j + 2) % 3] * m[(i + 2) % 3, (j + 1) % 3]);
            var determinant = Enumerable.Range(0, 3).Sum(j => m[0, j] * Cofactor(0, j));
            var inverse = new double[3, 3];
            for (var i = 0; i < 9; i++)
            {
                inverse[i % 3, i / 3] = Cofactor(i / 3, i % 3) / determinant;
            }
            return inverse;
        }
        var (a, s) = (double.DegreesToRadians(p.Angle), double.DegreesToRadians(p.Shear));
        double[,] rss =
        {
            { Math.Cos(a) * p.Scale, -Math.Sin(a + s) * p.Scale, 0 },
            { Math.Sin(a) * p.Scale, Math.Cos(a + s) * p.Scale, 0 },
            { 0, 0, 1 },
        };
        var (cx, cy) = ((Width * 0.5) + 0.5, (Height * 0.5) + 0.5);
        var m = Inverse(Product(Shift(p.X, p.Y), Product(Shift(cx, cy), Product(rss, Shift(-cx, -cy)))));
        var moved = new float[s_image.Length];
        for (var y = 0; y < Height; y++)
        {
            for (var x = 0; x < Width; x++)
            {
                var fromX = Math.Floor((m[0, 0] * (x + 0.5)) + (m[0, 1] * (y + 0.5)) + m[0, 2]);
                var fromY = Math.Floor((m[1, 0] * (x + 0.5)) + (m[1, 1] * (y + 0.5)) + m[1, 2]);
                if (fromX is >= 0 and < Width && fromY is >= 0 and < Height)
                {
                    moved[(y * Width) + x] = s_image[((int)fromY * Width) + (int)fromX];
                }
            }
        }
        return moved;
    }

    [Fact]
    public void Parameters_that_change_nothing_change_nothing() => Assert.Equal(s_image, Apply(new(0, 0, 0, 1, 0)));

    [Fact]
    public void A_translation_moves_right_and_down_and_leaves_black_behind()
    {
        var moved = Apply(new(0, 2, -3, 1, 0));
        for (var i = 0; i < moved.Length; i++)
        {
            var (y, x) = Math.DivRem(i, Width);
            Assert.Equal(x >= 2 && y + 3 < Height ? s_image[((y + 3) * Width) + x - 2] : 0, moved[i]);
        }
    }

    // A half turn about (w/2 + ½, h/2 + ½) maps pixel (x, y) to (w − x, h − y): the centre is torchvision's, not the image's.
    [Fact]
    public void A_half_turn_shows_where_the_centre_is()
    {
        var moved = Apply(new(180, 0, 0, 1, 0));
        Assert.Equal(s_image[(5 * Width) + 7], moved[((Height - 5) * Width) + Width - 7]);
        Assert.Equal(0, moved[3]);
    }

    [Fact]
    public void Every_draw_moves_an_image_as_torchvisions_matrices_do()
    {
        var different = 0;
        for (var row = 0; row < 200; row++)
        {
            if (AffineAugmentation.Draw(1, 0, row, Height, Width) is { } parameters)
            {
                // The two forms round differently: a pixel's centre may fall on an edge in one of them.
                different += Apply(parameters).Zip(Reference(parameters)).Count(pair => pair.First != pair.Second);
            }
        }
        Assert.InRange(different, 0, 2);
    }

    [Fact]
    public void Draws_have_the_ranges_of_the_reference_and_are_functions_of_seed_epoch_and_row()
    {
        const int n = 4000;
        AffineAugmentation.Parameters?[] Draws(ulong seed, int epoch) =>
            [.. Enumerable.Range(0, n).Select(row => AffineAugmentation.Draw(seed, epoch, row, 28, 28))];

        var draws = Draws(1, 0);
        var moved = draws.OfType<AffineAugmentation.Parameters>().ToArray();
        Assert.Equal(0.5, (double)moved.Length / n, 4 * 0.5 / Math.Sqrt(n)); // four standard errors
        Assert.All(moved, p => Assert.True(p is { Angle: >= -10 and < 10, Scale: >= 0.8 and < 1.2, Shear: >= -5 and < 5 }));
        // Uniform: the extremes of 2,000 draws lie within 1 % of the ends, but for one chance in 10⁸.
        Assert.True(moved.Max(p => p.Angle) > 9.8 && moved.Min(p => p.Angle) < -9.8 && moved.Max(p => p.Scale) > 1.196 && moved.Min(p => p.Shear) < -4.9);
        // ±2.8 pixels, rounded.
        Assert.Equal(Enumerable.Range(-3, 7).Select(i => (double)i), moved.Select(p => p.X).Distinct().Order());
        Assert.Equal(Enumerable.Range(-3, 7).Select(i => (double)i), moved.Select(p => p.Y).Distinct().Order());
        Assert.Equal(draws, Draws(1, 0));
        Assert.NotEqual(draws, Draws(1, 1));
        Assert.NotEqual(draws, Draws(2, 0));
        Assert.NotEqual(draws[0], draws[1]);
    }

    [Fact]
    public void Training_rows_alone_are_augmented_and_constants_are_fitted_on_the_rows_as_they_are()
    {
        Npz.Write(_folder["a.npz"], new Dictionary<string, NpyArray>
        {
            ["x"] = NpyArray.From(Enumerable.Range(0, 40 * 6 * 5).Select(i => (float)(i * 7 % 100)).ToArray(), 40, 6, 5),
        });
        var plain = new DatasetOptions { Name = Dataset.FromFile, Path = _folder["a.npz"], Preprocessing = ["scale: 255", "pca: 2"] };
        var still = Dataset.Open(plain, 1);
        var moving = Dataset.Open(plain with { Augment = "affine" }, 1);
        Assert.Equal((false, true), (still.TrainingRowsVary, moving.TrainingRowsVary));
        Assert.Same(still.Load(SplitName.Train, 0), still.TrainingRows(3));
        foreach (var split in Enum.GetValues<SplitName>())
        {
            Assert.Equal(still.Load(split, 0).X, moving.Load(split, 7).X);
        }
        Assert.Equal(still.Preprocessing[1].B, moving.Preprocessing[1].B);
        Assert.Equal(still.Sha256, moving.Sha256); // measured on the same rows
        var (train, epoch) = (still.Load(SplitName.Train, 0), moving.TrainingRows(3));
        Assert.NotEqual(epoch.X, moving.TrainingRows(4).X);
        Assert.NotEqual(epoch.X, Dataset.Open(plain with { Augment = "affine" }, 2).TrainingRows(3).X);
        for (var row = 0; row < train.Rows; row++)
        {
            var expected = train.X.AsSpan(row * 30, 30).ToArray();
            if (AffineAugmentation.Draw(1, 3, row, 6, 5) is { } parameters)
            {
                AffineAugmentation.Apply(parameters, train.X.AsSpan(row * 30, 30), 6, 5, expected);
            }
            Assert.Equal(expected, epoch.X[(row * 30)..((row + 1) * 30)]);
        }

        Materialised.Write(moving, SplitName.Train, 3, 1, _folder["frozen"]);
        Assert.Equal(epoch.X, Npy.Read(Path.Combine(_folder["frozen"], "x.npy")).ToSingle());
        Materialised.Write(moving, SplitName.Test, 3, 1, _folder["test"]);
        Assert.Equal(still.Load(SplitName.Test, 0).X, Npy.Read(Path.Combine(_folder["test"], "x.npy")).ToSingle());
    }

    [Fact]
    public void What_is_no_image_is_refused()
    {
        var e = Assert.Throws<UsageException>(() => Dataset.Open(new DatasetOptions { Name = "toy4", Augment = "affine" }, 1));
        Assert.Equal("dataset.augment: expected images, [height, width] or [channels, height, width], found [2]. Give none.", e.Message);
        e = Assert.Throws<UsageException>(() => Dataset.Open(new DatasetOptions { Name = "sprites", Augment = "afine" }, 1));
        Assert.EndsWith("Did you mean 'affine'?", e.Message, StringComparison.Ordinal);
    }
}
