using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Mim.Inference;

/// <summary>A server that is a process of its own, whose processor time can be told from its clients'. It says on standard error where it listens.</summary>
sealed partial class ServerProcess : IDisposable
{
    const int WordsKept = 20;

    readonly Process _process;
    readonly Queue<string> _words = new();
    readonly TaskCompletionSource<Uri> _listens = new(TaskCreationOptions.RunContinuationsAsynchronously);

    ServerProcess(Process process)
    {
        _process = process;
        process.ErrorDataReceived += (_, said) => Hear(said.Data);
        process.BeginErrorReadLine();
    }

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

    public static ServerProcess Start(string program, IEnumerable<string> arguments) =>
        new(Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true }) ?? throw new InvalidOperationException($"{program} does not start."));

    /// <exception cref="InvalidDataException">It ended instead.</exception>
    public Task<Uri> ListensAsync(CancellationToken cancellationToken) => _listens.Task.WaitAsync(cancellationToken);

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
            _listens.TrySetException(new InvalidDataException($"the server ended. Its last words:\n{string.Join('\n', _words)}"));
            return;
        }
        _words.Enqueue(line);
        if (_words.Count > WordsKept)
        {
            _words.Dequeue();
        }
        if (Listening().Match(line) is { Success: true } match)
        {
            _listens.TrySetResult(new(match.Groups[1].Value));
        }
    }

    /// <summary>What <see cref="Log.Listening"/> says.</summary>
    [GeneratedRegex(@"[Ll]istening on (http://\S+)")]
    private static partial Regex Listening();
}
