namespace Mim.Pipeline;

/// <summary>One native library: what, which version, the file itself (links resolved).</summary>
public sealed record NativeLibrary(string Name, string? Version, string Path);

/// <summary>Finds the native halves of the engines where the loader will find them.</summary>
public static class NativeLibraries
{
    const string Debian = "/usr/lib/x86_64-linux-gnu";

    /// <summary>What an executable loads; nothing for those that load none. Absent libraries are left out.</summary>
    public static IReadOnlyList<NativeLibrary> Of(Project project, string assembly) => assembly switch
    {
        "Mim.Training" => [.. new[] { Libtorch(project), Bridge(project), Blas(project) }.OfType<NativeLibrary>()],
        "Mim.Inference" => [.. new[] { OnnxRuntime(project) }.OfType<NativeLibrary>()],
        _ => [],
    };

    public static NativeLibrary? Libtorch(Project project)
    {
        string[] folders = string.IsNullOrEmpty(project.Libtorch)
            ? [project.Bin("Mim.Training"), Path.Combine(project.Bin("Mim.Training"), "runtimes/linux-x64/native"), Debian, "/usr/lib64", "/usr/lib", "/usr/local/lib"]
            : [Path.Combine(project.Libtorch, "lib"), Path.Combine(project.Libtorch, "torch/lib")];
        if (First(folders, "libtorch_cpu.so") is not { } path)
        {
            return null;
        }
        var stated = Path.Combine(Path.GetDirectoryName(path) ?? "", "../build-version");
        var suffix = path.LastIndexOf(".so.", StringComparison.Ordinal);
        return new NativeLibrary("libtorch", File.Exists(stated) ? File.ReadAllText(stated).Trim() : suffix < 0 ? null : path[(suffix + 4)..], path);
    }

    public static NativeLibrary? Bridge(Project project) =>
        First([project.Bin("Mim.Training")], "libmimtorch.so") is { } path ? new NativeLibrary("libtorch bridge", null, path) : null;

    /// <summary>The BLAS under Debian's libtorch: OpenBLAS's OpenMP build, which the bridge loads first, or else what the alternatives say. libtorch packages bring their own.</summary>
    public static NativeLibrary? Blas(Project project)
    {
        if (Libtorch(project) is not { } torch || !torch.Path.StartsWith(Debian, StringComparison.Ordinal))
        {
            return null;
        }
        return First([.. project.LibraryPath, Path.Combine(Debian, "openblas-openmp"), Debian], "libblas.so.3") is { } path
            ? new NativeLibrary("BLAS", Path.GetFileName(Path.GetDirectoryName(path)), path)
            : null;
    }

    public static NativeLibrary? OnnxRuntime(Project project)
    {
        var bin = project.Bin("Mim.Inference");
        if (First([bin, Path.Combine(bin, "runtimes/linux-x64/native")], "libonnxruntime.so") is not { } path)
        {
            return null;
        }
        var binding = Path.Combine(bin, "Microsoft.ML.OnnxRuntime.dll");
        var version = File.Exists(binding) ? System.Reflection.AssemblyName.GetAssemblyName(binding).Version?.ToString(3) : null;
        return new NativeLibrary("ONNX Runtime", version, path);
    }

    /// <summary>The unpacked npm package that <c>system</c> engines compile against, or null.</summary>
    public static string? OnnxRuntimePackage(Project project) => !Directory.Exists(project.Cache)
        ? null
        : Directory.EnumerateDirectories(project.Cache, "onnxruntime-*").FirstOrDefault(d => File.Exists(Path.Combine(d, "Plugins/Linux/x64/libonnxruntime.so")));

    static string? First(IEnumerable<string> folders, string file) => folders
        .Select(folder => new FileInfo(Path.Combine(folder, file)))
        .Where(f => f.Exists)
        .Select(f => f.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? f.FullName)
        .FirstOrDefault();
}
