using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Mim.Inference;

/// <summary>One process of <c>mim work</c>.</summary>
sealed partial class ChaosWorker : IDisposable
{
    const int WordsKept = 20;

    readonly Process _process;
    readonly Queue<string> _words = new();
    readonly Task _listening;
    readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    ChaosWorker(Process process)
    {
        _process = process;
        _listening = ListenAsync();
    }

    /// <summary>Records that it said at its end to have read a second time.</summary>
    public long Redelivered { get; private set; }

    /// <summary>Ends when its model is in service.</summary>
    public Task Ready => _ready.Task;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public int Id => _process.Id;

    /// <param name="batch">See <see cref="WorkLimits.Batch"/>.</param>
    public static ChaosWorker Start(string model, string source, string sink, int batch)
    {
        // The executable that this is, whether it was started by the launcher or from a test.
        ProcessStartInfo start = new("dotnet", [
            typeof(ChaosWorker).Assembly.Location, "work", "--model", model, "--device", "cpu", "--threads", "1",
            "--batch", batch.ToString(CultureInfo.InvariantCulture), "--in-flight", (4 * batch).ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardError = true,
        };
        start.Environment[WorkCommand.VariableOf(nameof(InferenceOptions.Source))] = source;
        start.Environment[WorkCommand.VariableOf(nameof(InferenceOptions.Sink))] = sink;
        return new(Process.Start(start) ?? throw new InvalidOperationException("dotnet does not start."));
    }

    public async Task KillAsync()
    {
        _process.Kill();
        await EndedAsync();
    }

    /// <returns>The exit code.</returns>
    public async Task<int> DrainAsync()
    {
        await PrivateServer.EndAsync(_process, PrivateServer.Terminate);
        await EndedAsync();
        return _process.ExitCode;
    }

    public string LastWords()
    {
        lock (_words)
        {
            return string.Join('\n', _words);
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }
        _process.Dispose();
    }

    async Task EndedAsync()
    {
        await _process.WaitForExitAsync();
        await _listening;
    }

    async Task ListenAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            if (line.Contains(" in service on ", StringComparison.Ordinal))
            {
                _ready.TrySetResult();
            }
            if (Ended().Match(line) is { Success: true } match)
            {
                Redelivered = long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
            }
            lock (_words)
            {
                _words.Enqueue(line);
                if (_words.Count > WordsKept)
                {
                    _words.Dequeue();
                }
            }
        }
        // One that has ended will not be ready; whoever waits sees that it has exited.
        _ready.TrySetResult();
    }

    /// <summary>What <see cref="Log.WorkEnded"/> says.</summary>
    [GeneratedRegex(@"; redelivered (\d+),")]
    private static partial Regex Ended();
}
