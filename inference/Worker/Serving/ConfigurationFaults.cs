using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// What the binder would pass over or stop at: unknown keys, and texts that are no value of their key's type, bounds or form. Collected here,
/// so that every fault of a configuration is in one message.
/// </summary>
sealed class ConfigurationFaults : IValidateOptions<InferenceOptions>
{
    static readonly PropertyDescriptor[] s_properties = [.. TypeDescriptor.GetProperties(typeof(InferenceOptions)).Cast<PropertyDescriptor>()];

    readonly List<string> _faults = [];

    /// <param name="configuration">All sources together.</param>
    /// <param name="variables">Keys whose value an environment variable gave.</param>
    public ConfigurationFaults(IConfiguration configuration, IReadOnlySet<string> variables)
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
            var name = variables.Contains(entry.Key) ? InferenceOptions.EnvironmentPrefix + entry.Key : entry.Path;
            var property = Array.Find(s_properties, property => Equal(property.Name, entry.Key));
            if (property is null)
            {
                _faults.Add($"unknown key '{name}'.{Nearest.Hint(entry.Key, s_properties.Select(known => known.Name))}");
            }
            else if (entry.Value is not { } text || !Fits(property, text))
            {
                _faults.Add($"'{name}': expected {Describe(property)}, found {(entry.Value is { } found ? $"'{found}'" : "an object or a list")}.");
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
        : property.PropertyType == typeof(Uri) ? Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
        : property.Converter.IsValid(text)
            && (Bounds(property) is not { } bounds || bounds.IsValid(property.Converter.ConvertFromInvariantString(text)));

    static string Describe(PropertyDescriptor property) =>
        property.Name == nameof(InferenceOptions.Urls) ? $"addresses such as {property.GetValue(new InferenceOptions())}"
        : property.PropertyType.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(property.PropertyType)).ToLowerInvariant()}"
        : property.PropertyType == typeof(bool) ? "true or false"
        : property.PropertyType == typeof(Uri) ? "an address such as http://127.0.0.1:4318"
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
