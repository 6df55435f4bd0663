using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Mim.Training;

/// <summary>What this process computes with: the numbers of a run, an evaluation or a package hold for these and, bit for bit, for these alone.</summary>
public static class EngineVersions
{
    public static IReadOnlyDictionary<string, string> Current() => new Dictionary<string, string>
    {
        ["torchsharp"] = typeof(torch).Assembly.GetName().Version?.ToString() ?? "unknown",
        ["libtorch"] = torch.__version__,
        ["threads"] = torch.get_num_threads().ToString(CultureInfo.InvariantCulture),
        ["runtime"] = RuntimeInformation.FrameworkDescription,
        ["architecture"] = RuntimeInformation.ProcessArchitecture.ToString(),
    };
}
