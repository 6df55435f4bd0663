using System.Collections;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Mim.Models;

namespace Mim.Inference;

/// <summary>What the worker is told, by whom: a verb's own defaults, a file over them, environment variables over it, and flags over all.</summary>
/// <param name="Flags">Keys of <see cref="InferenceOptions"/> and their values.</param>
public sealed record ConfigurationSources(IEnumerable<KeyValuePair<string, string?>> Flags)
{
    /// <summary>Keys whose default is another than that of <see cref="InferenceOptions"/>.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Defaults { get; init; } = [];

    /// <summary>A JSON file with an <c>Inference</c> section, or null.</summary>
    public string? File { get; init; }

    /// <summary>Keys and values of the variables whose names begin with <see cref="InferenceOptions.EnvironmentPrefix"/>, without that.</summary>
    public IEnumerable<KeyValuePair<string, string?>> Environment { get; init; } = [];

    /// <summary>The variables of this process.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> OfProcess() =>
    [
        .. from DictionaryEntry variable in System.Environment.GetEnvironmentVariables()
           let name = (string)variable.Key
           where name.StartsWith(InferenceOptions.EnvironmentPrefix, StringComparison.Ordinal)
           orderby name
           select KeyValuePair.Create(name[InferenceOptions.EnvironmentPrefix.Length..], (string?)variable.Value),
    ];

    internal ConfigurationFaults Read()
    {
        var builder = new ConfigurationBuilder();
        builder.AddInMemoryCollection(InSection(Defaults));
        if (File is not null)
        {
            builder.AddJsonFile(Path.GetFullPath(File));
        }
        var flags = Flags.ToList();
        builder.AddInMemoryCollection(InSection(Environment.DistinctBy(variable => variable.Key, StringComparer.OrdinalIgnoreCase)));
        builder.AddInMemoryCollection(InSection(flags));
        return new(Build(builder), Environment.Select(variable => variable.Key)
            .Except(flags.Select(flag => flag.Key), StringComparer.OrdinalIgnoreCase).ToHashSet(StringComparer.OrdinalIgnoreCase));
    }

    static IEnumerable<KeyValuePair<string, string?>> InSection(IEnumerable<KeyValuePair<string, string?>> entries) =>
        entries.Select(entry => KeyValuePair.Create($"{InferenceOptions.Section}:{entry.Key}", entry.Value));

    IConfigurationRoot Build(ConfigurationBuilder builder)
    {
        try
        {
            return builder.Build();
        }
        catch (InvalidDataException e)
        {
            var why = e.GetBaseException();
            throw new UsageException(
                why is JsonException json ? $"{File}:{json.LineNumber + 1}: not JSON. {StrictJson.Reason(json)}" : $"{File}: {why.Message}", e);
        }
    }
}
