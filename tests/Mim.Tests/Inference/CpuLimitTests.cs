using Mim.Inference;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class CpuLimitTests
{
    // Contents as a kernel writes them; the expected count is quota / period rounded down, at least 1 and at most the processors.
    public static TheoryData<string, (string File, string Text)[], int, int> Samples => new()
    {
        { "v2, a quota of two CPUs", [("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "200000 100000\n")], 8, 2 },
        { "v2, 1.5 CPUs are one thread that is never throttled", [("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "150000 100000\n")], 8, 1 },
        { "v2, half a CPU is still one thread", [("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "50000 100000\n")], 8, 1 },
        { "v2, no limit", [("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "max 100000\n")], 8, 8 },
        {
            "v2, an ancestor is tighter",
            [("proc/self/cgroup", "0::/kube/pod/app\n"), ("sys/fs/cgroup/kube/pod/app/cpu.max", "max 100000\n"), ("sys/fs/cgroup/kube/cpu.max", "300000 100000\n")], 8, 3
        },
        { "v2, more quota than processors", [("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "1600000 100000\n")], 4, 4 },
        {
            "v1, controllers share a mount",
            [
                ("proc/self/cgroup", "4:cpu,cpuacct:/docker/0a9f\n2:memory:/docker/0a9f\n0::/\n"),
                ("sys/fs/cgroup/cpu,cpuacct/docker/0a9f/cpu.cfs_quota_us", "400000\n"), ("sys/fs/cgroup/cpu,cpuacct/docker/0a9f/cpu.cfs_period_us", "100000\n"),
            ], 8, 4
        },
        {
            "v1, the container's own limit is at the mount's root",
            [
                ("proc/self/cgroup", "1:cpu:/docker/0a9f\n"),
                ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"), ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ], 8, 2
        },
        {
            "v1, -1 is no limit",
            [("proc/self/cgroup", "1:cpu:/\n"), ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"), ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")], 6, 6
        },
        { "no control groups at all", [], 3, 3 },
    };

    [Theory]
    [MemberData(nameof(Samples))]
    public void Threads_are_the_tightest_quota_rounded_down(string name, (string File, string Text)[] files, int processors, int expected)
    {
        using var root = new TemporaryFolder();
        foreach (var (file, text) in files)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(root[file])!);
            File.WriteAllText(root[file], text);
        }
        Assert.True(expected == CpuLimit.Threads(root.Root, processors), name);
    }
}
