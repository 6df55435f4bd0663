using System.Diagnostics;
using System.Runtime.InteropServices;
using Mim.Tests.Inference;

namespace Mim.Pipeline.Tests;

/// <summary>The worker's own executable on an ephemeral loopback port.</summary>
sealed class ServingProcess : IDisposable
{
    public const int Terminate = 15;

    /// <summary>Longer than a start takes on a busy machine.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mim-serve-");
    readonly Process _process;
    readonly TaskCompletionSource<string> _url = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly List<string> _log = [];

    public ServingProcess(params string[] arguments)
    {
        new AffineModel(seed: 1).Write(Path.Combine(_folder.FullName, "package"));
        _process = Process.Start(new ProcessStartInfo(
            "env", ["--default-signal=TERM", "dotnet", Path.Combine(AppContext.BaseDirectory, "Mim.Inference.dll"), "serve", "--model", Path.Combine(_folder.FullName, "package"),
                "--threads", "1", .. arguments.Contains("--urls") ? [] : (string[])["--urls", "http://127.0.0.1:0"], .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("dotnet does not start.");
        _process.ErrorDataReceived += (_, line) => Read(line.Data);
        _process.BeginErrorReadLine();
    }

    public Process Process => _process;

    public HttpClient Client { get; } = new();

    public string Log
    {
        get
        {
            lock (_log)
            {
                return string.Join('\n', _log);
            }
        }
    }

    /// <summary>Where it listens, once it is ready.</summary>
    public async Task<string> ReadyAsync()
    {
        using CancellationTokenSource patience = new(s_patience);
        var url = await _url.Task.WaitAsync(patience.Token);
        while (await StatusAsync($"{url}/v2/health/ready") != 200)
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
        return url;
    }

    public async Task<int> StatusAsync(string url, string? json = null)
    {
        using StringContent? content = json is null ? null : new(json);
        using var answer = content is null ? await Client.GetAsync(new Uri(url)) : await Client.PostAsync(new Uri(url), content);
        return (int)answer.StatusCode;
    }

    public void Signal(int signal) => Assert.Equal(0, Kill(_process.Id, signal));

    public async Task<int> ExitCodeAsync()
    {
        using CancellationTokenSource patience = new(s_patience);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }
        _process.Dispose();
        Client.Dispose();
        _folder.Delete(recursive: true);
    }

    void Read(string? line)
    {
        const string listening = "Listening on ";
        if (line is null)
        {
            _url.TrySetException(new InvalidOperationException($"the worker ended before it listened: {Log}"));
            return;
        }
        lock (_log)
        {
            _log.Add(line);
        }
        if (line.IndexOf(listening, StringComparison.Ordinal) is >= 0 and var at)
        {
            _url.TrySetResult(line[(at + listening.Length)..].Trim());
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    static extern int Kill(int process, int signal);
}
