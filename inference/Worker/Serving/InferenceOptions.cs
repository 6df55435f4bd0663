using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.Options;

namespace Mim.Inference;

/// <summary>
/// Everything the worker can be told. Bound once, from a configuration file's <c>Inference</c> section, environment variables <c>MIM__KEY</c> over it and
/// flags over both; nothing else reads configuration.
/// </summary>
public sealed record InferenceOptions
{
    public const string Section = "Inference";

    /// <summary>What an environment variable's name begins with.</summary>
    public const string EnvironmentPrefix = "MIM__";

    /// <summary>A package folder, or NAME, NAME/current or NAME/VERSION in the store.</summary>
    [Required(ErrorMessage = "expected a package's folder or a model's name, found none. Give --model.")]
    public string Model { get; init; } = "";

    [Required]
    public string Store { get; init; } = EngineFlags.Store;

    /// <summary>Most rows one run may hold. Larger amortises the call; each row waits for the slowest.</summary>
    [Range(1, 4096)]
    public int MaxBatchSize { get; init; } = 64;

    /// <summary>Most values of the input that one run may hold: bounds the memory of a batch of wide rows. A row is run however wide it is.</summary>
    [Range(1, 1 << 28)]
    public int MaxBatchElements { get; init; } = 1 << 22;

    /// <summary>How long the oldest row that waits does so for a batch to fill. 0: a batch is what has come while the run before it was computed.</summary>
    [Range(0, 1000)]
    public int LingerMilliseconds { get; init; }

    /// <summary>Rows allowed to wait. Beyond this the worker answers 429 instead of growing.</summary>
    [Range(16, 1 << 20)]
    public int QueueCapacity { get; init; } = 4096;

    /// <summary>Longest request body, or line of standard input, in bytes. Beyond this the worker answers 413.</summary>
    [Range(1024, 1 << 30)]
    public int MaxRequestBytes { get; init; } = 16 << 20;

    /// <summary>Infer requests at once. Beyond this the worker answers 429.</summary>
    [Range(1, 1 << 16)]
    public int MaxConcurrentRequests { get; init; } = 512;

    /// <summary>Bytes of long bodies in memory at once, as they arrive; a body of one block stays its connection's. Beyond this the worker answers 429.</summary>
    [Range(1024, 1L << 40)]
    public long MaxBodyBytes { get; init; } = 256 << 20;

    /// <summary>Connections at once, those of probes among them. Beyond this the worker closes new ones. Each may bring 128 KiB that nobody has read.</summary>
    [Range(1, 1 << 20)]
    public int MaxConnections { get; init; } = 4096;

    /// <summary>How long the worker goes on answering, while it says that it is not ready, before it closes its listener, in seconds.</summary>
    [Range(0, 3600)]
    public int PreStopSeconds { get; init; }

    /// <summary>How long accepted rows may take to be answered once the listener is closed, in seconds. With <see cref="PreStopSeconds"/> this is all
    /// the time that stopping takes.</summary>
    [Range(1, 3600)]
    public int DrainSeconds { get; init; } = 25;

    /// <summary>How often the golden rows are replayed, and how long they may take, in seconds. The worker is ready while they pass.</summary>
    [Range(1, 3600)]
    public int CanarySeconds { get; init; } = 10;

    /// <summary>
    /// How long the golden rows may go without passing before the worker ends with an error, in seconds, so that whoever supervises it starts another: a
    /// device that is lost, or a run that hangs, does not come back in the same process.
    /// </summary>
    [Range(1, 86400)]
    public int UnhealthySeconds { get; init; } = 60;

    /// <summary>Threads of one run.</summary>
    [Range(1, 1024)]
    public int Threads { get; init; } = CpuLimit.Threads();

    public Device Device { get; init; } = Device.Auto;

    /// <summary>Whether another version of the model may be loaded, and the model unloaded, over HTTP.</summary>
    public bool ModelControl { get; init; }

    /// <summary>Where an OpenTelemetry collector takes metrics and traces over HTTP, such as http://127.0.0.1:4318; null: nowhere.</summary>
    public Uri? OtlpEndpoint { get; init; }

    /// <summary>Where a stream worker's records come from. Never shown with its password.</summary>
    public string? Source { get; init; }

    /// <summary>Where a stream worker's vectors go. Never shown with its password.</summary>
    public string? Sink { get; init; }

    /// <summary>Records that a stream worker may have read and not yet acknowledged.</summary>
    [Range(3, 1 << 20)]
    public int InFlight { get; init; } = 1024;

    /// <summary>Where to listen, separated by semicolons. A stream worker listens when it is told where, for probes and metrics.</summary>
    [Required]
    public string Urls { get; init; } = "http://127.0.0.1:8000";

    /// <summary>
    /// What requests must present, but for those to the health endpoints; null: nothing. Not a flag: every process of a machine can read another's command
    /// line.
    /// </summary>
    [MinLength(16, ErrorMessage = "expected at least 16 characters; what was found is not shown.")]
    public string? ApiKey { get; init; }

    /// <summary>The certificate of https addresses: PKCS#12 (.pfx, .p12) with its key, or PEM.</summary>
    public string? Certificate { get; init; }

    /// <summary>The PEM file of the certificate's key, unless it is in the same file.</summary>
    public string? CertificateKey { get; init; }

    /// <summary>Opens the key. Never shown, like <see cref="ApiKey"/>: not in messages, logs or answers.</summary>
    public string? CertificatePassword { get; init; }

    /// <summary>Every option and its value, secrets aside.</summary>
    public override string ToString() => string.Join(
        ", ",
        from property in typeof(InferenceOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance)
        let value = property.GetValue(this)
        where value is not null
        select $"{property.Name} = {Shown(property.Name, value)}");

    static object Shown(string name, object value) => name switch
    {
        nameof(ApiKey) or nameof(CertificatePassword) => "(not shown)",
        nameof(Source) or nameof(Sink) => AddressQuery.Redacted((string)value),
        _ => value,
    };
}

[OptionsValidator]
sealed partial class InferenceOptionsValidator : IValidateOptions<InferenceOptions>;

/// <summary>What several options say together, and what no annotation says.</summary>
sealed class InferenceOptionsRules : IValidateOptions<InferenceOptions>
{
    public ValidateOptionsResult Validate(string? name, InferenceOptions options)
    {
        List<string> faults = [.. Tls.Faults(options)];
        if (options.ApiKey is { } key && key.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            faults.Add("ApiKey: expected visible ASCII characters without spaces, which a header can carry; what was found is not shown.");
        }
        if (options.MaxBodyBytes < options.MaxRequestBytes)
        {
            faults.Add($"MaxBodyBytes: expected at least MaxRequestBytes ({options.MaxRequestBytes}), found {options.MaxBodyBytes}: the longest request would never be taken.");
        }
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }
}
