using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms;

/// <summary>Keys back to the text they stand for; a missing key becomes empty text.</summary>
public sealed class KeyToValueMappingEstimator : TrivialEstimator<KeyToValueMappingTransformer>
{
    internal KeyToValueMappingEstimator(string output, string input)
        : base(new(new KeyToValueStep(output, input)))
    {
    }
}

public sealed class KeyToValueMappingTransformer : OneToOneTransformerBase
{
    readonly KeyToValueStep _step;

    internal KeyToValueMappingTransformer(KeyToValueStep step) => _step = step;

    private protected override ModelStep Step => _step;

    private protected override ColumnarView Apply(ColumnarView view)
    {
        var column = view.Require("input", _step.Input);
        if (column is not { Type: KeyDataViewType, KeyValues: { } names })
        {
            throw ColumnarView.Mismatch("input", _step.Input, "key with known values", column.Type);
        }
        var text = Array.ConvertAll(view.Values<uint>(column), key => key == 0 ? "" : names[key - 1]);
        return view.With((_step.Output, TextDataViewType.Instance, text, null, null));
    }
}
