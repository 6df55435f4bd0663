using Mim.Training;
using static TorchSharp.torch;

namespace Mim.Tests.Evaluation;

public sealed class CodeScoresTests
{
    // The evaluated labels are the training labels exchanged: whatever is fitted on training rows is always wrong, what saw the evaluated rows is not.
    // Draws and means disagree as well: reading the one for the other turns wrong into right.
    [Fact]
    public void Classifiers_are_fitted_on_the_training_rows_alone()
    {
        var (train, test) = (Codes(7, false), Codes(8, true));
        using var noise = new Generator(1);
        var found = CodeScores.Of(train, test, 1, noise, CancellationToken.None);
        Assert.Equal([0, 0, 0, 0], found.Knn);
        Assert.Equal([0, 0, 0, 0], found.KnnOfMeans);
        Assert.Equal(0, found.LinearProbe);
        Assert.Equal(1, found.Nmi, 1e-12); // clusters are the evaluated rows' own, and names do not matter
        Assert.Equal((2, 40), (found.Clusters, found.TrainRows));
    }

    // Draws that are noise, means that are the label.
    [Fact]
    public void Means_are_judged_beside_draws()
    {
        var gauss = new Gauss(9);
        LabelledCodes Noisy(LabelledCodes codes) => codes with { Z = gauss.Fill(codes.Z.Length) };
        using var noise = new Generator(2);
        var found = CodeScores.Of(Noisy(Codes(7, false)), Noisy(Codes(8, false)), 1, noise, CancellationToken.None);
        Assert.All(found.Knn, accuracy => Assert.InRange(accuracy, 0.2, 0.8)); // fair coins, 40 of them: four standard errors
        Assert.Equal([1, 1, 1, 1], found.KnnOfMeans);
        Assert.Equal(1, found.LinearProbe);
        Assert.InRange(found.Nmi, 0, 0.3);
    }

    // I = ½ ln 4/3 + ¼ ln 2/3 + ¼ ln 2 by hand; the larger entropy is ln 2.
    [Fact]
    public void Normalised_mutual_information_divides_by_the_larger_entropy()
    {
        long[] a = [0, 0, 1, 1];
        int[] b = [5, 5, 5, 7];
        var expected = (0.5 * Math.Log(4.0 / 3) + 0.25 * Math.Log(2.0 / 3) + 0.25 * Math.Log(2)) / Math.Log(2);
        Assert.Equal(expected, NormalisedMutualInformation.Max<long, int>(a, b), 1e-12);
        Assert.Equal(expected, NormalisedMutualInformation.Max<int, long>(b, a), 1e-12);
        Assert.Equal(1, NormalisedMutualInformation.Max<long, int>(a, [3, 3, 9, 9]), 1e-12);
        Assert.Equal(0, NormalisedMutualInformation.Max<long, int>(a, [3, 9, 3, 9]), 1e-12);
        Assert.Equal(0, NormalisedMutualInformation.Max<long, int>(a, [3, 3, 3, 3]), 1e-12);
        Assert.Equal(1, NormalisedMutualInformation.Max<long, int>([4, 4], [3, 3]), 1e-12);
    }

    static LabelledCodes Codes(int seed, bool exchanged)
    {
        var gauss = new Gauss(seed);
        var z = Enumerable.Range(0, 40).Select(i => (float)((i % 2 == 0 ? -1 : 1) + 0.01 * gauss.Next())).ToArray();
        return new LabelledCodes(z, [.. z], [.. Enumerable.Range(0, 40).Select(i => (long)(exchanged ? 1 - i % 2 : i % 2))]);
    }
}
