namespace Mim.Models;

/// <summary>An input or output of a graph, float32.</summary>
/// <param name="Name">The tensor's name.</param>
/// <param name="Shape">Its shape without the symbolic batch.</param>
public sealed record OnnxTensor(string Name, IReadOnlyList<long> Shape);

/// <summary>Weights kept outside the graph's file.</summary>
public sealed record OnnxExternalData(string Location, long Offset, long Length);

/// <summary>What <see cref="OnnxScanner"/> found in a file that it let pass.</summary>
/// <param name="IrVersion">Of the file format.</param>
/// <param name="Opset">Of the default domain, the only one allowed.</param>
/// <param name="Inputs">In the graph's order.</param>
/// <param name="Outputs">In the graph's order.</param>
/// <param name="Ops">How often each operator occurs.</param>
/// <param name="InitializerBytes">Size of all weights and constants.</param>
/// <param name="Metadata">metadata_props.</param>
/// <param name="ExternalData">To be held against the manifest by whoever reads it.</param>
public sealed record OnnxSummary(
    int IrVersion,
    int Opset,
    IReadOnlyList<OnnxTensor> Inputs,
    IReadOnlyList<OnnxTensor> Outputs,
    IReadOnlyDictionary<string, int> Ops,
    long InitializerBytes,
    IReadOnlyDictionary<string, string> Metadata,
    IReadOnlyList<OnnxExternalData> ExternalData);
