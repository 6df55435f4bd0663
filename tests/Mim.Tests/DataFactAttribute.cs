using System.Runtime.CompilerServices;

namespace Mim.Tests;

/// <summary>A test of public data sets, which the repository does not hold: from MIM_TEST_DATA, else ../shared/data. Skipped where they are absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class DataFactAttribute : FactAttribute
{
    public DataFactAttribute(params string[] files)
    {
        if (Array.Find(files, file => !File.Exists(PathOf(file))) is { } missing)
        {
            Skip = $"'{missing}' of a public data set: not found in {Root}. "
                + $"To run this test, download it and set MIM_TEST_DATA to the folder that holds '{Path.GetDirectoryName(missing)}/'.";
        }
    }

    static string Root => Environment.GetEnvironmentVariable("MIM_TEST_DATA") is { Length: > 0 } folder ? folder : Default();

    public static string PathOf(string file) => Path.Combine(Root, file);

    static string Default([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here) ?? "", "..", "..", "..", "shared", "data"));
}
