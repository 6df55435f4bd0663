using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Mim.Inference;

/// <summary>A server that is a process of its own, whose processor time can be told from its clients'. It says on standard error where it listens.</summary>
public sealed partial class ServerProcess : IDisposable
{
    const int WordsKept = 20;

    readonly Process _process;
    readonly Action<string?>? _said;
    readonly Queue<string> _words = new();
    readonly TaskCompletionSource<Uri> _listens = new(TaskCreationOptions.RunContinuationsAsynchronously);

    ServerProcess(Process process, Action<string?>? said)
    {
        (_process, _said) = (process, said);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>Processor time so far, of all threads.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes of memory in use.</summary>
    public long ResidentBytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>What it said last on standard error.</summary>
    public string LastWords
    {
        get
        {
            lock (_words)
            {
                return string.Join('\n', _words);
            }
        }
    }

    /// <param name="environment">Besides this process's own.</param>
    /// <param name="said">Called with each line of standard error, one after the other, and with null behind the last.</param>
    public static ServerProcess Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, Action<string?>? said = null)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardError = true };
        foreach (var (key, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }
        return new(Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start."), said);
    }

    /// <exception cref="InvalidDataException">It ended instead.</exception>
    public Task<Uri> ListensAsync(CancellationToken cancellationToken) => _listens.Task.WaitAsync(cancellationToken);

    /// <summary>Ends when it has ended, and all that it has said is heard.</summary>
    public Task EndedAsync(CancellationToken cancellationToken) => _process.WaitForExitAsync(cancellationToken);

    /// <summary>As when its machine loses power; ends when all that it has said is heard.</summary>
    public Task KillAsync()
    {
        _process.Kill();
        return EndedAsync(CancellationToken.None);
    }

    /// <summary>Tells it to stop; ends when it has ended, and all that it has said is heard.</summary>
    public async Task StopAsync()
    {
        await PrivateServer.EndAsync(_process, PrivateServer.Terminate);
        await EndedAsync(CancellationToken.None);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }
        _process.Dispose();
    }

    void Hear(string? line)
    {
        if (line is null)
        {
            _listens.TrySetException(new InvalidDataException($"the server ended. Its last words:\n{LastWords}"));
        }
        else
        {
            lock (_words)
            {
                _words.Enqueue(line);
                if (_words.Count > WordsKept)
                {
                    _words.Dequeue();
                }
            }
            if (Listening().Match(line) is { Success: true } match)
            {
                _listens.TrySetResult(new(match.Groups[1].Value));
            }
        }
        _said?.Invoke(line);
    }

    /// <summary>What <see cref="Log.Listening"/> says.</summary>
    [GeneratedRegex(@"[Ll]istening on (http://\S+)")]
    private static partial Regex Listening();
}
