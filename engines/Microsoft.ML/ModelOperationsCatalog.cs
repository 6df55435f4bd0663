using Microsoft.ML.Data;

namespace Microsoft.ML;

public sealed class ModelOperationsCatalog
{
    internal ModelOperationsCatalog()
    {
    }

    public void Save(ITransformer model, DataViewSchema inputSchema, Stream stream) => StandInModel.Write(IStored.StepsOf(model), inputSchema, stream);

    public ITransformer Load(Stream stream, out DataViewSchema inputSchema)
    {
        (var steps, inputSchema) = StandInModel.Read(stream);
        ITransformer[] transformers = [.. steps.Select(s => s.ToTransformer())];
        return new TransformerChain<ITransformer>(transformers[..^1], transformers[^1]);
    }
}
