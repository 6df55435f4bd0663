using Microsoft.ML;
using Microsoft.ML.Data;
using Mim.Models;

namespace Mim.Downstream;

/// <summary>One embedding as ML.NET reads it; the property names are ML.NET's default column names.</summary>
sealed class EmbeddingRow
{
    public required float[] Features { get; init; }

    /// <summary>Empty where there is none, which ML.NET takes as missing.</summary>
    public required string Label { get; init; }
}

/// <summary>Embeddings as an <see cref="IDataView"/>: 'Features', a vector of the space's size and in its own scale, and 'Label', text.</summary>
static class EmbeddingView
{
    public static IDataView Load(MLContext ml, EmbeddingSet embeddings, IEnumerable<int> rows)
    {
        // The size is known only now, so no [VectorType(n)] can state it; without it every trainer refuses the column.
        var schema = SchemaDefinition.Create(typeof(EmbeddingRow), SchemaDefinition.Direction.Read);
        schema[nameof(EmbeddingRow.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, embeddings.Dims);
        EmbeddingRow[] view =
        [
            .. rows.Select(row => new EmbeddingRow { Features = embeddings.Row(row).ToArray(), Label = embeddings.Labels?[row] ?? "" }),
        ];
        return ml.Data.LoadFromEnumerable(view, schema);
    }
}
