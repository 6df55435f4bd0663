using System.Runtime.InteropServices;
using System.Text;

namespace Mim.Models;

/// <summary>Writes a file so that a reader, or a machine that loses power, sees the old contents or the new ones and never a part of either.</summary>
public static class AtomicFile
{
    /// <summary>Writes to a temporary file in the same folder, flushes it to the disk and renames it over <paramref name="path"/>.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = TemporaryFor(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            Publish(temporary, path);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>The name under which the file <paramref name="path"/> is prepared: hidden, in the same folder (rename is atomic only within one file system), unique.</summary>
    /// <exception cref="UsageException">No file can have that name.</exception>
    public static string TemporaryFor(string path) => Directory.Exists(path)
        ? throw new UsageException($"{path}: expected a file to write, found a folder. Choose another name.")
        : TemporaryBeside(path);

    /// <summary>As <see cref="TemporaryFor"/>, of a file or a folder.</summary>
    internal static string TemporaryBeside(string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? throw new UsageException(
            $"{path}: expected a file or folder to write, found the root folder.");
        RequireNoFileAbove(path);
        Directory.CreateDirectory(folder);
        return Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");
    }

    /// <exception cref="UsageException">A folder that <paramref name="path"/> would lie in is a file.</exception>
    public static void RequireNoFileAbove(string path)
    {
        for (var folder = Path.GetDirectoryName(Path.GetFullPath(path)); folder is not null && !Directory.Exists(folder); folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(folder))
            {
                throw new UsageException($"{path}: expected a folder to write it to, found a file named '{Path.GetFileName(folder)}'. Choose another name.");
            }
        }
    }

    /// <summary>Gives a finished and flushed temporary file its name.</summary>
    public static void Publish(string temporary, string path)
    {
        File.Move(temporary, path, overwrite: true);
        FlushFolder(Path.GetDirectoryName(temporary) ?? ".");
    }

    /// <summary>A rename is on the disk only when the folder that holds the name is.</summary>
    public static void FlushFolder(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            return;
        }
        var descriptor = Open(Encoding.UTF8.GetBytes(folder + '\0'), flags: 0);
        if (descriptor < 0)
        {
            throw new IOException($"{folder}: cannot be opened to flush it (errno {Marshal.GetLastPInvokeError()}).");
        }
        // Some network file systems cannot flush a folder and say EINVAL; the rename itself has been done.
        _ = Flush(descriptor);
        _ = Close(descriptor);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync")]
    static extern int Flush(int descriptor);

    [DllImport("libc", EntryPoint = "close")]
    static extern int Close(int descriptor);
}
