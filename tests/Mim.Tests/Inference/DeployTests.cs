using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using Mim.Inference;
using YamlDotNet.RepresentationModel;

namespace Mim.Tests.Inference;

/// <summary>What inference/Deploy tells an orchestrator, against the worker's own command line, options and routes.</summary>
public sealed class DeployTests
{
    public static TheoryData<string, string> CommandLines
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (var container in Containers())
            {
                data.Add("kubernetes.yaml", string.Join(' ', Items(container, "args").Select(Text)));
            }
            foreach (var unit in Directory.GetFiles(Folder(), "*.service"))
            {
                data.Add(Path.GetFileName(unit), Setting(unit, "ExecStart=/opt/mim/Mim.Inference"));
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(CommandLines))]
    public void Every_command_line_is_one_that_the_worker_takes_and_leaves_time_to_drain(string file, string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Command[] verbs = [ServeCommand.Create(), WorkCommand.Create()];
        var parsed = Assert.Single(verbs, verb => verb.Name == words[0]).Parse(words[1..]);
        Assert.Empty(parsed.Errors);
        var stopping = parsed.GetValue<int>("--pre-stop") + parsed.GetValue<int>("--drain");
        var allowed = file.EndsWith(".service", StringComparison.Ordinal)
            ? Setting(Path.Combine(Folder(), file), "TimeoutStopSec=")
            : Text(Pods().Single(pod => Containers(pod).Any(container => string.Join(' ', Items(container, "args").Select(Text)) == line))["terminationGracePeriodSeconds"]);
        Assert.True(int.Parse(allowed, CultureInfo.InvariantCulture) > stopping, $"{allowed} s for {stopping} s");
    }

    [Fact]
    public async Task Every_probe_asks_what_a_worker_in_service_answers_with_200()
    {
        await using var worker = await TestWorker.StartAsync();
        var probes = 0;
        foreach (var container in Containers())
        {
            foreach (var probe in (string[])["startupProbe", "readinessProbe", "livenessProbe"])
            {
                Assert.Equal(200, (await worker.GetAsync(Text(container[probe]["httpGet"]["path"]))).Status);
                probes++;
            }
        }
        Assert.Equal(6, probes);
    }

    [Fact]
    public void Every_variable_is_an_option()
    {
        var named = from file in Directory.GetFiles(Folder())
                    from part in File.ReadAllText(file).Split(InferenceOptions.EnvironmentPrefix).Skip(1)
                    select new string([.. part.TakeWhile(char.IsAsciiLetterOrDigit)]);
        Assert.Equal(
            ["ApiKey", "Sink", "Source", "Store"],
            named.Distinct().Order(StringComparer.Ordinal).Where(name => typeof(InferenceOptions).GetProperty(name) is not null));
        Assert.All(named, name => Assert.NotNull(typeof(InferenceOptions).GetProperty(name)));
    }

    /// <summary>Otherwise outputs, data and models of gigabytes, and whatever else is no source, travel to the builder.</summary>
    [Fact]
    public void What_git_does_not_hold_is_no_part_of_an_image_s_context()
    {
        var root = Path.GetFullPath(Path.Combine(Folder(), "..", ".."));
        var ignored = from line in File.ReadAllLines(Path.Combine(root, ".gitignore"))
                      let path = line.TrimEnd('/')
                      where path.Length > 0 && path[0] != '#'
                      // A name without a folder counts at every depth for git, and only with ** for Docker.
                      select path.Contains('/', StringComparison.Ordinal) ? path.TrimStart('/') : $"**/{path}";
        Assert.Equal(
            ignored.Append(".git").Order(StringComparer.Ordinal),
            File.ReadAllLines(Path.Combine(root, ".dockerignore")).Where(line => line.Length > 0 && line[0] != '#').Order(StringComparer.Ordinal));
    }

    static IEnumerable<YamlNode> Pods()
    {
        using StreamReader reader = new(Path.Combine(Folder(), "kubernetes.yaml"));
        YamlStream stream = new();
        stream.Load(reader);
        return stream.Documents.Select(document => document.RootNode).Where(node => Text(node["kind"]) == "Deployment").Select(node => node["spec"]["template"]["spec"]);
    }

    static IEnumerable<YamlNode> Containers() => Pods().SelectMany(Containers);

    static IEnumerable<YamlNode> Containers(YamlNode pod) => Items(pod, "containers");

    static IEnumerable<YamlNode> Items(YamlNode node, string key) => ((YamlSequenceNode)node[key]).Children;

    static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    /// <summary>What follows on the one line that begins so.</summary>
    static string Setting(string file, string start) =>
        Assert.Single(File.ReadAllLines(file), line => line.StartsWith(start, StringComparison.Ordinal))[start.Length..];

    static string Folder([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", "..", "inference", "Deploy"));
}
