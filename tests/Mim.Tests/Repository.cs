namespace Mim.Tests;

static class Repository
{
    /// <summary>The folder of Mim.Pipeline.sln.</summary>
    public static string Root { get; } = Find();

    static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mim.Pipeline.sln")))
        {
            folder = folder.Parent;
        }
        return folder?.FullName ?? throw new DirectoryNotFoundException($"{AppContext.BaseDirectory}: expected Mim.Pipeline.sln in a folder above, found none.");
    }
}
