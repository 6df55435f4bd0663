using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Mim.Pipeline;

/// <summary>What this machine's package feed says about a set of packages.</summary>
/// <param name="Lacks">Packages that the feed answered it does not have.</param>
/// <param name="Silence">Why there is no answer (unreachable, refused, timed out), or null: a feed that did not answer lacks nothing.</param>
public sealed partial record PackageFeed(IReadOnlyList<string> Lacks, string? Silence)
{
    public bool HasAll => Silence is null && Lacks.Count == 0;

    /// <summary>Restores a project that references <paramref name="packages"/> with the versions of Directory.Packages.props, under the repository's own NuGet configuration.</summary>
    public static PackageFeed Ask(string root, string dotnet, params IReadOnlyList<string> packages)
    {
        var folder = Path.Combine(root, "artifacts", "probe", string.Join('+', packages));
        Directory.CreateDirectory(folder);
        // Empty: the probe must not inherit the solution's properties, central versions or engine choice.
        File.WriteAllText(Path.Combine(folder, "Directory.Build.props"), "<Project />");
        File.WriteAllText(Path.Combine(folder, "Directory.Build.targets"), "<Project />");
        File.WriteAllText(Path.Combine(folder, "Directory.Packages.props"), "<Project />");
        var versions = XDocument.Load(Path.Combine(root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(e => (string?)e.Attribute("Include") ?? "", e => (string?)e.Attribute("Version"));
        var project = Path.Combine(folder, "probe.csproj");
        new XDocument(new XElement("Project", new XAttribute("Sdk", "Microsoft.NET.Sdk"),
            new XElement("PropertyGroup", new XElement("TargetFramework", $"net{Environment.Version.Major}.0"), new XElement("NuGetAudit", "false")),
            new XElement("ItemGroup", packages.Select(p => new XElement("PackageReference", new XAttribute("Include", p), new XAttribute("Version", $"[{versions[p]}]"))))))
            .Save(project);
        var restore = Subprocess.Run(dotnet, ["restore", project, "--nologo", "-v", "q", "-nodeReuse:false", "-tl:off"], folder);
        return restore is null ? new PackageFeed([], $"'{dotnet}' does not start") : Judge(restore.ExitCode, restore.Output + restore.Error);
    }

    /// <summary>
    /// NU1101 (no such package), NU1102 (no such version) and NU1103 (only a prerelease) are answers. Anything else, NU1301 above all, is none,
    /// even beside an NU1101: the source that kept silent may have had the package.
    /// </summary>
    public static PackageFeed Judge(int exitCode, string restoreOutput)
    {
        if (exitCode == 0)
        {
            return new PackageFeed([], null);
        }
        var errors = ErrorLine().Matches(restoreOutput).Select(m => (Code: m.Groups[1].Value, Message: m.Groups[2].Value.Trim())).Distinct().ToArray();
        if (errors.Length == 0)
        {
            return new PackageFeed([], restoreOutput.Trim() is { Length: > 0 } said ? said : $"restore ended with exit code {exitCode} and said nothing");
        }
        if (errors.FirstOrDefault(e => e.Code is not ("NU1101" or "NU1102" or "NU1103")) is { Code: not null } other)
        {
            return new PackageFeed([], $"{other.Code}: {other.Message}");
        }
        return new PackageFeed([.. errors.Select(e => PackageName().Match(e.Message) is { Success: true } m ? m.Groups[1].Value : e.Message).Distinct()], null);
    }

    [GeneratedRegex(@"error (\w+\d+)\s*:\s*(.*?)(?=\s+\[[^\]]*proj\]\s*$|\s*$)", RegexOptions.Multiline)]
    private static partial Regex ErrorLine();

    [GeneratedRegex(@"[Uu]nable to find (?:a stable )?package ([\w.-]*\w)")]
    private static partial Regex PackageName();
}
