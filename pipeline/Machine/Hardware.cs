using System.Text.RegularExpressions;

namespace Mim.Pipeline;

/// <summary>What a result may depend on besides code and data.</summary>
/// <param name="Threads">Processors this process may use: affinity and cgroup quota included.</param>
/// <param name="Gpu">Model of the first NVIDIA device, or null.</param>
public sealed partial record Hardware(string Cpu, int Threads, string? Gpu)
{
    public static Hardware Detect()
    {
        var cpu = File.Exists("/proc/cpuinfo") ? CpuModel().Match(File.ReadAllText("/proc/cpuinfo")) : Match.Empty;
        return new Hardware(cpu.Success ? cpu.Groups[1].Value : "unknown", Environment.ProcessorCount, FindGpu());
    }

    static string? FindGpu()
    {
        // The driver's own file answers at once; nvidia-smi takes a second, and containers may hide the file.
        const string Driver = "/proc/driver/nvidia/gpus";
        if (Directory.Exists(Driver))
        {
            foreach (var information in Directory.EnumerateFiles(Driver, "information", SearchOption.AllDirectories))
            {
                if (GpuModel().Match(File.ReadAllText(information)) is { Success: true } model)
                {
                    return model.Groups[1].Value;
                }
            }
        }
        return File.Exists("/dev/nvidia0")
            ? Subprocess.Run("nvidia-smi", ["--query-gpu=name", "--format=csv,noheader"]) is { ExitCode: 0 } smi ? smi.Output.Split('\n')[0].Trim() : "NVIDIA device"
            : null;
    }

    [GeneratedRegex(@"^model name\s*:\s*(.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex CpuModel();

    [GeneratedRegex(@"^Model:\s*(.+?)\s*$", RegexOptions.Multiline)]
    private static partial Regex GpuModel();
}
