namespace Mim.Pipeline;

/// <summary>Where this runs: the checkout and what its environment says. Filled by <see cref="FromEnvironment"/>, which Program.cs calls once.</summary>
public sealed record Project
{
    /// <summary>Folder of the <c>mim</c> script: stages run in it.</summary>
    public required string Root { get; init; }

    public string Dotnet { get; init; } = "dotnet";

    /// <summary>Downloads, shared by checkouts.</summary>
    public required string Cache { get; init; }

    /// <summary>MIM_ENGINES: the engines somebody asked for.</summary>
    public string? Engines { get; init; }

    /// <summary>MimEngines: what MSBuild takes from the environment before any choice on disk.</summary>
    public string? BuildEngines { get; init; }

    /// <summary>MIM_LIBTORCH: a folder with <c>lib/libtorch_cpu.so</c> instead of the system's.</summary>
    public string? Libtorch { get; init; }

    /// <summary>LD_LIBRARY_PATH.</summary>
    public IReadOnlyList<string> LibraryPath { get; init; } = [];

    public static Project FromEnvironment()
    {
        var cache = Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return new Project
        {
            Root = Variable("MIM_ROOT") ?? Directory.GetCurrentDirectory(),
            Dotnet = Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet",
            Cache = Path.Combine(cache, "mim"),
            Engines = Variable("MIM_ENGINES"),
            BuildEngines = Variable("MimEngines"),
            Libtorch = Variable("MIM_LIBTORCH"),
            LibraryPath = Variable("LD_LIBRARY_PATH")?.Split(':', StringSplitOptions.RemoveEmptyEntries) ?? [],
        };
    }

    public string Bin(string assembly) => Path.Combine(Root, "artifacts", "bin", assembly, "release");

    static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
