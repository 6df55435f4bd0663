namespace Mim.Downstream;

/// <summary>What the models say about one embedding.</summary>
/// <param name="Id">As in the embeddings file.</param>
/// <param name="Cluster">From 1, as ML.NET counts.</param>
/// <param name="SquaredDistances">To every centroid.</param>
/// <param name="Label">The most probable class; null without a classifier.</param>
/// <param name="Probabilities">In the order of <see cref="DownstreamManifest.Labels"/>.</param>
public sealed record Prediction(string? Id, uint Cluster, float[] SquaredDistances, string? Label, float[]? Probabilities);
