using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace Mim.Tests.Export;

/// <summary>One run of ONNX Runtime over a graph's bytes, as plainly as its API allows.</summary>
static class OrtRun
{
    public static float[] Single(byte[] model, string input, Tensor x, string output) => All(model, input, x)[output];

    public static Dictionary<string, float[]> All(byte[] model, string input, Tensor x)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(model, options);
        using var value = OrtValue.CreateTensorValueFromMemory(x.contiguous().data<float>().ToArray(), x.shape);
        using var run = new RunOptions();
        using var outputs = session.Run(run, [input], [value], session.OutputNames);
        return session.OutputNames.Zip(outputs).ToDictionary(pair => pair.First, pair => pair.Second.GetTensorDataAsSpan<float>().ToArray());
    }
}
