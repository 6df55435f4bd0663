using System.Globalization;
using Mim.Inference;

namespace Mim.Pipeline.Tests;

[Collection(OnServers.Name)]
public sealed class ChaosRunTests
{
    [ServerFact]
    public async Task A_run_that_fails_to_start_leaves_neither_broker_nor_database()
    {
        var before = FoldersOfServers();
        // No workers can be prepared, for which broker and database are there already.
        await Assert.ThrowsAsync<OverflowException>(() => ChaosRun.StartAsync(new() { Workers = -1 }, TextWriter.Null, CancellationToken.None));
        Assert.Equal(before, FoldersOfServers());
    }

    /// <summary>Where private servers that this process has started work now.</summary>
    static SortedSet<string> FoldersOfServers()
    {
        Dictionary<int, int> parents = [];
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) && Read(() => File.ReadAllText(Path.Combine(folder, "stat"))) is { } stat)
            {
                // Behind the name, which may have spaces and brackets in it, and the state.
                parents[id] = int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
            }
        }
        SortedSet<string> folders = [];
        foreach (var process in parents.Keys)
        {
            var ancestor = process;
            while (ancestor != Environment.ProcessId && parents.TryGetValue(ancestor, out var parent))
            {
                ancestor = parent;
            }
            if (ancestor == Environment.ProcessId && Read(() => File.ResolveLinkTarget($"/proc/{process}/cwd", returnFinalTarget: false)?.FullName) is { } folder)
            {
                folders.UnionWith(folder.Split('/').Where(part => part.StartsWith("mim-rabbitmq-", StringComparison.Ordinal) || part.StartsWith("mim-postgres-", StringComparison.Ordinal)));
            }
        }
        return folders;
    }

    /// <summary>Null of a process that has ended meanwhile.</summary>
    static string? Read(Func<string?> read)
    {
        try
        {
            return read();
        }
        catch (IOException)
        {
            return null;
        }
    }
}
