using Microsoft.ML.Transforms;

namespace Microsoft.ML;

public static class ConversionsExtensionsCatalog
{
    /// <param name="catalog">Where the extension hangs.</param>
    /// <param name="outputColumnName">The key column to make.</param>
    /// <param name="inputColumnName">The text column to read; the same name when absent.</param>
    /// <param name="maximumNumberOfKeys">Values beyond the first so many become missing.</param>
    /// <param name="keyOrdinality">Keys in order of first appearance, or of the values (ordinal).</param>
    /// <param name="addKeyValueAnnotationsAsText">Without effect: here the values are text already.</param>
    /// <param name="keyData">Not supported here.</param>
    public static ValueToKeyMappingEstimator MapValueToKey(
        this TransformsCatalog.ConversionTransforms catalog,
        string outputColumnName,
        string? inputColumnName = null,
        int maximumNumberOfKeys = 1000000,
        ValueToKeyMappingEstimator.KeyOrdinality keyOrdinality = ValueToKeyMappingEstimator.KeyOrdinality.ByOccurrence,
        bool addKeyValueAnnotationsAsText = false,
        IDataView? keyData = null) =>
        keyData is null
            ? new(outputColumnName, inputColumnName ?? outputColumnName, maximumNumberOfKeys, keyOrdinality)
            : throw new NotSupportedException("the stand-in for Microsoft.ML learns keys from the data: expected no keyData.");

    public static KeyToValueMappingEstimator MapKeyToValue(
        this TransformsCatalog.ConversionTransforms catalog, string outputColumnName, string? inputColumnName = null) =>
        new(outputColumnName, inputColumnName ?? outputColumnName);
}
