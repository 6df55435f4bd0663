using System.Diagnostics;

namespace Mim.Pipeline;

/// <summary>What <c>system</c> engines need from Debian: libtorch, a BLAS under it, a compiler for the bridge and npm, by which ONNX Runtime comes.</summary>
public static class SystemPackages
{
    /// <summary>
    /// The OpenMP build shares libgomp's one pool of threads with libtorch; the pthread build adds a second pool, which fights the first for the cores.
    /// Measured: DECISIONS.md.
    /// </summary>
    public const string OpenBlas = "libopenblas0-openmp";

    /// <param name="has">Whether a package is installed.</param>
    /// <param name="hasProgram">Whether a program is on the PATH, packaged or not.</param>
    public static IReadOnlyList<string> Missing(Func<string, bool> has, Func<string, bool> hasProgram, bool needsLibtorch, bool needsOnnxRuntime)
    {
        var missing = new List<string>();
        if (needsLibtorch && !has("libtorch-dev"))
        {
            missing.Add("libtorch-dev");
        }
        if (needsLibtorch && !has(OpenBlas))
        {
            missing.Add(OpenBlas);
        }
        if (!hasProgram("g++"))
        {
            missing.Add("g++");
        }
        if (needsOnnxRuntime && !hasProgram("npm"))
        {
            missing.Add("npm");
        }
        return missing;
    }

    public static bool IsInstalled(string package) =>
        Subprocess.Run("dpkg-query", ["-W", "-f=${db:Status-Status}", package]) is { ExitCode: 0, Output: "installed" };

    public static bool IsOnPath(string program) => FindProgram(program) is not null;

    public static string? FindProgram(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    public static string InstallLine(IEnumerable<string> packages) => $"apt-get install -y --no-install-recommends {string.Join(' ', packages)}";

    /// <summary>
    /// Runs apt-get as root. Its hundreds of lines go to <paramref name="log"/>; the terminal gets one line now and then.
    /// It is never interrupted: a dpkg that ends half-way leaves the machine's packages to be mended by hand.
    /// </summary>
    public static async Task InstallAsync(IReadOnlyList<string> packages, string log, TextWriter progress, CancellationToken cancellationToken)
    {
        await progress.WriteLineAsync($"apt-get: installing {string.Join(", ", packages)}");
        Directory.CreateDirectory(Path.GetDirectoryName(log) ?? ".");
        var script = $"exec >'{log}' 2>&1 </dev/null; export DEBIAN_FRONTEND=noninteractive; apt-get update -q && {InstallLine(packages)} -q -o Dpkg::Use-Pty=0";
        var watch = Stopwatch.StartNew();
        // In a session of its own, which the terminal's Ctrl-C does not reach.
        using var process = Process.Start("setsid", ["/bin/sh", "-c", script]);
        var exited = process.WaitForExitAsync(cancellationToken);
        try
        {
            while (await Task.WhenAny(exited, Task.Delay(TimeSpan.FromSeconds(15), cancellationToken)) != exited)
            {
                await progress.WriteLineAsync($"  {watch.Elapsed.TotalSeconds:F0} s  {LastLine(log)}");
            }
            await exited;
        }
        catch (OperationCanceledException)
        {
            await progress.WriteLineAsync($"apt-get: must not be interrupted; waiting for its end ({log})");
            await process.WaitForExitAsync(CancellationToken.None);
            throw;
        }
        if (process.ExitCode != 0)
        {
            throw new IOException($"apt-get: expected exit code 0, found {process.ExitCode}: {LastLine(log)} (all of it: {log}). As root: apt-get update && {InstallLine(packages)}");
        }
        await progress.WriteLineAsync($"apt-get: installed in {watch.Elapsed.TotalSeconds:F0} s");
    }

    static string LastLine(string log)
    {
        using var reader = new StreamReader(new FileStream(log, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().TrimEnd().Split('\n')[^1];
    }
}
