using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Mim.Models;

namespace Mim.Pipeline;

/// <summary>
/// SHA-256 of files and folders. A file is read again only when its size, modification time or inode differs from the last time;
/// what was learnt lives in one file, which may be deleted at any time.
/// </summary>
public sealed class FileHashes
{
    /// <summary>A file younger than this when it was hashed may change again within one tick of the file system's clock: such hashes are not kept.</summary>
    static readonly TimeSpan s_settled = TimeSpan.FromSeconds(2);

    readonly string _cacheFile;
    readonly TimeProvider _time;
    readonly ConcurrentDictionary<string, (Identity Identity, string Hash)> _known = new(StringComparer.Ordinal);
    int _read;

    public FileHashes(string cacheFile, TimeProvider time)
    {
        _cacheFile = cacheFile;
        _time = time;
        if (!File.Exists(cacheFile))
        {
            return;
        }
        foreach (var line in File.ReadLines(cacheFile))
        {
            // A line that does not parse costs one hash, no more.
            if (line.Split(' ', 5) is [var size, var modified, var inode, var hash, var path]
                && long.TryParse(size, CultureInfo.InvariantCulture, out var bytes)
                && long.TryParse(modified, CultureInfo.InvariantCulture, out var ticks)
                && long.TryParse(inode, CultureInfo.InvariantCulture, out var number)
                && Hashes.IsSha256(hash))
            {
                _known[path] = (new Identity(bytes, ticks, number), hash);
            }
        }
    }

    /// <summary>Files whose contents were read, rather than remembered.</summary>
    public int FilesRead => _read;

    /// <summary>Hash and size of a file or folder, or null when there is neither. A folder's hash is that of its sorted (path, hash) pairs.</summary>
    public (string Hash, long Size)? Of(string path)
    {
        if (File.Exists(path))
        {
            return (OfFile(path), new FileInfo(path).Length);
        }
        if (!Directory.Exists(path))
        {
            return null;
        }
        var size = 0L;
        var text = new StringBuilder();
        foreach (var (name, file) in FilesUnder(path, "").OrderBy(f => f.Name, StringComparer.Ordinal))
        {
            text.Append(name).Append('\0').Append(OfFile(file)).Append('\n');
            size += new FileInfo(file).Length;
        }
        return (Hashes.Sha256(Encoding.UTF8.GetBytes(text.ToString())), size);
    }

    public string OfFile(string path)
    {
        var full = Path.GetFullPath(path);
        var identity = Identity.Of(full);
        if (_known.TryGetValue(full, out var known) && known.Identity == identity)
        {
            return known.Hash;
        }
        Interlocked.Increment(ref _read);
        var hash = Hashes.Sha256(full);
        if (_time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(identity.Modified / 1_000_000) > s_settled && !full.Contains('\n', StringComparison.Ordinal))
        {
            _known[full] = (identity, hash);
        }
        return hash;
    }

    /// <summary>Writes the cache if there is anything new to remember.</summary>
    public void Save()
    {
        if (_read > 0)
        {
            var lines = _known.OrderBy(e => e.Key, StringComparer.Ordinal).Where(e => File.Exists(e.Key)).Select(e => string.Create(
                CultureInfo.InvariantCulture, $"{e.Value.Identity.Size} {e.Value.Identity.Modified} {e.Value.Identity.Inode} {e.Value.Hash} {e.Key}\n"));
            AtomicFile.WriteText(_cacheFile, string.Concat(lines));
        }
    }

    static IEnumerable<(string Name, string File)> FilesUnder(string folder, string prefix)
    {
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
        {
            // A link to a folder may lead back up: its files are not this folder's.
            if (entry is FileInfo)
            {
                yield return (prefix + entry.Name, entry.FullName);
            }
            else if (entry.LinkTarget is null)
            {
                foreach (var file in FilesUnder(entry.FullName, $"{prefix}{entry.Name}/"))
                {
                    yield return file;
                }
            }
        }
    }

    /// <param name="Modified">Nanoseconds since 1970.</param>
    readonly record struct Identity(long Size, long Modified, long Inode)
    {
        // struct stat of Linux x64, the one platform here: st_ino at 8, st_size at 48, st_mtim at 88.
        const int StatSize = 144;

        public static Identity Of(string path)
        {
            var stat = new byte[StatSize];
            if (Stat(Encoding.UTF8.GetBytes(path + '\0'), stat) != 0)
            {
                throw new FileNotFoundException($"{path}: cannot be read.", path);
            }
            return new Identity(BitConverter.ToInt64(stat, 48), BitConverter.ToInt64(stat, 88) * 1_000_000_000 + BitConverter.ToInt64(stat, 96), BitConverter.ToInt64(stat, 8));
        }

        [DllImport("libc", EntryPoint = "stat")]
        static extern int Stat(byte[] path, byte[] buffer);
    }
}
