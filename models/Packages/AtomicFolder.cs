namespace Mim.Models;

/// <summary>Writes a folder so that it appears under its name only when it is complete.</summary>
static class AtomicFolder
{
    /// <summary>Fills a hidden folder beside <paramref name="folder"/>, flushes it and renames it, over an older one if there is one.</summary>
    public static void Write(string folder, Action<string> fill)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(target))
        {
            throw new UsageException($"{folder}: expected a folder to write, found a file. Choose another name.");
        }
        var temporary = AtomicFile.TemporaryBeside(target);
        var replaced = AtomicFile.TemporaryBeside(target);
        try
        {
            Directory.CreateDirectory(temporary);
            fill(temporary);
            if (Directory.Exists(target))
            {
                Directory.Move(target, replaced);
            }
            Publish(temporary, target);
        }
        finally
        {
            Discard(temporary);
            Discard(replaced);
        }
    }

    /// <summary>Writes and flushes one file inside the hidden folder, where no reader looks.</summary>
    public static void WriteFile(string path, Action<Stream> write)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path) ?? ".");
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        write(stream);
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Renames a complete folder; <paramref name="target"/> must not exist.</summary>
    public static void Publish(string temporary, string target)
    {
        foreach (var inner in Directory.EnumerateDirectories(temporary, "*", SearchOption.AllDirectories))
        {
            AtomicFile.FlushFolder(inner);
        }
        AtomicFile.FlushFolder(temporary);
        Directory.Move(temporary, target);
        AtomicFile.FlushFolder(Path.GetDirectoryName(target) ?? ".");
    }

    public static void Discard(string temporary)
    {
        if (Directory.Exists(temporary))
        {
            Directory.Delete(temporary, recursive: true);
        }
    }
}
