namespace Mim.Tests.Contract;

/// <summary>A folder of one test, gone with it.</summary>
sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder()
    {
        Root = Directory.CreateTempSubdirectory("mim-test-").FullName;
    }

    public string Root { get; }

    public string this[string path] => Path.Combine(Root, path);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
