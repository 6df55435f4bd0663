namespace Microsoft.ML.Data;

public static class SchemaAnnotationsExtensions
{
    /// <summary>What the items of a vector column are called; for the scores of a classifier, the labels in the order of the probabilities.</summary>
    public static void GetSlotNames(this DataViewSchema.Column column, ref VBuffer<ReadOnlyMemory<char>> slotNames)
    {
        if (column.SlotNames is not { } names)
        {
            throw new InvalidOperationException($"Invalid call to 'GetValue': column '{column.Name}' has no slot names");
        }
        slotNames = new(Array.ConvertAll(names, n => n.AsMemory()));
    }
}
