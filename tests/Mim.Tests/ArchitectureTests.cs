using System.Xml.Linq;

namespace Mim.Tests;

/// <summary>The arrows of the house, read from the project files: a new one fails here before it is in use.</summary>
public sealed class ArchitectureTests
{
    /// <summary>Project → the projects and engines it may reference.</summary>
    static readonly Dictionary<string, string[]> s_arrows = new()
    {
        ["models/Mim.Models.csproj"] = [],
        ["pipeline/Mim.Pipeline.csproj"] = ["Mim.Models"],
        ["training/Mim.Training.csproj"] = ["Mim.Models", "TorchSharp.props"],
        ["inference/Worker/Mim.Inference.csproj"] = ["Mim.Models", "OnnxRuntime.props"],
        ["inference/Downstream/Mim.Downstream.csproj"] = ["Mim.Models", "Microsoft.ML.props"],
        ["engines/TorchSharp/TorchSharp.csproj"] = [],
        ["engines/OnnxRuntime/OnnxRuntime.csproj"] = [],
        ["engines/Microsoft.ML/Microsoft.ML.csproj"] = [],
    };

    /// <summary>Package → the only projects that may reference it.</summary>
    static readonly Dictionary<string, string[]> s_packages = new()
    {
        ["CsvHelper"] = ["Mim.Training", "Mim.Inference"],
        ["Microsoft.Extensions.AI.Abstractions"] = ["Mim.Inference"],
        ["OpenTelemetry"] = ["Mim.Inference"],
        ["OpenTelemetry.Exporter.OpenTelemetryProtocol"] = ["Mim.Inference"],
        ["MathNet.Numerics"] = ["Microsoft.ML"],
        ["Microsoft.Extensions.Hosting"] = ["Mim.Inference"],
        ["Npgsql"] = ["Mim.Inference"],
        ["RabbitMQ.Client"] = ["Mim.Inference"],
        ["Spectre.Console"] = ["Mim.Pipeline", "Mim.Training"],
        ["System.CommandLine"] = ["Mim.Pipeline", "Mim.Training", "Mim.Inference", "Mim.Downstream"],
        ["System.Numerics.Tensors"] = ["Microsoft.ML", "Mim.Training", "Mim.Inference"],
        ["YamlDotNet"] = ["Mim.Pipeline", "Mim.Training"],
    };

    /// <summary>The one place where each engine package may stand.</summary>
    static readonly Dictionary<string, string> s_engines = new()
    {
        ["TorchSharp-cpu"] = "TorchSharp.props",
        ["TorchSharp-cuda-linux"] = "TorchSharp.props",
        ["Microsoft.ML.OnnxRuntime"] = "OnnxRuntime.props",
        ["Microsoft.ML.OnnxRuntime.Gpu"] = "OnnxRuntime.props",
        ["Microsoft.ML"] = "Microsoft.ML.props",
    };

    static readonly string s_root = Repository.Root;

    public static TheoryData<string> Projects => [.. s_arrows.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_references_only_what_the_design_draws(string project)
    {
        var document = XDocument.Load(Path.Combine(s_root, project));
        var found = document.Descendants("ProjectReference").Select(e => Path.GetFileNameWithoutExtension(Include(e)))
            .Concat(document.Descendants("Import").Select(e => Path.GetFileName((string?)e.Attribute("Project") ?? "")))
            .ToHashSet();
        Assert.True(found.IsSubsetOf(s_arrows[project]), $"{project} references {string.Join(", ", found.Except(s_arrows[project]))}");
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_package_stays_in_its_place(string project)
    {
        var name = Path.GetFileNameWithoutExtension(project);
        var stray = XDocument.Load(Path.Combine(s_root, project)).Descendants("PackageReference").Select(Include)
            .Where(package => !s_packages.TryGetValue(package, out var places) || !places.Contains(name));
        Assert.Empty(stray);
    }

    [Fact]
    public void Every_project_outside_the_tests_is_drawn()
    {
        var found = Directory.EnumerateFiles(s_root, "*.csproj", SearchOption.AllDirectories)
            .Select(p => Path.GetRelativePath(s_root, p)).Where(p => !p.StartsWith("tests/", StringComparison.Ordinal) && !p.StartsWith("artifacts/", StringComparison.Ordinal));
        Assert.Equal(s_arrows.Keys.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Engine_packages_stand_in_their_props_alone()
    {
        foreach (var props in Directory.EnumerateFiles(Path.Combine(s_root, "engines"), "*.props"))
        {
            Assert.All(XDocument.Load(props).Descendants("PackageReference").Select(Include), package => Assert.Equal(s_engines[package], Path.GetFileName(props)));
        }
    }

    [Fact]
    public void Every_package_version_is_exact_and_pinned_through_the_graph()
    {
        var versions = XDocument.Load(Path.Combine(s_root, "Directory.Packages.props")).Descendants("PackageVersion").ToArray();
        Assert.All(versions, v => Assert.Matches(@"^\d+(\.\d+)+$", (string?)v.Attribute("Version")));
        Assert.Contains("<CentralPackageTransitivePinningEnabled>true<", File.ReadAllText(Path.Combine(s_root, "Directory.Packages.props")), StringComparison.Ordinal);
    }

    static string Include(XElement element) => ((string?)element.Attribute("Include") ?? "").Replace('\\', '/');
}
