using System.Globalization;
using System.Text;
using Mim.Models;

namespace Mim.Training;

public enum SpriteShape
{
    Square,
    Ellipse,
    Heart,
}

/// <summary>What generates one sprite: everything that an embedding of it could know.</summary>
/// <param name="Shape">The label.</param>
/// <param name="Scale">Radius of the circumscribed circle relative to the largest, 0.5 to 1.</param>
/// <param name="Rotation">Radians, 0 to 2π, counter-clockwise on the screen. A square repeats after π/2, an ellipse after π.</param>
/// <param name="X">Centroid from the leftmost (0) to the rightmost (1) place at which the largest sprite is whole.</param>
/// <param name="Y">Likewise, from the top (0) to the bottom (1).</param>
public readonly record struct SpriteFactors(SpriteShape Shape, double Scale, double Rotation, double X, double Y);

/// <summary>
/// White shapes on black, rendered on the fly from factors that are known: a small image set with ground truth, after dSprites (Matthey et
/// al. 2017), with continuous factors. Values are in [0, 1], anti-aliased by 4×4 samples a pixel; the label is the shape.
/// </summary>
public sealed class Sprites : Dataset
{
    public const int MinSize = 28;

    const int MaxSize = 512;
    const double MinScale = 0.5;
    const double LargestRadius = 0.25;
    const int SamplesPerSide = 4;
    const int Shapes = 3;

    // A heart is a square of side s on its tip with half-discs of diameter s on its two upper sides. In the square's own axes (u, v), both
    // sides at +s/2, the centroid is at u = v = HeartCentroid·s, and the tip, the farthest point from it, at −s/2.
    static readonly double s_heartCentroid = Math.PI / 8 * (0.5 + (2 / (3 * Math.PI))) / (1 + (Math.PI / 4));
    static readonly double s_heartRadius = Math.Sqrt(2) * (0.5 + s_heartCentroid);

    readonly int _size;
    readonly int _rows;
    readonly ulong _seed;

    internal Sprites(DatasetOptions options, long seed)
    {
        if (options.ImageSize is < MinSize or > MaxSize)
        {
            throw new UsageException($"dataset.image_size: expected {MinSize} to {MaxSize} pixels, found {options.ImageSize}.");
        }
        _size = options.ImageSize;
        _rows = options.RowsPerEpoch;
        _seed = unchecked((ulong)seed);
        XShape = [_size, _size];
    }

    public override string Name => "sprites";

    public override IReadOnlyList<long> XShape { get; }

    public override bool HasLabels => true;

    public override bool VariesByEpoch => true;

    public override IReadOnlyList<string> LabelNames { get; } = ["square", "ellipse", "heart"];

    public override IReadOnlyList<string> FactorNames { get; } = ["shape", "scale", "rotation", "x", "y"];

    public override string Sha256 => Hashes.Sha256(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
        $"sprites size={_size} rows={_rows} scale={MinScale}-1 radius={LargestRadius} philox4x32-10")));

    /// <summary>Area in pixels of a sprite, before pixels are cut from it.</summary>
    public double Area(SpriteFactors factors)
    {
        var radius = LargestRadius * _size * factors.Scale;
        return factors.Shape switch
        {
            SpriteShape.Square => 2 * radius * radius,
            SpriteShape.Ellipse => Math.PI * radius * radius / 2,
            _ => (1 + (Math.PI / 4)) * Math.Pow(radius / s_heartRadius, 2),
        };
    }

    /// <summary>Centroid in pixels from the top left corner of the image.</summary>
    public (double X, double Y) Centroid(SpriteFactors factors)
    {
        var margin = LargestRadius * _size;
        return (margin + (factors.X * (_size - (2 * margin))), margin + (factors.Y * (_size - (2 * margin))));
    }

    /// <summary>Draws one image into [size, size] zeros.</summary>
    public void Render(SpriteFactors factors, Span<float> image)
    {
        var radius = LargestRadius * _size * factors.Scale;
        var (centreX, centreY) = Centroid(factors);
        var (sine, cosine) = Math.SinCos(factors.Rotation);
        var side = factors.Shape == SpriteShape.Heart ? radius / s_heartRadius : radius * Math.Sqrt(2);
        var (left, right) = ((int)(centreX - radius), Math.Min(_size - 1, (int)(centreX + radius)));
        var (top, bottom) = ((int)(centreY - radius), Math.Min(_size - 1, (int)(centreY + radius)));
        for (var row = top; row <= bottom; row++)
        {
            for (var column = left; column <= right; column++)
            {
                var inside = 0;
                for (var sample = 0; sample < SamplesPerSide * SamplesPerSide; sample++)
                {
                    var dx = column + ((sample % SamplesPerSide + 0.5) / SamplesPerSide) - centreX;
                    var dy = centreY - row - ((sample / SamplesPerSide + 0.5) / SamplesPerSide);
                    var u = (cosine * dx) + (sine * dy);
                    var v = (cosine * dy) - (sine * dx);
                    inside += Contains(factors.Shape, u, v, radius, side) ? 1 : 0;
                }
                image[(row * _size) + column] = (float)inside / (SamplesPerSide * SamplesPerSide);
            }
        }
    }

    public override DataSplit Load(SplitName split, int epoch)
    {
        var random = new Philox(_seed, (uint)split, (uint)epoch);
        var x = new float[_rows * XDim];
        var labels = new long[_rows];
        var factorValues = new float[_rows * FactorNames.Count];
        for (var row = 0; row < _rows; row++)
        {
            var factors = new SpriteFactors(
                (SpriteShape)random.NextInt32(Shapes),
                random.NextDouble(MinScale, 1),
                random.NextDouble(0, Math.Tau),
                random.NextDouble(),
                random.NextDouble());
            labels[row] = (long)factors.Shape;
            var (shape, scale, rotation, centreX, centreY) = factors;
            ReadOnlySpan<float> values = [(float)shape, (float)scale, (float)rotation, (float)centreX, (float)centreY];
            values.CopyTo(factorValues.AsSpan(row * values.Length));
            Render(factors, x.AsSpan(row * XDim, XDim));
        }
        return new DataSplit(x, _rows, XDim, labels) { Factors = factorValues };
    }

    /// <summary>(u, v) are a point's coordinates in the shape's own axes, from its centroid.</summary>
    static bool Contains(SpriteShape shape, double u, double v, double radius, double side)
    {
        switch (shape)
        {
            case SpriteShape.Square:
                return Math.Abs(u) <= side / 2 && Math.Abs(v) <= side / 2;
            case SpriteShape.Ellipse:
                return (u * u) + (4 * v * v) <= radius * radius;
            default:
                // Upright at rotation 0: the square's diagonal u = v points up.
                var p = ((v + u) / Math.Sqrt(2)) + (s_heartCentroid * side);
                var q = ((v - u) / Math.Sqrt(2)) + (s_heartCentroid * side);
                var half = side / 2;
                return (Math.Abs(p) <= half && Math.Abs(q) <= half)
                    || ((p - half) * (p - half)) + (q * q) <= half * half
                    || (p * p) + ((q - half) * (q - half)) <= half * half;
        }
    }
}
