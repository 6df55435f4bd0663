namespace Microsoft.ML.Data;

public abstract class DataViewType
{
    private protected DataViewType()
    {
    }
}

public abstract class StructuredDataViewType : DataViewType
{
    private protected StructuredDataViewType()
    {
    }
}

public abstract class PrimitiveDataViewType : DataViewType
{
    private protected PrimitiveDataViewType()
    {
    }
}

public sealed class NumberDataViewType : PrimitiveDataViewType
{
    readonly string _name;

    NumberDataViewType(string name) => _name = name;

    public static NumberDataViewType Single { get; } = new("Single");

    public override string ToString() => _name;
}

/// <summary>A vector of <see cref="Size"/> items; 0 means that rows differ in length, which no trainer takes.</summary>
public sealed class VectorDataViewType : StructuredDataViewType
{
    public VectorDataViewType(PrimitiveDataViewType itemType, int size = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        ItemType = itemType;
        Size = size;
    }

    public PrimitiveDataViewType ItemType { get; }

    public bool IsKnownSize => Size > 0;

    public int Size { get; }

    public override string ToString() => IsKnownSize ? $"Vector<{ItemType}, {Size}>" : $"Vector<{ItemType}>";
}

sealed class TextDataViewType : PrimitiveDataViewType
{
    TextDataViewType()
    {
    }

    public static TextDataViewType Instance { get; } = new();

    public override string ToString() => "String";
}

/// <summary>Stored as uint: 0 is missing, 1…<see cref="Count"/> are the keys.</summary>
sealed class KeyDataViewType(int count) : PrimitiveDataViewType
{
    public int Count { get; } = count;

    public override string ToString() => $"Key<UInt32, 0-{Count - 1}>";
}
