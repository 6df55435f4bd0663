namespace Mim.Models;

/// <summary>A bounded reader of ONNX's protobuf encoding that vets a graph before any engine sees it.</summary>
public static class OnnxScanner
{
    /// <exception cref="InvalidDataException">The file is not a model of the subset that this project writes.</exception>
    public static OnnxSummary Scan(ReadOnlySpan<byte> model, string name) => throw new NotImplementedException(name + model.Length);
}
