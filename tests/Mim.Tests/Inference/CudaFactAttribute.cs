using Microsoft.ML.OnnxRuntime;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>A test that needs an NVIDIA device, and an engine that can use it. Skipped where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class CudaFactAttribute : FactAttribute
{
    const string Driver = "/dev/nvidiactl";

    static readonly Lazy<string?> s_missing = new(Missing);

    public CudaFactAttribute() => Skip = s_missing.Value;

    static string? Missing()
    {
        if (!File.Exists(Driver))
        {
            return $"'{Driver}' not found: no NVIDIA driver. To run this test, use a machine that has one, and ./mim setup --engines cuda.";
        }
        using TemporaryFolder folder = new();
        TestWorker.Affine.Write(folder["package"]);
        try
        {
            OnnxModel.Encoder(ModelPackage.Open(folder["package"]), 1, new EngineOptions(1, Device.Cuda)).Dispose();
            return null;
        }
        catch (Exception e) when (e is UsageException or OnnxRuntimeException)
        {
            return e.Message;
        }
    }
}
