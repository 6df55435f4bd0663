using System.Diagnostics;

namespace Mim.Pipeline.Tests;

/// <summary>A project folder of its own with a pipeline of shell stages, run in this process or by the executable.</summary>
sealed class PipelineFolder : IDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    public PipelineFolder(string yaml)
    {
        Root = Directory.CreateTempSubdirectory("mim-pipeline-").FullName;
        Write("pipeline.yml", yaml);
    }

    public string Root { get; }

    public string LockPath => Path.Combine(Root, "pipeline.lock");

    /// <summary>What every stage runs with; a test changes it.</summary>
    public SortedDictionary<string, string> Toolchain { get; } = new() { ["engine"] = "one" };

    public StringWriter Log { get; private set; } = new();

    public void Dispose() => Directory.Delete(Root, recursive: true);

    public void Write(string path, string text)
    {
        var full = Path.Combine(Root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full) ?? Root);
        File.WriteAllText(full, text);
    }

    public void WriteScript(string path, string text)
    {
        Write(path, text);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path.Combine(Root, path), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
    }

    public string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    public PipelineFile Parse(params string[] overrides) => PipelineFile.Read(Path.Combine(Root, "pipeline.yml"), overrides);

    public PipelineRun Open(params string[] overrides)
    {
        Log = new StringWriter();
        return new PipelineRun(Parse(overrides), new Project { Root = Root, Cache = Root }, new FileHashes(Path.Combine(Root, ".mim/hashes"), TimeProvider.System), _ => new(Toolchain), Log);
    }

    /// <summary>Runs the pipeline; the names of the stages that ran, in order.</summary>
    public async Task<string> RunAsync(RunRequest? request = null, params string[] overrides)
    {
        var (results, exitCode) = await Open(overrides).RunAsync(request ?? new RunRequest(), CancellationToken.None);
        Assert.Equal(0, exitCode);
        return string.Join(' ', results.Where(r => r.Outcome == StageOutcome.Ran).Select(r => r.Stage.Name));
    }

    public Process Start(params string[] arguments)
    {
        // Whoever starts the tests in the background of a shell has them ignore SIGINT, and every child inherits that.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", "dotnet", Path.Combine(AppContext.BaseDirectory, "Mim.Pipeline.dll"), .. arguments])
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MIM_ROOT"] = Root;
        return Process.Start(start) ?? throw new InvalidOperationException("dotnet does not start.");
    }

    /// <summary>Runs the executable to its end.</summary>
    public Task<(int ExitCode, string Output, string Error)> MimAsync(params string[] arguments) => MimAsync(s_patience, arguments);

    public async Task<(int ExitCode, string Output, string Error)> MimAsync(TimeSpan limit, params string[] arguments)
    {
        using var process = Start(arguments);
        using var patience = new CancellationTokenSource(limit);
        var error = process.StandardError.ReadToEndAsync(patience.Token);
        var output = await process.StandardOutput.ReadToEndAsync(patience.Token);
        await process.WaitForExitAsync(patience.Token);
        return (process.ExitCode, output, await error);
    }
}
