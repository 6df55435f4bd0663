namespace Mim.Models;

/// <summary>Names the space that an encoder maps to: SHA-256 over its weights, graph and preprocessing. Two embeddings are comparable only if their space ids are equal.</summary>
public static class SpaceId
{
    /// <summary>Length of the prefix that a version carries.</summary>
    public const int ShortLength = 8;

    /// <param name="encoder">The bytes of encoder.onnx.</param>
    /// <param name="preprocessing">The chain in the manifest.</param>
    public static string Compute(ReadOnlySpan<byte> encoder, IReadOnlyList<PreprocessingStep> preprocessing) =>
        throw new NotImplementedException($"{encoder.Length} {preprocessing.Count}");
}
