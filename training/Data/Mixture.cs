using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// The reference's Gaussian mixtures of equal weights. <c>toy[-]&lt;modes&gt;[_&lt;d&gt;]</c>: one isotropic σ = 0.25·5/K, the first two
/// dimensions of the means on the unit circle at θ_i = 2πi/K, with the origin as component 0 unless the name has a minus. Dividing by K and
/// not by the number of modes leaves a gap in the ring of <c>toy4</c>: so do the published plots. The further dimensions are those of
/// linspace(−10·K, 10·K, K·d) as [K, d].
/// <c>toy&lt;TEXT&gt;</c>, such as <c>toyMIM</c>: every lit pixel of the text, w×h pixels large, is a component in two dimensions with mean
/// ((column/w − 0.45)·3.6, (row from below/h − 0.45)·3.6) and σ = (1/w, 1/h).
/// </summary>
public sealed partial class Mixture : Dataset
{
    const double SigmaTimesComponents = 0.25 * 5;
    const double ExtentPerComponent = 10;
    const double TextCentre = 0.45;
    const double TextExtent = 3.6;
    const int MaxText = 32;

    readonly float[] _means;
    readonly double[] _sigma;
    readonly string _parameters;
    readonly int _xDim;
    readonly int _rows;
    readonly ulong _seed;

    /// <param name="options">Its name and rows.</param>
    /// <param name="seed">Key of the draws.</param>
    /// <param name="means">(Components, X).</param>
    /// <param name="sigma">(X).</param>
    /// <param name="parameters">What the hash names beside name and rows.</param>
    Mixture(DatasetOptions options, long seed, float[] means, double[] sigma, string parameters)
    {
        Name = options.Name;
        _xDim = sigma.Length;
        XShape = [_xDim];
        Components = means.Length / _xDim;
        _rows = options.RowsPerEpoch;
        _seed = unchecked((ulong)seed);
        _means = means;
        _sigma = sigma;
        _parameters = parameters;
    }

    public override string Name { get; }

    public override IReadOnlyList<long> XShape { get; }

    public override bool HasLabels => true;

    /// <summary>Number of components, equally likely; the label of a row is its component.</summary>
    public int Components { get; }

    /// <summary>Standard deviation of every component in each dimension.</summary>
    public ReadOnlySpan<double> Sigma => _sigma;

    public override bool VariesByEpoch => true;

    public override string Sha256 => Hashes.Sha256(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
        $"{Name} rows={_rows} {_parameters} philox4x32-10")));

    /// <summary>Null if the name is not one of a mixture.</summary>
    internal static Dataset? TryCreate(DatasetOptions options, long seed)
    {
        var match = NamePattern().Match(options.Name);
        return match.Success ? Ring(options, match, seed)
            : TextPattern().Match(options.Name) is { Success: true } text ? Text(options, text.Groups["text"].Value, seed)
            : null;
    }

    static Mixture Ring(DatasetOptions options, Match match, long seed)
    {
        var modes = int.Parse(match.Groups["modes"].ValueSpan, CultureInfo.InvariantCulture);
        var xDim = match.Groups["d"].Success ? int.Parse(match.Groups["d"].ValueSpan, CultureInfo.InvariantCulture) : 2;
        if (modes < 1 || xDim < 2)
        {
            throw new UsageException($"dataset.name '{options.Name}': expected at least one mode and two dimensions, as in toy4_20.");
        }
        var withOrigin = !match.Groups["ring"].Success;
        var components = withOrigin ? modes + 1 : modes;
        var extent = ExtentPerComponent * components;
        var means = new float[components * xDim];
        for (var i = 0; i < means.Length; i++)
        {
            means[i] = (float)(-extent + (2 * extent * i / (means.Length - 1)));
        }
        for (var component = 0; component < components; component++)
        {
            var mean = means.AsSpan(component * xDim, xDim);
            var ring = withOrigin ? component - 1 : component;
            var angle = Math.Tau * ring / components;
            (mean[0], mean[1]) = ring < 0 ? (0, 0) : ((float)Math.Cos(angle), (float)Math.Sin(angle));
        }
        var sigma = new double[xDim];
        Array.Fill(sigma, SigmaTimesComponents / components);
        return new Mixture(options, seed, means, sigma, FormattableString.Invariant($"sigma={sigma[0]:R} extent={extent}"));
    }

    static Mixture Text(DatasetOptions options, string text, long seed)
    {
        if (text.Length > MaxText)
        {
            throw new UsageException($"dataset.name: expected a text of at most {MaxText} characters, found {text.Length}.");
        }
        var (width, height) = (TextFont.CellWidth * text.Length, TextFont.CellHeight);
        var means = TextFont.Render(text).SelectMany(pixel => new[] { Place(pixel.Column, width), Place(pixel.RowUp, height) }).ToArray();
        return new Mixture(options, seed, means, [1.0 / width, 1.0 / height], $"font=5x7 means={Hashes.Sha256(MemoryMarshal.AsBytes<float>(means))}");

        static float Place(int pixel, int size) => (float)((((double)pixel / size) - TextCentre) * TextExtent);
    }

    public ReadOnlySpan<float> Mean(int component) => _means.AsSpan(component * _xDim, _xDim);

    /// <summary>log P(x) in nats, exactly.</summary>
    public double LogDensity(ReadOnlySpan<float> x)
    {
        var terms = new double[Components];
        for (var component = 0; component < Components; component++)
        {
            var mean = Mean(component);
            var squares = 0.0;
            for (var j = 0; j < _xDim; j++)
            {
                var difference = ((double)x[j] - mean[j]) / _sigma[j];
                squares += difference * difference;
            }
            terms[component] = -squares / 2;
        }
        var largest = terms.Max();
        var logMeanExp = largest + Math.Log(terms.Sum(term => Math.Exp(term - largest)) / Components);
        return logMeanExp - _sigma.Sum(sigma => Math.Log(sigma * Math.Sqrt(Math.Tau)));
    }

    public override DataSplit Load(SplitName split, int epoch)
    {
        var random = new Philox(_seed, (uint)split, (uint)epoch);
        var x = new float[_rows * _xDim];
        var labels = new long[_rows];
        for (var row = 0; row < _rows; row++)
        {
            var component = random.NextInt32(Components);
            labels[row] = component;
            var mean = Mean(component);
            for (var j = 0; j < _xDim; j++)
            {
                x[(row * _xDim) + j] = (float)(mean[j] + (_sigma[j] * random.NextNormal()));
            }
        }
        return new DataSplit(x, _rows, _xDim, labels);
    }

    [GeneratedRegex(@"^toy(?<ring>-)?(?<modes>\d{1,3})(_(?<d>\d{1,4}))?$")]
    private static partial Regex NamePattern();

    [GeneratedRegex("^toy(?<text>[A-Z0-9]*[A-Z][A-Z0-9]*)$")]
    private static partial Regex TextPattern();
}
