using System.Diagnostics;
using System.Globalization;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// Several runs of one configuration, <c>FOLDER/seed-N</c>: each a process of its own, <c>mim train --trainer.seed N</c>, so that it has that command's
/// bits, memory and peak.
/// </summary>
public static class SeedRuns
{
    const int MaxSeeds = 1000;
    const string Prefix = "seed-";

    /// <summary>Reads <c>1..5</c>, <c>1,4,9</c> and mixtures of them.</summary>
    public static IReadOnlyList<long> Parse(string text)
    {
        var seeds = new List<long>();
        foreach (var part in text.Split(','))
        {
            var ends = part.Split("..").Select(end => long.TryParse(end, CultureInfo.InvariantCulture, out var seed) ? seed : (long?)null).ToArray();
            if (ends is not ([{ }] or [{ }, { }]) || ends[^1] - ends[0] is not (>= 0 and < MaxSeeds))
            {
                throw new UsageException($"--seeds: expected seeds such as 1..5 or 1,4,9, at most {MaxSeeds}, found '{text}'.");
            }
            for (var seed = ends[0].GetValueOrDefault(); seed <= ends[^1]; seed++)
            {
                seeds.Add(seed);
            }
        }
        return seeds.Distinct().Count() == seeds.Count && seeds.Count <= MaxSeeds
            ? seeds
            : throw new UsageException($"--seeds: expected at most {MaxSeeds} different seeds, found '{text}'.");
    }

    public static string Folder(string output, long seed) => Path.Combine(output, Prefix + seed.ToString(CultureInfo.InvariantCulture));

    /// <summary>The runs in a folder that <c>mim train --seeds</c> wrote to, by seed; none if it is no such folder.</summary>
    public static IReadOnlyList<(long Seed, string Folder)> Find(string folder) => !Directory.Exists(folder)
        ? []
        : [.. from child in Directory.EnumerateDirectories(folder, Prefix + "*")
              let seed = long.TryParse(Path.GetFileName(child)[Prefix.Length..], CultureInfo.InvariantCulture, out var number) ? number : (long?)null
              where seed is not null && RunFolder.Exists(child)
              orderby seed
              select (seed.Value, child)];

    /// <param name="arguments">Of <c>mim train</c> for a seed.</param>
    /// <param name="output">Takes what the runs print on stdout, <paramref name="error"/> what they print on stderr; by line and seed.</param>
    /// <returns>The first exit code that is not 0, if any; the other runs still end.</returns>
    public static async Task<int> RunAsync(
        IReadOnlyList<long> seeds, int jobs, Func<long, IEnumerable<string>> arguments, Action<long, string> output, Action<long, string> error,
        CancellationToken cancellationToken)
    {
        var codes = new int[seeds.Count];
        var gate = new Lock();
        // A Ctrl-C reaches every process of the group: the runs save and end by themselves.
        await Parallel.ForAsync(0, seeds.Count, new ParallelOptions { MaxDegreeOfParallelism = jobs, CancellationToken = cancellationToken },
            async (i, _) => codes[i] = await RunOneAsync(arguments(seeds[i]), line => Locked(output, seeds[i], line), line => Locked(error, seeds[i], line)));
        return codes.FirstOrDefault(code => code != ExitCode.Done);

        void Locked(Action<long, string> write, long seed, string line)
        {
            lock (gate)
            {
                write(seed, line);
            }
        }
    }

    static async Task<int> RunOneAsync(IEnumerable<string> arguments, Action<string> output, Action<string> error)
    {
        var host = Environment.ProcessPath ?? throw new InvalidOperationException("A process has a path.");
        string[] program = Path.GetFileNameWithoutExtension(host) == "dotnet" ? ["exec", typeof(SeedRuns).Assembly.Location] : [];
        var start = new ProcessStartInfo(host, [.. program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, e) => Take(e.Data, output);
        process.ErrorDataReceived += (_, e) => Take(e.Data, error);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;

        static void Take(string? line, Action<string> write)
        {
            if (line is not null)
            {
                write(line);
            }
        }
    }
}
