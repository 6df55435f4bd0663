using System.Runtime.InteropServices;
using Microsoft.Extensions.DependencyInjection;

namespace Mim.Tests.Inference;

/// <summary>A process with a worker whose CUDA context is made to fail for good, as an assertion in a kernel or a device that fell off the bus does.</summary>
static class LostDevice
{
    public const string Verb = "lose-device";

    const string Driver = "libcuda.so.1";

    /// <summary>A kernel that traps. The driver compiles it for the device that is there.</summary>
    const string Kernel = ".version 6.4\n.target sm_70\n.address_size 64\n.visible .entry lose()\n{\n    trap;\n}\n";

    public static async Task<int> Main(string[] args)
    {
        if (args is not [Verb])
        {
            throw new ArgumentException($"expected {Verb}, found '{string.Join(' ', args)}'. The tests are run by dotnet test.");
        }
        ManualTime time = new();
        await using var worker = await TestWorker.StartAsync(
            services => services.AddSingleton<TimeProvider>(time), ("Device", "Cuda"), ("CanarySeconds", "10"), ("UnhealthySeconds", "60"));
        var running = worker.RunAsync();
        await time.AwaitedAsync(TimeSpan.FromSeconds(10));
        Console.WriteLine($"infer {(await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1))).Status}");
        Console.WriteLine($"ready {(await worker.GetAsync("/v2/health/ready")).Status}");
        Lose();
        Console.WriteLine("the device is lost");
        time.Advance(TimeSpan.FromSeconds(10));
        while (worker.Served.Current is { IsHealthy: true })
        {
            await Task.Yield();
        }
        Console.WriteLine($"ready {(await worker.GetAsync("/v2/health/ready")).Status}");
        Console.WriteLine($"infer {(await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1))).Status}");
        while (!running.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(10));
            await Task.Yield();
        }
        try
        {
            Console.WriteLine($"exit code {await running}");
            return 0;
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine($"ended: {e.Message.Split(';')[0]}");
            return 1;
        }
    }

    static void Lose()
    {
        Check(cuInit(0));
        Check(cuDevicePrimaryCtxRetain(out var context, 0));
        Check(cuCtxSetCurrent(context));
        Check(cuModuleLoadData(out var module, Kernel));
        Check(cuModuleGetFunction(out var function, module, "lose"));
        Check(cuLaunchKernel(function, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0));
        if (cuCtxSynchronize() == 0)
        {
            throw new InvalidOperationException("the kernel did not fail");
        }
    }

    static void Check(int result)
    {
        if (result != 0)
        {
            throw new InvalidOperationException($"the CUDA driver says {result}");
        }
    }

    [DllImport(Driver)]
    static extern int cuInit(uint flags);

    [DllImport(Driver)]
    static extern int cuDevicePrimaryCtxRetain(out nint context, int device);

    [DllImport(Driver)]
    static extern int cuCtxSetCurrent(nint context);

    [DllImport(Driver)]
    static extern int cuModuleLoadData(out nint module, [MarshalAs(UnmanagedType.LPUTF8Str)] string image);

    [DllImport(Driver)]
    static extern int cuModuleGetFunction(out nint function, nint module, [MarshalAs(UnmanagedType.LPUTF8Str)] string name);

    [DllImport(Driver)]
    static extern int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, nint parameters, nint extra);

    [DllImport(Driver)]
    static extern int cuCtxSynchronize();
}
