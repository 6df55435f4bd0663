using System.Globalization;

namespace Mim.Inference;

/// <summary>
/// How many threads this process may really use. ONNX Runtime's own default, one thread per physical core pinned to it, fails or oversubscribes
/// in a container (onnxruntime#8313), so the count is always given. A quota is rounded down: 1.5 CPUs keep one thread busy without throttling.
/// </summary>
public static class CpuLimit
{
    public static int Threads() => Threads("/", Environment.ProcessorCount);

    /// <summary>The tightest quota among this process's control groups (version 1 or 2) and their ancestors below <paramref name="root"/>.</summary>
    /// <param name="processors">Upper bound: what affinity and cpusets leave.</param>
    public static int Threads(string root, int processors)
    {
        var limit = (double)processors;
        foreach (var group in Groups(Path.Combine(root, "proc/self/cgroup")))
        {
            foreach (var mount in group.Mounts)
            {
                // A container without a control-group namespace sees a path that does not exist in its mount; its own limits are then at the mount's root.
                for (var path = group.Path.Trim('/'); ; path = Path.GetDirectoryName(path) ?? "")
                {
                    limit = Math.Min(limit, Quota(Path.Combine(root, "sys/fs/cgroup", mount, path)));
                    if (path.Length == 0)
                    {
                        break;
                    }
                }
            }
        }
        return Math.Clamp((int)limit, 1, Math.Max(1, processors));
    }

    static IEnumerable<(string Path, string[] Mounts)> Groups(string file)
    {
        foreach (var line in File.Exists(file) ? File.ReadLines(file) : ["0::/"])
        {
            if (line.Split(':', 3) is not [_, var controllers, var path])
            {
                continue;
            }
            if (controllers.Length == 0)
            {
                yield return (path, ["", "unified"]);
            }
            else if (controllers.Split(',').Contains("cpu"))
            {
                yield return (path, [controllers, "cpu"]);
            }
        }
    }

    static double Quota(string folder)
    {
        var maximum = Path.Combine(folder, "cpu.max");
        if (File.Exists(maximum))
        {
            return File.ReadAllText(maximum).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [var quota, var period]
                ? Ratio(quota, period)
                : double.PositiveInfinity;
        }
        var quotaFile = Path.Combine(folder, "cpu.cfs_quota_us");
        var periodFile = Path.Combine(folder, "cpu.cfs_period_us");
        return File.Exists(quotaFile) && File.Exists(periodFile)
            ? Ratio(File.ReadAllText(quotaFile), File.ReadAllText(periodFile))
            : double.PositiveInfinity;
    }

    // "max" in version 2 and -1 in version 1 mean no limit.
    static double Ratio(string quota, string period) =>
        double.TryParse(quota, CultureInfo.InvariantCulture, out var q) && q > 0 && double.TryParse(period, CultureInfo.InvariantCulture, out var p) && p > 0
            ? q / p
            : double.PositiveInfinity;
}
