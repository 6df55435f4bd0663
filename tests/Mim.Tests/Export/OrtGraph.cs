using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Mim.Tests.Export;

/// <summary>A session over a graph's bytes, for graphs with more than one input and for many runs.</summary>
sealed class OrtGraph : IDisposable
{
    readonly SessionOptions _options = new() { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
    readonly InferenceSession _session;

    public OrtGraph(byte[] model) => _session = new InferenceSession(model, _options);

    public Dictionary<string, float[]> Run(Dictionary<string, Tensor> inputs)
    {
        var values = inputs.Values.Select(x => OrtValue.CreateTensorValueFromMemory(x.contiguous().data<float>().ToArray(), x.shape)).ToArray();
        using var run = new RunOptions();
        using var outputs = _session.Run(run, [.. inputs.Keys], values, _session.OutputNames);
        foreach (var value in values)
        {
            value.Dispose();
        }
        return _session.OutputNames.Zip(outputs).ToDictionary(pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<float>().ToArray());
    }

    public void Dispose()
    {
        _session.Dispose();
        _options.Dispose();
    }
}
