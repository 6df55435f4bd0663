using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Xml.Linq;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary><c>mim test</c>: both test projects, what was skipped and why, and a last line that a script can read.</summary>
public static class TestCommand
{
    /// <summary>The committed numbers of tests that may be skipped, by engines.</summary>
    const string AllowanceFile = "tests/skipped.max";

    static readonly string[] s_projects = ["tests/Mim.Tests", "tests/Mim.Pipeline.Tests"];

    public static Command Create(Project project)
    {
        var slow = new Option<bool>("--long") { Description = "Run the slow tests (Category=Long), too. Default: false." };
        var filter = new Option<string?>("--filter") { Description = "Only tests whose full name contains this. The allowance of skipped tests is not judged then. Default: all." };
        var command = new Command("test", $"Run the tests. Exit 1 when one fails, or when more are skipped than {AllowanceFile} says.") { slow, filter };
        command.SetAction((parsed, cancellationToken) => RunAsync(project, parsed.GetValue(slow), parsed.GetValue(filter), cancellationToken));
        return command;
    }

    static async Task<int> RunAsync(Project project, bool slow, string? filter, CancellationToken cancellationToken)
    {
        var results = Path.Combine(project.Root, "artifacts", "test-results");
        if (Directory.Exists(results))
        {
            Directory.Delete(results, recursive: true);
        }
        var outcomes = new List<TestOutcome>();
        var failedProjects = new List<string>();
        foreach (var tests in s_projects)
        {
            var report = Path.Combine(results, $"{Path.GetFileName(tests)}.trx");
            var exitCode = await DotnetTestAsync(project, tests, report, Filter(slow, filter), cancellationToken);
            if (File.Exists(report))
            {
                outcomes.AddRange(TestOutcome.Read(report));
            }
            // A build or a host that fails leaves no failed test behind.
            if (exitCode != 0 && !(File.Exists(report) && TestOutcome.Read(report).Any(o => o.Outcome == "Failed")))
            {
                failedProjects.Add(tests);
            }
        }
        return Conclude(outcomes, failedProjects, filter is null ? Allowance(project) : int.MaxValue, Console.Out);
    }

    /// <summary>Prints skipped and failed tests and the counts.</summary>
    public static int Conclude(IReadOnlyList<TestOutcome> outcomes, IReadOnlyList<string> failedProjects, int allowance, TextWriter output)
    {
        var skipped = outcomes.Where(o => o.Outcome == "NotExecuted").ToArray();
        var failed = outcomes.Where(o => o.Outcome is not ("Passed" or "NotExecuted")).ToArray();
        foreach (var group in skipped.GroupBy(o => o.Message).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"skipped: {(group.Key.Length == 0 ? "no reason given" : group.Key)}");
            foreach (var test in group)
            {
                output.WriteLine($"  {test.Name}");
            }
        }
        foreach (var test in failed)
        {
            output.WriteLine($"failed: {test.Name}\n  {test.Message.ReplaceLineEndings("\n  ")}");
        }
        foreach (var project in failedProjects)
        {
            output.WriteLine($"failed: {project} did not build or its test host ended early; its output is above");
        }
        if (skipped.Length > allowance)
        {
            output.WriteLine($"failed: {skipped.Length} tests skipped, expected at most {allowance} ({AllowanceFile})");
        }
        if (outcomes.Count == 0)
        {
            output.WriteLine("failed: no test ran; no name contains what --filter says");
        }
        var bad = failed.Length + failedProjects.Count + (skipped.Length > allowance ? 1 : 0) + (outcomes.Count == 0 ? 1 : 0);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{outcomes.Count(o => o.Outcome == "Passed")} passed, {bad} failed, {skipped.Length} skipped"));
        return bad > 0 ? ExitCode.Failed : ExitCode.Done;
    }

    static string? Filter(bool slow, string? name)
    {
        var parts = new[] { slow ? null : "Category!=Long", name is null ? null : $"FullyQualifiedName~{name}" }.OfType<string>().ToArray();
        return parts.Length == 0 ? null : string.Join('&', parts);
    }

    static int Allowance(Project project)
    {
        var path = Path.Combine(project.Root, AllowanceFile);
        var engines = EngineChoice.NameInUse(project);
        foreach (var line in File.ReadLines(path))
        {
            if (line.Split(' ') is [var name, var number] && name == engines && int.TryParse(number, CultureInfo.InvariantCulture, out var allowance))
            {
                return allowance;
            }
        }
        throw new InvalidDataException($"{path}: expected a line '{engines} NUMBER', found none.");
    }

    static async Task<int> DotnetTestAsync(Project project, string tests, string report, string? filter, CancellationToken cancellationToken)
    {
        string[] arguments =
        [
            "test", tests, "-c", "Release", "--nologo", "-v", "q", "-tl:off", "-nodeReuse:false", "-p:UseSharedCompilation=false",
            "--logger", $"trx;LogFileName={report}",
            .. filter is null ? Array.Empty<string>() : ["--filter", filter],
        ];
        var start = new ProcessStartInfo(project.Dotnet, arguments) { WorkingDirectory = project.Root, RedirectStandardInput = true };
        using var process = Process.Start(start) ?? throw new UnreachableException();
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
        return process.ExitCode;
    }
}

/// <param name="Outcome">As in the report: Passed, Failed, NotExecuted (skipped), …</param>
/// <param name="Message">Why it failed or was skipped.</param>
public sealed record TestOutcome(string Name, string Outcome, string Message)
{
    /// <summary>Reads a Visual Studio test report (.trx).</summary>
    public static IReadOnlyList<TestOutcome> Read(string path) =>
        [.. XDocument.Load(path).Descendants().Where(e => e.Name.LocalName == "UnitTestResult").Select(e => new TestOutcome(
            (string?)e.Attribute("testName") ?? "",
            (string?)e.Attribute("outcome") ?? "",
            e.Descendants().FirstOrDefault(d => d.Name.LocalName == "Message")?.Value
                ?? e.Descendants().FirstOrDefault(d => d.Name.LocalName == "StdOut")?.Value ?? ""))];
}
