using System.Runtime.CompilerServices;

namespace Mim.Tests;

/// <summary>A test that reads files of the development data (MIM_TEST_DATA, else ../shared/data beside the checkout) and says so where they are absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class DataFactAttribute : FactAttribute
{
    public DataFactAttribute(params string[] files)
    {
        if (Array.Find(files, file => !File.Exists(PathOf(file))) is { } missing)
        {
            Skip = $"'{missing}' not found at {Root}. Set MIM_TEST_DATA to the folder that holds it.";
        }
    }

    static string Root => Environment.GetEnvironmentVariable("MIM_TEST_DATA") is { Length: > 0 } folder ? folder : Default();

    public static string PathOf(string file) => Path.Combine(Root, file);

    static string Default([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here) ?? "", "..", "..", "..", "shared", "data"));
}
