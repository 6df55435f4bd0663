using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Mim.Tests.Downstream;

sealed class Row
{
    public float[] Features { get; set; } = [];

    public string Label { get; set; } = "";
}

/// <summary>A row as a model would have scored it, for evaluators alone.</summary>
sealed class ScoredRow
{
    public float[] Features { get; set; } = [];

    public float[] Score { get; set; } = [];

    public string Label { get; set; } = "";

    public string PredictedLabel { get; set; } = "";
}

/// <summary>What a model adds to a row.</summary>
sealed class Scored
{
    public uint PredictedLabel { get; set; }

    public float[] Score { get; set; } = [];
}

static class Rows
{
    public static IDataView Load<TRow>(MLContext ml, IEnumerable<TRow> rows, params (string Column, int Size)[] sizes)
        where TRow : class
    {
        var schema = SchemaDefinition.Create(typeof(TRow));
        foreach (var (column, size) in sizes)
        {
            schema[column].ColumnType = new VectorDataViewType(NumberDataViewType.Single, size);
        }
        return ml.Data.LoadFromEnumerable(rows, schema);
    }

    public static IDataView Keyed(MLContext ml, IDataView data) =>
        ml.Transforms.Conversion.MapValueToKey("Label", keyOrdinality: ValueToKeyMappingEstimator.KeyOrdinality.ByValue).Fit(data).Transform(data);

    public static Scored[] Of(MLContext ml, IDataView data) => [.. ml.Data.CreateEnumerable<Scored>(data, reuseRowObject: false)];
}
