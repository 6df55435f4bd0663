using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.Json;

namespace Mim.Pipeline;

/// <summary>
/// What a stage is run with, besides its command and inputs: named items, so that a difference can be explained.
/// The command's first <c>./mim VERB</c> says which executable, and with it which of our assemblies and which native libraries.
/// </summary>
public static class Toolchain
{
    static readonly Dictionary<string, string> s_assemblyOfVerb = new()
    {
        ["train"] = "Mim.Training",
        ["evaluate"] = "Mim.Training",
        ["export"] = "Mim.Training",
        ["report"] = "Mim.Training",
        ["data"] = "Mim.Training",
        ["encode"] = "Mim.Inference",
        ["decode"] = "Mim.Inference",
        ["verify"] = "Mim.Inference",
        ["serve"] = "Mim.Inference",
        ["bench"] = "Mim.Inference",
        ["downstream"] = "Mim.Downstream",
        ["models"] = "Mim.Pipeline",
    };

    /// <summary>The SDK that built this: its compiler made the assemblies, so an upgrade that rebuilds nothing changes nothing.</summary>
    public static string Sdk { get; } = typeof(Toolchain).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(a => a.Key == "SdkVersion").Value ?? "unknown";

    public static IReadOnlyList<string> AssembliesOf(string command)
    {
        var words = command.Split([' ', '\t', '\n', ';', '&', '|', '(', ')'], StringSplitOptions.RemoveEmptyEntries);
        return [.. words.Zip(words.Skip(1)).Where(p => p.First == "./mim" && s_assemblyOfVerb.ContainsKey(p.Second)).Select(p => s_assemblyOfVerb[p.Second]).Distinct()];
    }

    /// <summary>Items in ordinal order of their names.</summary>
    public static SortedDictionary<string, string> Of(Project project, string command, Hardware hardware, FileHashes hashes)
    {
        var items = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["cpu"] = hardware.Cpu,
            ["gpu"] = hardware.Gpu ?? "none",
            ["threads"] = hardware.Threads.ToString(System.Globalization.CultureInfo.InvariantCulture),
        };
        foreach (var assembly in AssembliesOf(command))
        {
            items["sdk"] = Sdk;
            items["runtime"] = Environment.Version.ToString();
            items["engines"] = EngineChoice.NameInUse(project);
            foreach (var (name, value) in ModulesOf(project, assembly).Concat(EnginesOf(project, assembly)))
            {
                items[name] = value;
            }
            foreach (var library in NativeLibraries.Of(project, assembly))
            {
                items[library.Name] = hashes.OfFile(library.Path);
            }
        }
        return items;
    }

    /// <summary>Versions of the engine packages that an executable was built with; projects under engines/ say so.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> EnginesOf(Project project, string assembly) =>
        [.. LibrariesOf(project, assembly)
            .Where(l => l.Name.StartsWith("TorchSharp", StringComparison.Ordinal) || l.Name.StartsWith("libtorch", StringComparison.Ordinal) || l.Name.StartsWith("Microsoft.ML", StringComparison.Ordinal))
            .Select(l => KeyValuePair.Create(l.Name, l.IsProject ? "built here" : l.Version))];

    /// <summary>Module version ids of our own assemblies, engine stand-ins included: the compiler derives them from everything it compiled.</summary>
    static IEnumerable<KeyValuePair<string, string>> ModulesOf(Project project, string assembly)
    {
        foreach (var library in LibrariesOf(project, assembly).Where(l => l.IsProject))
        {
            var path = Path.Combine(project.Bin(assembly), $"{library.Name}.dll");
            if (File.Exists(path))
            {
                using var reader = new PEReader(File.OpenRead(path));
                var metadata = reader.GetMetadataReader();
                yield return KeyValuePair.Create($"{library.Name}.dll", metadata.GetGuid(metadata.GetModuleDefinition().Mvid).ToString("N"));
            }
        }
    }

    static IReadOnlyList<(string Name, string Version, bool IsProject)> LibrariesOf(Project project, string assembly)
    {
        var path = Path.Combine(project.Bin(assembly), $"{assembly}.deps.json");
        if (!File.Exists(path))
        {
            return [];
        }
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        return [.. document.RootElement.GetProperty("libraries").EnumerateObject().Where(l => l.Value.GetProperty("type").GetString() is "project" or "package").Select(l =>
        {
            var slash = l.Name.IndexOf('/', StringComparison.Ordinal);
            return (l.Name[..slash], l.Name[(slash + 1)..], l.Value.GetProperty("type").GetString() == "project");
        })];
    }
}
