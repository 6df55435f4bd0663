using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mim.Inference;

/// <summary>One process of <c>mim work</c>.</summary>
public sealed partial class ChaosWorker : IDisposable
{
    /// <summary>A worker's --in-flight, in batches.</summary>
    public const int BatchesInFlight = 4;

    readonly ServerProcess _process;
    readonly TaskCompletionSource<bool> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    ChaosWorker(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        _process = ServerProcess.Start(program, arguments, environment, Hear);
    }

    /// <summary>Records that it said at its end to have read a second time.</summary>
    public long Redelivered { get; private set; }

    /// <summary>True when its model is in service, false when it ended instead.</summary>
    public Task<bool> Ready => _ready.Task;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public int Id => _process.Id;

    public string LastWords => _process.LastWords;

    /// <param name="batch">See <see cref="WorkLimits.Batch"/>.</param>
    public static ChaosWorker Start(string store, string source, string sink, int batch) => Start(
        "dotnet",
        [
            // The executable that this is, whether it was started by the launcher or from a test.
            typeof(ChaosWorker).Assembly.Location, "work", "--model", ChaosModel.Name, "--store", store, "--device", "cpu", "--threads", "1",
            "--urls", "http://127.0.0.1:0", "--model-control",
            "--batch", batch.ToString(CultureInfo.InvariantCulture), "--in-flight", (BatchesInFlight * batch).ToString(CultureInfo.InvariantCulture),
        ],
        new Dictionary<string, string>
        {
            [WorkCommand.VariableOf(nameof(InferenceOptions.Source))] = source,
            [WorkCommand.VariableOf(nameof(InferenceOptions.Sink))] = sink,
        });

    /// <summary>A program that says what a worker says.</summary>
    public static ChaosWorker Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null) =>
        new(program, arguments, environment);

    /// <summary>Puts the promoted version of its model in service, while it works.</summary>
    /// <returns>The version that it then has.</returns>
    public async Task<string?> SwapAsync(HttpClient http, CancellationToken cancellationToken)
    {
        var address = await _process.ListensAsync(cancellationToken);
        using var answer = await http.PostAsync(new Uri(address, $"/v2/repository/models/{ChaosModel.Name}/load"), null, cancellationToken);
        var body = await answer.Content.ReadAsStringAsync(cancellationToken);
        if (!answer.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"a worker refuses the promoted version: {(int)answer.StatusCode} {body}");
        }
        using var json = JsonDocument.Parse(body);
        return json.RootElement.GetProperty("version").GetString();
    }

    public Task EndedAsync(CancellationToken cancellationToken) => _process.EndedAsync(cancellationToken);

    public Task KillAsync() => _process.KillAsync();

    /// <returns>The exit code.</returns>
    public async Task<int> DrainAsync()
    {
        await _process.StopAsync();
        return _process.ExitCode;
    }

    public void Dispose() => _process.Dispose();

    void Hear(string? line)
    {
        if (line is null || line.Contains(" in service on ", StringComparison.Ordinal))
        {
            _ready.TrySetResult(line is not null);
        }
        else if (Ended().Match(line) is { Success: true } match)
        {
            Redelivered = long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        }
    }

    /// <summary>What <see cref="Log.WorkEnded"/> says.</summary>
    [GeneratedRegex(@"; redelivered (\d+),")]
    private static partial Regex Ended();
}
