using Mim.Models;

namespace Mim.Downstream;

/// <summary>What to fit and on which rows, checked: both files of one space and size, finite, every test label known, enough rows for the clusters.</summary>
public sealed record FitPlan
{
    FitPlan()
    {
    }

    public required EmbeddingSet Train { get; init; }

    public required string TrainFile { get; init; }

    /// <summary>The same set as <see cref="Train"/> where the test rows were split off it.</summary>
    public required EmbeddingSet Test { get; init; }

    public required string? TestFile { get; init; }

    public required double? TestFraction { get; init; }

    public required Split Split { get; init; }

    public required int Clusters { get; init; }

    public required int Seed { get; init; }

    /// <summary>The labels of the training rows, sorted; null for embeddings without.</summary>
    public required IReadOnlyList<string>? Labels { get; init; }

    /// <param name="embeddings">The file to train on.</param>
    /// <param name="testEmbeddings">The file to test on, or null to split.</param>
    /// <param name="testFraction">The share to split off, used without <paramref name="testEmbeddings"/>.</param>
    /// <param name="clusters">Null for as many as there are labels.</param>
    /// <param name="seed">Of the split and of k-means.</param>
    public static FitPlan Create(string embeddings, string? testEmbeddings, double testFraction, int? clusters, int seed)
    {
        var train = EmbeddingSet.Read(embeddings);
        RequireFinite(train, embeddings);
        var test = train;
        Split split;
        if (testEmbeddings is null)
        {
            split = Split.Stratified(train.Rows, train.Labels, testFraction, seed);
            if (split.Test.Count == 0)
            {
                throw new UsageException(
                    $"{embeddings}: expected rows to hold out, found {train.Rows} of which none can be spared. Give more rows, or --test-embeddings.");
            }
        }
        else
        {
            test = EmbeddingSet.Read(testEmbeddings);
            test.RequireSpace(train.SpaceId, testEmbeddings);
            RequireDims(test, train.Dims, testEmbeddings);
            RequireFinite(test, testEmbeddings);
            split = new([.. Enumerable.Range(0, train.Rows)], [.. Enumerable.Range(0, test.Rows)]);
        }
        var labels = Labelled(train, embeddings, test, testEmbeddings ?? embeddings, split);
        var k = clusters ?? (labels is { Length: > 1 }
            ? labels.Length
            : throw new UsageException(
                $"{embeddings}: expected --clusters K, because there {(labels is null ? "are no labels" : $"is one label, '{labels[0]}',")} to take the number of clusters from."));
        if (k > split.Train.Count)
        {
            throw new UsageException($"--clusters: expected at most {split.Train.Count}, the rows to train on, found {k}.");
        }
        return new()
        {
            Train = train,
            TrainFile = embeddings,
            Test = test,
            TestFile = testEmbeddings,
            TestFraction = testEmbeddings is null ? testFraction : null,
            Split = split,
            Clusters = k,
            Seed = seed,
            Labels = labels,
        };
    }

    internal static void RequireDims(EmbeddingSet embeddings, int dims, string name)
    {
        if (embeddings.Dims != dims)
        {
            throw new InvalidDataException($"{name}: expected {dims} dimensions, found {embeddings.Dims}. Encode the data again with the same model.");
        }
    }

    internal static void RequireFinite(EmbeddingSet embeddings, string name)
    {
        // ML.NET would leave such rows out and say so only in its log.
        var at = embeddings.Z.AsSpan().IndexOfAnyExceptInRange(float.MinValue, float.MaxValue);
        if (at >= 0)
        {
            throw new InvalidDataException(
                $"{name}: row {at / embeddings.Dims}: expected finite values, found {embeddings.Z[at]} in z[{at % embeddings.Dims}]. Encode the row again, or leave it out.");
        }
    }

    static string[]? Labelled(EmbeddingSet train, string trainName, EmbeddingSet test, string testName, Split split)
    {
        if (train.Labels is null)
        {
            return null;
        }
        if (test.Labels is not { } testLabels)
        {
            throw new UsageException($"{testName}: expected a label for every row, as in {trainName}, found none.");
        }
        var known = split.Train.Select(row => train.Labels[row]).ToHashSet(StringComparer.Ordinal);
        if (known.Contains(""))
        {
            throw new InvalidDataException($"{trainName}: row {Array.IndexOf(train.Labels, "")}: expected a label, found an empty one.");
        }
        foreach (var row in split.Test)
        {
            // ML.NET would take such a row for the first class in the mutual information, and leave it out of the accuracy.
            if (!known.Contains(testLabels[row]))
            {
                throw new InvalidDataException($"{testName}: row {row}: expected a label that occurs in {trainName}, found '{testLabels[row]}'.");
            }
        }
        return [.. known.Order(StringComparer.Ordinal)];
    }
}
