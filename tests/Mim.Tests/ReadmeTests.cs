using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Mim.Tests;

/// <summary>What README.md says of files, verbs and versions, against the files themselves.</summary>
public sealed partial class ReadmeTests
{
    static readonly string s_root = Repository.Root;
    static readonly string s_readme = File.ReadAllText(Path.Combine(s_root, "README.md"));

    [Fact]
    public void Every_row_of_the_file_map_exists()
    {
        var map = s_readme[s_readme.IndexOf("## Where things are", StringComparison.Ordinal)..];
        map = map[..map.IndexOf("\n## ", StringComparison.Ordinal)];
        var paths = TableCell().Matches(map).SelectMany(row => Code().Matches(row.Value)).Select(m => m.Groups[1].Value).ToArray();
        Assert.True(paths.Length > 8, "the file map was not found");
        Assert.All(paths, path => Assert.True(Path.Exists(Path.Combine(s_root, path)), $"README.md's file map names '{path}', which does not exist"));
    }

    [Fact]
    public void Every_script_and_document_it_names_exists()
    {
        var named = Code().Matches(s_readme).Select(m => m.Groups[1].Value).Where(code => FileInTree().IsMatch(code)).ToArray();
        Assert.NotEmpty(named);
        Assert.All(named, path => Assert.True(Path.Exists(Path.Combine(s_root, path)), $"README.md names '{path}', which does not exist"));
    }

    [Fact]
    public void Every_verb_it_shows_is_one_of_the_launcher()
    {
        var launcher = File.ReadAllText(Path.Combine(s_root, "mim"));
        var verbs = Dispatch().Matches(launcher).SelectMany(m => m.Groups[1].Value.Split('|', StringSplitOptions.TrimEntries)).ToHashSet();
        var shown = Verb().Matches(s_readme).Select(m => m.Groups[1].Value).Distinct().ToArray();
        Assert.Contains("train", verbs);
        Assert.NotEmpty(shown);
        Assert.All(shown, verb => Assert.True(verbs.Contains(verb), $"README.md shows './mim {verb}', which the launcher does not know"));
    }

    [Fact]
    public void Engine_versions_are_those_of_the_central_package_file()
    {
        var versions = XDocument.Load(Path.Combine(s_root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(e => (string?)e.Attribute("Include") ?? "", e => (string?)e.Attribute("Version"));
        var shown = EngineVersion().Matches(s_readme).Select(m => (Package: m.Groups[1].Value, Version: m.Groups[2].Value)).Distinct().ToArray();
        Assert.True(shown.Length >= 5, "the engines' table was not found");
        Assert.All(shown, engine => Assert.Equal(versions.GetValueOrDefault(engine.Package), engine.Version));
    }

    [GeneratedRegex("^\\| (`[^|]+) \\|", RegexOptions.Multiline)]
    private static partial Regex TableCell();

    [GeneratedRegex("`([^`\n]+)`")]
    private static partial Regex Code();

    [GeneratedRegex("^(tests|experiments|training|inference|pipeline|engines|models)/[A-Za-z./-]+$|^[A-Z][A-Z-]+(\\.md)?$|^[a-z]+\\.(yml|lock)$")]
    private static partial Regex FileInTree();

    [GeneratedRegex("^    ([a-z |]+)\\) (?:assembly|help|fail)", RegexOptions.Multiline)]
    private static partial Regex Dispatch();

    [GeneratedRegex("\\./mim ([a-z]+)")]
    private static partial Regex Verb();

    [GeneratedRegex("(TorchSharp-[a-z-]+|Microsoft\\.ML(?:\\.OnnxRuntime(?:\\.Gpu)?)?) (\\d+\\.\\d+\\.\\d+)")]
    private static partial Regex EngineVersion();
}
