using System.CommandLine;
using System.Globalization;
using Mim.Models;

namespace Mim.Inference;

/// <summary>The flags of a verb that hosts a model: keys of <see cref="InferenceOptions"/>, over a file and the environment.</summary>
sealed class OptionFlags
{
    static readonly InferenceOptions s_defaults = new();

    readonly Option<FileInfo?> _file = new("--config")
    {
        Description = "A JSON file with an \"Inference\" section; environment variables MIM__KEY win over it, flags over both (default: none).",
        HelpName = "FILE.json",
    };

    readonly (string Key, Option Flag)[] _flags;

    /// <param name="own">Those that another such verb lacks.</param>
    public OptionFlags(params (string Key, Option Flag)[] own)
    {
        _flags =
        [
            (nameof(InferenceOptions.Model), new Option<string>("--model") { Description = "A package folder, or NAME, NAME/current or NAME/VERSION in the store." }),
            (nameof(InferenceOptions.Store), Flag("--store", s_defaults.Store, "The model store.")),
            .. own,
            (nameof(InferenceOptions.OtlpEndpoint),
                Text("--otlp", "An OpenTelemetry collector for metrics and traces, such as http://127.0.0.1:4318 (default: none).", "URL")),
            (nameof(InferenceOptions.Certificate), Text("--certificate", "The certificate of https addresses, PKCS#12 (.pfx) or PEM (default: none).", "FILE")),
            (nameof(InferenceOptions.CertificateKey), Text("--certificate-key", "The PEM file of its key (default: the certificate's).", "FILE")),
            (nameof(InferenceOptions.PreStopSeconds),
                Flag("--pre-stop", s_defaults.PreStopSeconds, "Seconds after SIGTERM in which the worker goes on while it says that it is not ready.")),
            (nameof(InferenceOptions.DrainSeconds), Flag("--drain", s_defaults.DrainSeconds, "Seconds after that in which what was accepted may be finished.")),
            (nameof(InferenceOptions.CanarySeconds), Flag("--canary", s_defaults.CanarySeconds, "Seconds from one replay of the golden rows to the next.")),
            (nameof(InferenceOptions.UnhealthySeconds),
                Flag("--unhealthy", s_defaults.UnhealthySeconds, "Seconds without golden rows that pass after which the worker ends, to be started again.")),
            (nameof(InferenceOptions.Threads), Flag("--threads", s_defaults.Threads, "Threads of one run; the default is this machine's control-group limit.")),
            (nameof(InferenceOptions.Device), Flag("--device", s_defaults.Device, "auto, cpu or cuda.")),
        ];
    }

    public static Option<T> Flag<T>(string name, T value, string description) => new(name) { Description = description, DefaultValueFactory = _ => value };

    public static Option<string?> Text(string name, string description, string form) => new(name) { Description = description, HelpName = form };

    public void AddTo(Command command)
    {
        command.Add(_file);
        foreach (var (_, flag) in _flags)
        {
            command.Add(flag);
        }
    }

    /// <exception cref="UsageException">There is no such file.</exception>
    public ConfigurationSources Sources(ParseResult parsed)
    {
        if (parsed.GetValue(_file) is { Exists: false } missing)
        {
            throw new UsageException($"{_file.Name} {missing}: there is no such file.");
        }
        // A flag's default must not win over the file.
        var settings = from entry in _flags
                       where parsed.GetResult(entry.Flag) is { Implicit: false }
                       select KeyValuePair.Create(entry.Key, Value(parsed, entry.Flag));
        return new(settings) { File = parsed.GetValue(_file)?.ToString(), Environment = ConfigurationSources.OfProcess() };
    }

    static string? Value(ParseResult parsed, Option flag) => flag switch
    {
        Option<int> number => parsed.GetValue(number).ToString(CultureInfo.InvariantCulture),
        Option<bool> flagged => parsed.GetValue(flagged) ? "true" : "false",
        Option<Device> device => parsed.GetValue(device).ToString(),
        Option<string> text => parsed.GetValue(text),
        _ => throw new System.Diagnostics.UnreachableException(flag.Name),
    };
}
