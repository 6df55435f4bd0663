using Microsoft.ML.OnnxRuntime;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The yardstick of <c>bench</c>: a session and a loop over rows already in memory, as the engine's own tutorial writes it, with the same options.</summary>
sealed class BareLoop : IDisposable
{
    readonly InferenceSession _session;
    readonly RunOptions _run = new();
    readonly string[] _inputs = [TensorNames.X];
    readonly string[] _outputs;
    readonly long[] _shape;
    readonly float[][] _buffers;
    readonly float[] _x;
    readonly int _batch;

    public BareLoop(ModelPackage package, float[] x, int batch, EngineOptions engine)
    {
        _session = OnnxModel.CreateSession(package.Encoder, engine, out _);
        _outputs = [.. _session.OutputNames];
        _shape = [batch, .. package.Manifest.XShape.Select(size => (long)size)];
        (_x, _batch) = (x, batch);
        _buffers = [.. _outputs.Select(_ => new float[x.Length / package.Manifest.XDim * package.Manifest.ZSize])];
    }

    /// <summary>Of one go through all.</summary>
    public int Rows => _x.Length / Width;

    /// <summary>What the last run made of all rows.</summary>
    public ReadOnlySpan<float> Output(string name) => _buffers[Array.IndexOf(_outputs, name)];

    int Width => (int)_shape[1..].Aggregate((product, size) => product * size);

    public void Run()
    {
        var (rows, width) = (Rows, Width);
        for (var first = 0; first < rows; first += _batch)
        {
            var count = Math.Min(_batch, rows - first);
            long[] shape = [count, .. _shape[1..]];
            using var input = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _x.AsMemory(first * width, count * width), shape);
            var outputs = new OrtValue[_outputs.Length];
            for (var i = 0; i < outputs.Length; i++)
            {
                var z = _buffers[i].Length / rows;
                outputs[i] = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, _buffers[i].AsMemory(first * z, count * z), [count, z]);
            }
            _session.Run(_run, _inputs, [input], _outputs, outputs);
            foreach (var output in outputs)
            {
                output.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _session.Dispose();
        _run.Dispose();
    }
}
