using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Mim.Models;

namespace Mim.Training;

/// <summary>
/// Several runs of one configuration, <c>FOLDER/seed-N</c>: each a process of its own, <c>mim train --trainer.seed N</c>, so that it has that command's
/// bits, memory and peak.
/// </summary>
public static class SeedRuns
{
    const int MaxSeeds = 1000;
    const int Terminate = 15;
    const string Prefix = "seed-";

    /// <summary>What may differ between runs that are averaged.</summary>
    static readonly string[] s_own = ["trainer.seed", "trainer.threads"];

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

    /// <summary>Before a mean over the runs: one left from another configuration, or one that is not done, would be in it unseen.</summary>
    /// <exception cref="UsageException">A run differs from the first in more than seed and threads, or has not finished.</exception>
    public static void RequireAlike(IReadOnlyList<(long Seed, string Folder)> runs)
    {
        var first = RunFolder.Open(runs[0].Folder);
        foreach (var (_, folder) in runs)
        {
            var run = RunFolder.Open(folder);
            var differences = RunFolder.Differences(first.Options, run.Options).Where(difference => !s_own.Contains(difference.Path)).ToArray();
            if (differences.Length > 0)
            {
                throw new UsageException($"{folder}: expected the configuration of {first.FullPath} but for seed and threads, found another.\n"
                    + $"{string.Join('\n', differences.Select(d => d.Text))}\nMove it away, or train it again.");
            }
            if (!File.Exists(run.LastCheckpoint) || !Checkpoint.Read(run.LastCheckpoint).State.Finished)
            {
                throw new UsageException($"{folder}: expected a finished run, found one that is not. Let it finish: 'mim train' with --resume continues it.");
            }
        }
    }

    /// <param name="arguments">Of <c>mim train</c> for a seed.</param>
    /// <param name="output">Takes what the runs print on stdout, <paramref name="error"/> what they print on stderr; by line and seed.</param>
    /// <param name="cancellationToken">Asks the runs to save and end; waits until they have.</param>
    /// <returns>The first exit code that is not 0, if any; the other runs still end.</returns>
    public static async Task<int> RunAsync(
        IReadOnlyList<long> seeds, int jobs, Func<long, IEnumerable<string>> arguments, Action<long, string> output, Action<long, string> error,
        CancellationToken cancellationToken)
    {
        var codes = new int[seeds.Count];
        var gate = new Lock();
        await Parallel.ForAsync(0, seeds.Count, new ParallelOptions { MaxDegreeOfParallelism = jobs, CancellationToken = cancellationToken },
            async (i, _) => codes[i] = await RunOneAsync(arguments(seeds[i]), line => Locked(output, seeds[i], line), line => Locked(error, seeds[i], line),
                cancellationToken));
        return codes.FirstOrDefault(code => code != ExitCode.Done);

        void Locked(Action<long, string> write, long seed, string line)
        {
            lock (gate)
            {
                write(seed, line);
            }
        }
    }

    static async Task<int> RunOneAsync(IEnumerable<string> arguments, Action<string> output, Action<string> error, CancellationToken cancellationToken)
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
        // Only a Ctrl-C at the terminal reaches the whole group by itself; and a second signal changes nothing.
        await using var stop = cancellationToken.Register(() => _ = process.HasExited ? 0 : Signal(process.Id, Terminate));
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

    [DllImport("libc", EntryPoint = "kill")]
    static extern int Signal(int process, int signal);
}
