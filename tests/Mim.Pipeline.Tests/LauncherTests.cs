using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Mim.Pipeline.Tests;

/// <summary>What the launcher script says before anything is built.</summary>
public sealed partial class LauncherTests
{
    static string Script => Path.Combine(DefaultPipelineTests.Root, "mim");

    static async Task<(int ExitCode, string Output, string Error)> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("/bin/bash", [Script, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
        using var process = Process.Start(start) ?? throw new InvalidOperationException("bash does not start.");
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output, await error);
    }

    [Fact]
    public async Task Help_lists_every_verb_that_is_dispatched()
    {
        var (exitCode, output, _) = await RunAsync(new Dictionary<string, string>(), "--help");
        Assert.Equal(0, exitCode);
        var listed = HelpLine().Matches(output).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal);
        var dispatched = DispatchLine().Matches(await File.ReadAllTextAsync(Script)).SelectMany(m => m.Groups[1].Value.Split(" | ")).Order(StringComparer.Ordinal);
        Assert.Equal(dispatched, listed);
    }

    [Fact]
    public async Task An_unknown_verb_is_bad_usage()
    {
        var (exitCode, _, error) = await RunAsync(new Dictionary<string, string>(), "trian");
        Assert.Equal(2, exitCode);
        Assert.Equal("error: unknown verb 'trian'. './mim --help' lists them.\n", error);
    }

    [Theory]
    [InlineData("darwin23", "arm64")]
    [InlineData("linux-musl", "x86_64")]
    [InlineData("linux-gnu", "aarch64")]
    public async Task Another_platform_is_refused(string system, string processor)
    {
        var (exitCode, _, error) = await RunAsync(new Dictionary<string, string> { ["OSTYPE"] = system, ["HOSTTYPE"] = processor }, "run");
        Assert.Equal(2, exitCode);
        Assert.StartsWith($"error: this is {system} on {processor}; Mim.Pipeline runs on Linux x64 with glibc", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_dotnet_it_says_what_to_install()
    {
        var tools = Directory.CreateTempSubdirectory("mim-tools-").FullName;
        try
        {
            foreach (var tool in new[] { "readlink", "dirname", "cat" })
            {
                File.CreateSymbolicLink(Path.Combine(tools, tool), $"/usr/bin/{tool}");
            }
            var (exitCode, _, error) = await RunAsync(new Dictionary<string, string> { ["PATH"] = tools, ["HOME"] = tools, ["DOTNET_ROOT"] = tools }, "run");
            Assert.Equal(2, exitCode);
            Assert.StartsWith("error: 'dotnet' not found. Install the .NET 10 SDK", error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(tools, recursive: true);
        }
    }

    [GeneratedRegex(@"^  (\w+) {2,}\S", RegexOptions.Multiline)]
    private static partial Regex HelpLine();

    [GeneratedRegex(@"^    ([\w| ]+)\) assembly=", RegexOptions.Multiline)]
    private static partial Regex DispatchLine();
}
