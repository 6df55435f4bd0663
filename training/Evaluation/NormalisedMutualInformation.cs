namespace Mim.Training;

/// <summary>How far two labellings of the same rows agree, whatever the labels are called.</summary>
public static class NormalisedMutualInformation
{
    /// <summary>
    /// I(a;b) / max(H(a), H(b)) of the empirical distribution, in [0, 1]: scikit-learn's normalisation "max". Two labellings without any distinction
    /// agree: 1.
    /// </summary>
    public static double Max<TA, TB>(ReadOnlySpan<TA> a, ReadOnlySpan<TB> b)
        where TA : notnull
        where TB : notnull
    {
        if (a.Length != b.Length)
        {
            throw new ArgumentException($"Expected as many labels on both sides, found {a.Length} and {b.Length}.", nameof(b));
        }
        var (ofA, ofB, both) = (new Dictionary<TA, int>(), new Dictionary<TB, int>(), new Dictionary<(TA, TB), int>());
        for (var i = 0; i < a.Length; i++)
        {
            ofA[a[i]] = ofA.GetValueOrDefault(a[i]) + 1;
            ofB[b[i]] = ofB.GetValueOrDefault(b[i]) + 1;
            both[(a[i], b[i])] = both.GetValueOrDefault((a[i], b[i])) + 1;
        }
        var rows = (double)a.Length;
        var larger = Math.Max(Entropy(ofA.Values, rows), Entropy(ofB.Values, rows));
        var information = both.Sum(cell => cell.Value / rows * Math.Log(cell.Value * rows / ofA[cell.Key.Item1] / ofB[cell.Key.Item2]));
        return larger == 0 ? 1 : Math.Clamp(information / larger, 0, 1);
    }

    static double Entropy(IEnumerable<int> counts, double rows) => -counts.Sum(count => count / rows * Math.Log(count / rows));
}
