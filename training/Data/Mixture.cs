using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// The reference's Gaussian mixtures <c>toy[-]&lt;modes&gt;[_&lt;d&gt;]</c>: equal weights, one isotropic σ = 0.25·5/K, the first two
/// dimensions of the means on the unit circle at θ_i = 2πi/K, with the origin as component 0 unless the name has a minus. Dividing by K and
/// not by the number of modes leaves a gap in the ring of <c>toy4</c>: so do the published plots. The further dimensions are those of
/// linspace(−50, 50, K·d) as [K, d].
/// </summary>
public sealed partial class Mixture : Dataset
{
    const double SigmaTimesComponents = 0.25 * 5;
    const double Extent = 50;

    readonly float[] _means;
    readonly int _xDim;
    readonly int _rows;
    readonly ulong _seed;

    Mixture(string name, int modes, bool withOrigin, int xDim, int rows, long seed)
    {
        Name = name;
        Components = withOrigin ? modes + 1 : modes;
        Sigma = SigmaTimesComponents / Components;
        XShape = [xDim];
        _xDim = xDim;
        _rows = rows;
        _seed = unchecked((ulong)seed);
        _means = new float[Components * xDim];
        for (var i = 0; i < _means.Length; i++)
        {
            _means[i] = (float)(-Extent + (2 * Extent * i / (_means.Length - 1)));
        }
        for (var component = 0; component < Components; component++)
        {
            var mean = _means.AsSpan(component * xDim, xDim);
            var ring = withOrigin ? component - 1 : component;
            var angle = Math.Tau * ring / Components;
            (mean[0], mean[1]) = ring < 0 ? (0, 0) : ((float)Math.Cos(angle), (float)Math.Sin(angle));
        }
    }

    public override string Name { get; }

    public override IReadOnlyList<long> XShape { get; }

    public override bool HasLabels => true;

    /// <summary>Number of components, equally likely; the label of a row is its component.</summary>
    public int Components { get; }

    /// <summary>Standard deviation of every component in every dimension.</summary>
    public double Sigma { get; }

    public override string Sha256 => Hashes.Sha256(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
        $"{Name} rows={_rows} sigma={Sigma:R} philox4x32-10")));

    /// <summary>Null if the name is not one of a mixture.</summary>
    internal static Dataset? TryCreate(DatasetOptions options, long seed)
    {
        var match = NamePattern().Match(options.Name);
        if (!match.Success)
        {
            return null;
        }
        var modes = int.Parse(match.Groups["modes"].ValueSpan, CultureInfo.InvariantCulture);
        var xDim = match.Groups["d"].Success ? int.Parse(match.Groups["d"].ValueSpan, CultureInfo.InvariantCulture) : 2;
        return modes < 1 || xDim < 2
            ? throw new UsageException($"dataset.name '{options.Name}': expected at least one mode and two dimensions, as in toy4_20.")
            : new Mixture(options.Name, modes, !match.Groups["ring"].Success, xDim, options.RowsPerEpoch, seed);
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
                var difference = (double)x[j] - mean[j];
                squares += difference * difference;
            }
            terms[component] = -squares / (2 * Sigma * Sigma);
        }
        var largest = terms.Max();
        var logMeanExp = largest + Math.Log(terms.Sum(term => Math.Exp(term - largest)) / Components);
        return logMeanExp - (_xDim * Math.Log(Sigma * Math.Sqrt(Math.Tau)));
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
                x[(row * _xDim) + j] = (float)(mean[j] + (Sigma * random.NextNormal()));
            }
        }
        return new DataSplit(x, _rows, _xDim, labels);
    }

    [GeneratedRegex(@"^toy(?<ring>-)?(?<modes>\d{1,3})(_(?<d>\d{1,4}))?$")]
    private static partial Regex NamePattern();
}
