using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Mim.Pipeline;
using Mim.Training;

namespace Mim.Tests.Pipeline;

/// <summary>Oracle: what the training executable knows. A sweep of an hour must not end at a key or a metric that there is not.</summary>
public sealed partial class ExperimentFilesTests
{
    /// <summary>Options of <c>mim train</c> that are no keys of its configuration.</summary>
    static readonly string[] s_ownOptions = ["out", "seeds"];

    public static TheoryData<string> Files { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "experiments"), "*.yml").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    static PipelineFile Read(string name) => PipelineFile.Read(Path.Combine(Repository.Root, "experiments", name), []);

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_training_command_is_a_configuration(string name)
    {
        foreach (var command in Read(name).Stages.SelectMany(s => s.Commands).Where(c => c.StartsWith("./mim train ", StringComparison.Ordinal)))
        {
            var words = Word().Matches(command).Select(m => m.Value.Trim('\'')).Skip(2).ToArray();
            Assert.True(words.Length % 2 == 0, command);
            var flags = words.Chunk(2).Select(pair => KeyValuePair.Create(pair[0].TrimStart('-'), pair[1])).ToArray();
            Assert.Contains(flags, flag => flag.Key == "out");
            _ = TrainingOptions.Parse("", name, [.. flags.Where(flag => !s_ownOptions.Contains(flag.Key))]);
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_metric_of_an_evaluation_is_one_that_it_has(string name)
    {
        var known = Names(typeof(EvaluationReport)).ToHashSet();
        var file = Read(name);
        // Of an evaluation, or of what evaluations of several seeds have in common.
        var used = file.Gates.Select(g => g.Metric).SelectMany(m => EvaluationMetric().Matches(m)).Select(m => m.Groups[1].Value)
            .Concat(file.Sweep?.Columns.Select(c => c.Value) ?? []);
        Assert.Equal([], used.Distinct().Where(key => !known.Contains(key)));
    }

    /// <summary>Dotted, as in the file: those of the parts, too.</summary>
    static IEnumerable<string> Names(Type type) => type.GetProperties().SelectMany(property =>
    {
        var name = property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name ?? JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
        return property.PropertyType is { IsClass: true, Namespace: "Mim.Training" } part ? Names(part).Select(inner => $"{name}.{inner}") : [name];
    });

    [GeneratedRegex("'[^']*'|[^\\s']+")]
    private static partial Regex Word();

    [GeneratedRegex(@"(?:run|mnist|fashion-mnist)@[^\s.]+\.(?:metrics\.)?([a-z0-9_.]+?)(?:\.mean|\.sd)?(?=\s|$)")]
    private static partial Regex EvaluationMetric();
}
