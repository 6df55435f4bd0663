using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mim.Inference;

/// <summary>One process of <c>mim work</c>.</summary>
sealed partial class ChaosWorker : IDisposable
{
    /// <summary>A worker's --in-flight, in batches.</summary>
    public const int BatchesInFlight = 4;

    const int WordsKept = 20;

    readonly Process _process;
    readonly Queue<string> _words = new();
    readonly Task _listening;
    readonly TaskCompletionSource<Uri?> _listens = new(TaskCreationOptions.RunContinuationsAsynchronously);
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
    public static ChaosWorker Start(string store, string source, string sink, int batch)
    {
        // The executable that this is, whether it was started by the launcher or from a test.
        ProcessStartInfo start = new("dotnet", [
            typeof(ChaosWorker).Assembly.Location, "work", "--model", ChaosModel.Name, "--store", store, "--device", "cpu", "--threads", "1",
            "--urls", "http://127.0.0.1:0", "--model-control",
            "--batch", batch.ToString(CultureInfo.InvariantCulture), "--in-flight", (BatchesInFlight * batch).ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardError = true,
        };
        start.Environment[WorkCommand.VariableOf(nameof(InferenceOptions.Source))] = source;
        start.Environment[WorkCommand.VariableOf(nameof(InferenceOptions.Sink))] = sink;
        return new(Process.Start(start) ?? throw new InvalidOperationException("dotnet does not start."));
    }

    /// <summary>Puts the promoted version of its model in service, while it works.</summary>
    /// <returns>The version that it then has.</returns>
    public async Task<string?> SwapAsync(HttpClient http, CancellationToken cancellationToken)
    {
        var address = await _listens.Task.WaitAsync(cancellationToken) ?? throw new InvalidOperationException($"a worker ended by itself. Its last words:\n{LastWords()}");
        using var answer = await http.PostAsync(new Uri(address, $"/v2/repository/models/{ChaosModel.Name}/load"), null, cancellationToken);
        var body = await answer.Content.ReadAsStringAsync(cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"a worker refuses the promoted version: {(int)answer.StatusCode} {body}");
        }
        using var json = JsonDocument.Parse(body);
        return json.RootElement.GetProperty("version").GetString();
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
            if (Listens().Match(line) is { Success: true } address)
            {
                _listens.TrySetResult(new(address.Groups[1].Value));
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
        _listens.TrySetResult(null);
    }

    /// <summary>What <see cref="Log.Listening"/> says.</summary>
    [GeneratedRegex(@"Listening on (http://\S+)")]
    private static partial Regex Listens();

    /// <summary>What <see cref="Log.WorkEnded"/> says.</summary>
    [GeneratedRegex(@"; redelivered (\d+),")]
    private static partial Regex Ended();
}
