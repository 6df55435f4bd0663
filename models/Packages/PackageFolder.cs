namespace Mim.Models;

/// <summary>Reads the files of a folder that may be hostile: nothing is opened before its kind and size are known to be what they should be.</summary>
sealed class PackageFolder
{
    const int MaxEntries = 1024;
    const int MaxDepth = 3;

    readonly string _root;
    readonly Dictionary<string, FileInfo> _files = new(StringComparer.Ordinal);

    public PackageFolder(string root)
    {
        _root = root;
        if (!Directory.Exists(root))
        {
            throw new InvalidDataException(
                $"{root}: expected the folder of a model package, found {(File.Exists(root) ? "a file" : "nothing")}.");
        }
        List(new DirectoryInfo(root), "", depth: 0);
    }

    /// <summary>Paths of all files, relative, with forward slashes.</summary>
    public IEnumerable<string> Paths => _files.Keys;

    public string Describe(string path) => Path.Combine(_root, path);

    /// <summary>Every byte of a file, if there are as many as expected. A pipe or a device has no size and is never opened.</summary>
    public byte[] Read(string path, long minimum, long maximum)
    {
        if (!_files.TryGetValue(path, out var file))
        {
            throw new InvalidDataException(
                $"{Describe(path)}: the file is missing. The package is incomplete or still being written; export or copy it again.");
        }
        if (file.Length < minimum || file.Length > maximum)
        {
            throw new InvalidDataException(
                $"{Describe(path)}: expected {(minimum == maximum ? $"{minimum}" : $"{minimum} to {maximum}")} bytes, found {file.Length}. The file was changed after the package was written.");
        }
        using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        var bytes = new byte[file.Length];
        NpyHeader.ReadExactly(stream, bytes, Describe(path), "the file");
        return bytes;
    }

    void List(DirectoryInfo folder, string prefix, int depth)
    {
        foreach (var entry in folder.EnumerateFileSystemInfos())
        {
            var path = prefix + entry.Name;
            if (entry.LinkTarget is not null || entry.Attributes.HasFlag(FileAttributes.ReparsePoint))
            {
                throw new InvalidDataException($"{Describe(path)}: links are not followed. Put the file itself into the package.");
            }
            if (entry is DirectoryInfo inner)
            {
                if (depth + 1 >= MaxDepth)
                {
                    throw new InvalidDataException($"{Describe(path)}: expected folders at most {MaxDepth - 1} deep.");
                }
                List(inner, path + "/", depth + 1);
                continue;
            }
            if (_files.Count == MaxEntries)
            {
                throw new InvalidDataException($"{_root}: expected at most {MaxEntries} files, found more.");
            }
            _files.Add(path, (FileInfo)entry);
        }
    }
}
