using Mim.Models;

namespace Mim.Training;

/// <summary>
/// The reference's augmentation of images: with probability ½ torchvision's <c>RandomAffine(10, translate (0.1, 0.1), scale (0.8, 1.2), shear 5)</c>, nearest
/// neighbour, black outside. What happens to a row is a function of (seed, epoch, row).
/// </summary>
public static class AffineAugmentation
{
    const double Probability = 0.5;
    const double MaxDegrees = 10;
    const double MaxTranslation = 0.1;
    const double MinScale = 0.8;
    const double MaxScale = 1.2;
    const double MaxShearDegrees = 5;

    /// <summary>"A", with the epoch behind it: keeps these streams apart from every other use of the run's seed.</summary>
    const uint Stream = 0x41000000;

    const uint MaxEpoch = 0x00FFFFFF;

    /// <param name="Angle">Degrees, clockwise on the screen.</param>
    /// <param name="X">Pixels to the right, whole.</param>
    /// <param name="Y">Pixels down, whole.</param>
    /// <param name="Scale">Above 1 enlarges.</param>
    /// <param name="Shear">Degrees.</param>
    public readonly record struct Parameters(double Angle, double X, double Y, double Scale, double Shear);

    /// <summary>What happens to a row in an epoch, from 0; null: nothing.</summary>
    public static Parameters? Draw(ulong seed, int epoch, int row, int height, int width)
    {
        var random = new Philox(seed, Stream | ((uint)epoch & MaxEpoch), (uint)row);
        return random.NextDouble() >= Probability ? null : new Parameters(
            random.NextDouble(-MaxDegrees, MaxDegrees),
            Math.Round(random.NextDouble(-MaxTranslation, MaxTranslation) * width),
            Math.Round(random.NextDouble(-MaxTranslation, MaxTranslation) * height),
            random.NextDouble(MinScale, MaxScale),
            random.NextDouble(-MaxShearDegrees, MaxShearDegrees));
    }

    /// <summary>
    /// Every pixel of <paramref name="moved"/> is that of <paramref name="image"/>, (height, width), where the inverse map leads: M⁻¹ = C·RSS⁻¹·C⁻¹·T⁻¹ with the
    /// translation T, the rotation, scale and shear RSS, and C to torchvision's centre, which lies half a pixel right and below of the image's.
    /// </summary>
    public static void Apply(Parameters parameters, ReadOnlySpan<float> image, int height, int width, Span<float> moved)
    {
        var (angle, shear) = (parameters.Angle * Math.PI / 180, parameters.Shear * Math.PI / 180);
        var (centreX, centreY) = ((width + 1) / 2.0, (height + 1) / 2.0);
        // RSS = s·[cos a, −sin(a + h); sin a, cos(a + h)], whose determinant is s²·cos h.
        var factor = 1 / (parameters.Scale * Math.Cos(shear));
        var (xx, xy) = (factor * Math.Cos(angle + shear), factor * Math.Sin(angle + shear));
        var (yx, yy) = (-factor * Math.Sin(angle), factor * Math.Cos(angle));
        for (var row = 0; row < height; row++)
        {
            var y = row + 0.5 - centreY - parameters.Y;
            for (var column = 0; column < width; column++)
            {
                var x = column + 0.5 - centreX - parameters.X;
                var (fromX, fromY) = ((int)Math.Floor((xx * x) + (xy * y) + centreX), (int)Math.Floor((yx * x) + (yy * y) + centreY));
                moved[(row * width) + column] =
                    (uint)fromX < (uint)width && (uint)fromY < (uint)height ? image[(fromY * width) + fromX] : 0;
            }
        }
    }

    /// <summary>The rows of an epoch, from 0; <paramref name="shape"/> is that of one row, (height, width) or (channels, height, width).</summary>
    internal static DataSplit Apply(DataSplit rows, IReadOnlyList<long> shape, ulong seed, int epoch)
    {
        var (height, width) = ((int)shape[^2], (int)shape[^1]);
        var size = height * width;
        var x = (float[])rows.X.Clone();
        for (var row = 0; row < rows.Rows; row++)
        {
            if (Draw(seed, epoch, row, height, width) is not { } parameters)
            {
                continue;
            }
            for (var first = row * rows.XDim; first < (row + 1) * rows.XDim; first += size)
            {
                Apply(parameters, rows.X.AsSpan(first, size), height, width, x.AsSpan(first, size));
            }
        }
        return rows with { X = x };
    }

    internal static void Check(Dataset dataset)
    {
        if (dataset.XShape.Count is not (2 or 3))
        {
            throw new UsageException(
                $"dataset.augment: expected images, [height, width] or [channels, height, width], found [{string.Join(", ", dataset.XShape)}]. Give none.");
        }
    }
}
