using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Everything the worker can be told. Bound once, from a configuration file's <c>Inference</c> section and the flags over it; nothing else
/// reads configuration.
/// </summary>
public sealed class InferenceOptions
{
    public const string Section = "Inference";

    /// <summary>A package folder, or NAME, NAME/current or NAME/VERSION in the store.</summary>
    [Required(ErrorMessage = "expected a package's folder or a model's name, found none. Give --model.")]
    public string Model { get; init; } = "";

    [Required]
    public string Store { get; init; } = EngineFlags.Store;

    /// <summary>Most rows one run may hold. Larger amortises the call; each row waits for the slowest.</summary>
    [Range(1, 4096)]
    public int MaxBatchSize { get; init; } = 64;

    /// <summary>Rows allowed to wait. Beyond this the worker answers 429 instead of growing.</summary>
    [Range(16, 1 << 20)]
    public int QueueCapacity { get; init; } = 4096;

    /// <summary>Longest request body, or line of standard input, in bytes. Beyond this the worker answers 413.</summary>
    [Range(1024, 1 << 30)]
    public int MaxRequestBytes { get; init; } = 16 << 20;

    /// <summary>How long accepted rows may take to be answered once the worker is told to stop, in seconds.</summary>
    [Range(1, 3600)]
    public int DrainSeconds { get; init; } = 25;

    /// <summary>Threads of one run.</summary>
    [Range(1, 1024)]
    public int Threads { get; init; } = CpuLimit.Threads();

    public Device Device { get; init; } = Device.Auto;

    /// <summary>Where to listen, separated by semicolons.</summary>
    [Required]
    public string Urls { get; init; } = "http://127.0.0.1:8000";
}

[OptionsValidator]
sealed partial class InferenceOptionsValidator : IValidateOptions<InferenceOptions>;

/// <summary>
/// What the binder would pass over or stop at: unknown keys, and texts that are no value of their key's type, bounds or form. Collected here,
/// so that every fault of a configuration is in one message.
/// </summary>
sealed class ConfigurationFaults : IValidateOptions<InferenceOptions>
{
    static readonly PropertyDescriptor[] s_properties = [.. TypeDescriptor.GetProperties(typeof(InferenceOptions)).Cast<PropertyDescriptor>()];

    readonly List<string> _faults = [];

    public ConfigurationFaults(IConfiguration configuration)
    {
        Dictionary<string, string?> bindable = [];
        foreach (var top in configuration.GetChildren())
        {
            if (!Equal(top.Key, InferenceOptions.Section))
            {
                _faults.Add($"unknown key '{top.Key}'.{Nearest.Hint(top.Key, [InferenceOptions.Section])}");
            }
        }
        foreach (var entry in configuration.GetSection(InferenceOptions.Section).GetChildren())
        {
            var property = Array.Find(s_properties, property => Equal(property.Name, entry.Key));
            if (property is null)
            {
                _faults.Add($"unknown key '{entry.Path}'.{Nearest.Hint(entry.Key, s_properties.Select(known => known.Name))}");
            }
            else if (entry.Value is not { } text || !Fits(property, text))
            {
                _faults.Add($"'{entry.Path}': expected {Describe(property)}, found {(entry.Value is { } found ? $"'{found}'" : "an object or a list")}.");
            }
            else
            {
                bindable[entry.Key] = text;
            }
        }
        Bindable = new ConfigurationBuilder().AddInMemoryCollection(bindable).Build();
    }

    /// <summary>The entries that bind.</summary>
    public IConfiguration Bindable { get; }

    public ValidateOptionsResult Validate(string? name, InferenceOptions options) =>
        _faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(_faults);

    static bool Fits(PropertyDescriptor property, string text) => property.Name == nameof(InferenceOptions.Urls) ? AreUrls(text)
        : property.PropertyType.IsEnum ? Enum.TryParse(property.PropertyType, text, ignoreCase: true, out _)
        : property.Converter.IsValid(text)
            && (Bounds(property) is not { } bounds || bounds.IsValid(property.Converter.ConvertFromInvariantString(text)));

    static string Describe(PropertyDescriptor property) =>
        property.Name == nameof(InferenceOptions.Urls) ? $"addresses such as {property.GetValue(new InferenceOptions())}"
        : property.PropertyType.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(property.PropertyType)).ToLowerInvariant()}"
        : Bounds(property) is { } bounds ? $"an integer from {bounds.Minimum} to {bounds.Maximum}"
        : "a text";

    static RangeAttribute? Bounds(PropertyDescriptor property) => property.Attributes.OfType<RangeAttribute>().FirstOrDefault();

    static bool AreUrls(string text)
    {
        try
        {
            return Array.ConvertAll(text.Split(';', StringSplitOptions.RemoveEmptyEntries), BindingAddress.Parse).Length > 0;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    static bool Equal(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
