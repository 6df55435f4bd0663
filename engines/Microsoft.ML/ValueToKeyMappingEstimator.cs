using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms;

/// <summary>Text to keys 1…n; empty text and text unseen in training become 0, which is missing.</summary>
public sealed class ValueToKeyMappingEstimator : IEstimator<ValueToKeyMappingTransformer>
{
    readonly string _output;
    readonly string _input;
    readonly int _maximum;
    readonly KeyOrdinality _ordinality;

    internal ValueToKeyMappingEstimator(string output, string input, int maximum, KeyOrdinality ordinality)
    {
        _output = output;
        _input = input;
        _maximum = maximum;
        _ordinality = ordinality;
    }

    public enum KeyOrdinality : byte
    {
        ByOccurrence = 0,
        ByValue = 1,
    }

    public ValueToKeyMappingTransformer Fit(IDataView input)
    {
        var view = ColumnarView.Of(input);
        var column = view.Require("input", _input);
        if (column.Type is not TextDataViewType)
        {
            throw ColumnarView.Mismatch("input", _input, "String", column.Type);
        }
        string[] values = [.. view.Values<string>(column).Where(v => v.Length > 0).Distinct(StringComparer.Ordinal).Take(_maximum)];
        if (_ordinality == KeyOrdinality.ByValue)
        {
            Array.Sort(values, StringComparer.Ordinal);
        }
        return new(new ValueToKeyStep(_output, _input, values));
    }
}

public sealed class ValueToKeyMappingTransformer : OneToOneTransformerBase
{
    readonly ValueToKeyStep _step;
    readonly Dictionary<string, uint> _keys = new(StringComparer.Ordinal);

    internal ValueToKeyMappingTransformer(ValueToKeyStep step)
    {
        _step = step;
        foreach (var value in step.Values)
        {
            _keys.Add(value, (uint)_keys.Count + 1);
        }
    }

    private protected override ModelStep Step => _step;

    private protected override ColumnarView Apply(ColumnarView view)
    {
        var column = view.Require("input", _step.Input);
        if (column.Type is not TextDataViewType)
        {
            throw ColumnarView.Mismatch("input", _step.Input, "String", column.Type);
        }
        var keys = Array.ConvertAll(view.Values<string>(column), v => _keys.GetValueOrDefault(v));
        return view.With((_step.Output, new KeyDataViewType(_step.Values.Length), keys, _step.Values, null));
    }
}
