using System.Globalization;

namespace Mim.Inference;

/// <summary>What a process and all that it has started use, as the kernel counts it.</summary>
static class ProcessTree
{
    /// <summary>Linux' USER_HZ, on every architecture that .NET runs on.</summary>
    const double TicksPerSecond = 100;

    // Of /proc/PID/stat, behind the name in brackets: the parent, and the times of the process (user, system) and of the children that it has waited for.
    const int Parent = 1;
    const int FirstTime = 11;
    const int Times = 4;

    /// <summary>Processor time so far, in seconds; 0 of a process that is gone.</summary>
    public static double ProcessorSeconds(int root)
    {
        Dictionary<int, (int Parent, long Ticks)> processes = [];
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) && Read(Path.Combine(folder, "stat")) is { } stat)
            {
                processes[id] = stat;
            }
        }
        var ticks = 0L;
        foreach (var (id, process) in processes)
        {
            var ancestor = id;
            while (ancestor != root && processes.TryGetValue(ancestor, out var known))
            {
                ancestor = known.Parent;
            }
            ticks += ancestor == root ? process.Ticks : 0;
        }
        return ticks / TicksPerSecond;
    }

    static (int Parent, long Ticks)? Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile, or is not ours to see.
            return null;
        }
        // The name may have spaces and brackets in it.
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (int.Parse(fields[Parent], CultureInfo.InvariantCulture), fields.Skip(FirstTime).Take(Times).Sum(ticks => long.Parse(ticks, CultureInfo.InvariantCulture)));
    }
}
