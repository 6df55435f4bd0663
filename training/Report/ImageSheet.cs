namespace Mim.Training;

/// <summary>How one row of x is laid out as an image.</summary>
public sealed record ImageShape(int Height, int Width, int Channels, bool ChannelsFirst)
{
    /// <summary>Narrower than this, numbers are told apart better than shades.</summary>
    const int MinSide = 4;

    /// <summary>Null: x of this shape is no image. (H, W), (1 or 3, H, W) and (H, W, 1 or 3) are.</summary>
    public static ImageShape? Of(IReadOnlyList<long> xShape) => xShape switch
    {
        [>= MinSide and var h, >= MinSide and var w] => new ImageShape((int)h, (int)w, 1, false),
        [(1 or 3) and var c, >= MinSide and var h, >= MinSide and var w] => new ImageShape((int)h, (int)w, (int)c, true),
        [>= MinSide and var h, >= MinSide and var w, (1 or 3) and var c] => new ImageShape((int)h, (int)w, (int)c, false),
        _ => null,
    };

    public int Index(int line, int column, int channel) =>
        ChannelsFirst ? (((channel * Height) + line) * Width) + column : (((line * Width) + column) * Channels) + channel;
}

/// <summary>Several images of one size as one PNG, gaps transparent.</summary>
public static class ImageSheet
{
    /// <summary>Pixels between images, and between groups of lines.</summary>
    const int Gap = 1, GroupGap = 4;

    /// <param name="images">Row after row of the sheet; the last row may be short.</param>
    /// <param name="shape">Of each image.</param>
    /// <param name="columns">Images side by side.</param>
    /// <param name="linesInGroup">Rows that belong together, such as 2 for originals above reconstructions.</param>
    /// <param name="low">Black; what is below is black, too.</param>
    /// <param name="high">White; what is above is white, too.</param>
    public static (byte[] Png, int Width, int Height) Draw(
        IReadOnlyList<float[]> images, ImageShape shape, int columns, int linesInGroup, float low, float high)
    {
        columns = Math.Min(columns, images.Count);
        var lines = (images.Count + columns - 1) / columns;
        var width = (columns * (shape.Width + Gap)) - Gap;
        int Top(int line) => (line * (shape.Height + Gap)) + (line / linesInGroup * (linesInGroup > 1 ? GroupGap - Gap : 0));
        var height = Top(lines - 1) + shape.Height;
        var channels = shape.Channels + 1;
        var pixels = new byte[height * width * channels];
        for (var i = 0; i < images.Count; i++)
        {
            var (top, left) = (Top(i / columns), i % columns * (shape.Width + Gap));
            for (var y = 0; y < shape.Height; y++)
            {
                for (var x = 0; x < shape.Width; x++)
                {
                    var pixel = pixels.AsSpan((((top + y) * width) + left + x) * channels, channels);
                    for (var c = 0; c < shape.Channels; c++)
                    {
                        pixel[c] = Shade(images[i][shape.Index(y, x, c)], low, high);
                    }
                    pixel[^1] = byte.MaxValue;
                }
            }
        }
        return (Png.Encode(pixels, width, channels), width, height);
    }

    static byte Shade(float value, float low, float high) =>
        float.IsNaN(value) ? (byte)0 : (byte)Math.Round(Math.Clamp((value - low) / (high - low), 0, 1) * byte.MaxValue);
}
