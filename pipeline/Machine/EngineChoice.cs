using System.Xml.Linq;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>Where TorchSharp, ONNX Runtime and ML.NET come from, and why: the contents of the git-ignored <c>mim.engines.props</c>.</summary>
/// <param name="Engines">cuda, cpu or system.</param>
public sealed record EngineChoice(string Engines, string Why)
{
    public const string FileName = "mim.engines.props";

    public static readonly string[] Known = ["cuda", "cpu", "system"];

    public static EngineChoice? Read(string root)
    {
        var path = Path.Combine(root, FileName);
        if (!File.Exists(path))
        {
            return null;
        }
        var properties = XDocument.Load(path).Descendants().ToLookup(e => e.Name.LocalName, e => e.Value);
        return properties["MimEngines"].FirstOrDefault() is { } engines
            ? new EngineChoice(engines, properties["MimEnginesWhy"].FirstOrDefault() ?? "written by hand")
            : null;
    }

    /// <summary>What decides the engines of a build here: the environment or the file; null where nobody has chosen.</summary>
    public static EngineChoice? InUse(Project project) =>
        project.BuildEngines is { } engines ? new EngineChoice(engines, "MimEngines in the environment says so") : Read(project.Root);

    /// <summary>The engines that a build here takes: the environment's, the choice's, or MSBuild's default.</summary>
    public static string NameInUse(Project project) => InUse(project)?.Engines ?? "cpu";

    public void Write(string root) => AtomicFile.WriteText(Path.Combine(root, FileName), new XElement("Project",
        new XComment(" Written by './mim setup', which chooses again with --probe. "),
        new XElement("PropertyGroup", new XElement("MimEngines", Engines), new XElement("MimEnginesWhy", Why))) + "\n");
}
