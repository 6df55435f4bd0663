namespace Microsoft.ML.Data;

public sealed class ConfusionMatrix
{
    internal ConfusionMatrix(double[][] counts)
    {
        Counts = counts;
        NumberOfClasses = counts.Length;
        PerClassPrecision = [.. counts.Select((row, c) => Share(row[c], counts.Sum(r => r[c])))];
        PerClassRecall = [.. counts.Select((row, c) => Share(row[c], row.Sum()))];
    }

    public IReadOnlyList<double> PerClassPrecision { get; }

    public IReadOnlyList<double> PerClassRecall { get; }

    /// <summary>Rows are actual classes, columns predicted ones.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Counts { get; }

    public int NumberOfClasses { get; }

    static double Share(double part, double whole) => whole > 0 ? part / whole : 0;
}
