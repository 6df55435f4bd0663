namespace Mim.Tests.Inference;

/// <summary>A test that needs an NVIDIA device. Skipped where the system has no driver for one.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class CudaFactAttribute : FactAttribute
{
    const string Driver = "/dev/nvidiactl";

    public CudaFactAttribute()
    {
        if (!File.Exists(Driver))
        {
            Skip = $"'{Driver}' not found: no NVIDIA driver. To run this test, use a machine that has one, and ./mim setup --engines cuda.";
        }
    }
}
