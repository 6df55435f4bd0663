namespace Mim.Downstream;

/// <summary>Which rows train and which test. Both ascending, disjoint, together every row.</summary>
public sealed record Split(IReadOnlyList<int> Train, IReadOnlyList<int> Test)
{
    /// <summary>
    /// Draws the test share from each label by itself, at least one row of it, and leaves at least one to train on: the classes of the two parts agree as
    /// far as the data allow. Our own rather than ML.NET's, so that the rows do not depend on the engine.
    /// </summary>
    /// <param name="rows">How many.</param>
    /// <param name="labels">One a row, or null for a plain split.</param>
    /// <param name="testFraction">In (0, 1).</param>
    /// <param name="seed">Same seed, same split.</param>
    public static Split Stratified(int rows, IReadOnlyList<string>? labels, double testFraction, int seed)
    {
        var random = new Random(seed);
        List<int> train = [];
        List<int> test = [];
        foreach (var stratum in Enumerable.Range(0, rows).GroupBy(row => labels?[row] ?? "").OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            int[] members = [.. stratum];
            random.Shuffle(members);
            var held = Math.Clamp((int)Math.Round(members.Length * testFraction), 1, Math.Max(1, members.Length - 1));
            held = members.Length == 1 ? 0 : held;
            test.AddRange(members[..held]);
            train.AddRange(members[held..]);
        }
        train.Sort();
        test.Sort();
        return new(train, test);
    }
}
