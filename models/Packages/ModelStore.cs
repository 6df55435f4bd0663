using System.Diagnostics;
using System.Text;

namespace Mim.Models;

/// <summary>A version of a model in the store.</summary>
/// <param name="Name">The model.</param>
/// <param name="Version"><c>&lt;n&gt;-&lt;first 8 of space_id&gt;</c>.</param>
/// <param name="Folder">The package.</param>
/// <param name="SpaceId">The space of its embeddings.</param>
/// <param name="IsCurrent">Whether this is the promoted version.</param>
public sealed record PublishedModel(string Name, string Version, string Folder, string SpaceId, bool IsCurrent);

/// <summary>
/// The folder of published packages, <c>&lt;root&gt;/&lt;name&gt;/&lt;version&gt;/</c>. A version is never edited. The file <c>&lt;root&gt;/&lt;name&gt;/current</c>
/// holds the promoted version and below it those that were promoted before, latest first, so that one rename moves pointer and history together.
/// </summary>
public sealed class ModelStore
{
    /// <summary>The file that names the promoted version, and the word that stands for it.</summary>
    public const string Current = "current";

    const string LockFile = ".lock";
    const int MaxHistory = 100;

    /// <summary>Publishing holds the lock for a few renames; anything longer is a hung process.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    readonly string _root;

    public ModelStore(string root)
    {
        _root = Path.GetFullPath(root);
    }

    /// <summary>
    /// Verifies a package and copies it into the store as the next version, atomically; does not promote it. Publishing the identical package
    /// again returns the version there is.
    /// </summary>
    /// <exception cref="InvalidDataException">The package, or the copy of it, is not what its manifest says.</exception>
    public PublishedModel Publish(string packageFolder)
    {
        var manifest = ModelPackage.Open(packageFolder).Manifest with { Version = null };
        var source = new PackageFolder(packageFolder);
        var folder = Path.Combine(_root, manifest.Name);
        var temporary = Path.Combine(folder, $".{Guid.NewGuid():N}.tmp");
        try
        {
            foreach (var file in manifest.Files)
            {
                AtomicFolder.WriteFile(Path.Combine(temporary, file.Path), stream => stream.Write(source.Read(file.Path, file.Size, file.Size)));
            }
            // What is published is what was verified, not what the source folder held a moment later. Hashing is long; the lock is not held for it.
            manifest.Write(Path.Combine(temporary, ModelManifest.FileName));
            ModelPackage.Open(temporary);
            using (Lock(manifest.Name))
            {
                var unversioned = StrictJson.ToUtf8(manifest);
                var versions = Versions(manifest.Name);
                foreach (var version in versions)
                {
                    var published = ModelManifest.Read(Path.Combine(folder, version.ToString(), ModelManifest.FileName));
                    if (StrictJson.ToUtf8(published with { Version = null }).AsSpan().SequenceEqual(unversioned))
                    {
                        return Describe(published, version);
                    }
                }
                var next = new ModelVersion(versions.Select(version => version.Number).DefaultIfEmpty().Max() + 1, manifest.SpaceId[..SpaceId.ShortLength]);
                (manifest with { Version = next.ToString() }).Write(Path.Combine(temporary, ModelManifest.FileName));
                AtomicFolder.Publish(temporary, Path.Combine(folder, next.ToString()));
                // The model's own folder may be new as well.
                AtomicFile.FlushFolder(_root);
                return Describe(manifest, next);
            }
        }
        finally
        {
            AtomicFolder.Discard(temporary);
        }
    }

    /// <summary>Every version, by name and number. What a crashed publisher left behind is not one.</summary>
    public IReadOnlyList<PublishedModel> List() =>
    [
        .. from name in Names()
           from version in Versions(name)
           select Describe(ModelManifest.Read(Path.Combine(_root, name, version.ToString(), ModelManifest.FileName)), version),
    ];

    /// <summary>The versions of a model, ascending; none of an unknown one. Nothing of them is read.</summary>
    public IReadOnlyList<string> VersionsOf(string name) => PackagePath.IsModelName(name) ? [.. Versions(name).Select(version => version.ToString())] : [];

    /// <summary>The package that is meant.</summary>
    /// <param name="nameOrPath">A package's folder, a model's folder in any store, or a model of this store: <c>name</c>, <c>name/current</c>, <c>name/version</c>, <c>name/n</c>.</param>
    /// <returns>The full path of a folder.</returns>
    /// <exception cref="UsageException">There is no such model or version; the message says which there are.</exception>
    public string Resolve(string nameOrPath)
    {
        if (File.Exists(Path.Combine(nameOrPath, ModelManifest.FileName)))
        {
            return Path.GetFullPath(nameOrPath);
        }
        if (File.Exists(Path.Combine(nameOrPath, Current)))
        {
            return ResolveCurrent(Path.GetFullPath(nameOrPath));
        }
        if (Path.GetFileName(nameOrPath) == Current && File.Exists(nameOrPath))
        {
            return ResolveCurrent(Path.GetDirectoryName(Path.GetFullPath(nameOrPath)) ?? _root);
        }
        var parts = nameOrPath.Split('/');
        if (Directory.Exists(nameOrPath) && (!PackagePath.IsModelName(parts[0]) || Versions(parts[0]).Count == 0))
        {
            throw new UsageException($"{nameOrPath}: expected the folder of a model package, found one without {ModelManifest.FileName}.");
        }
        if (parts.Length > 2 || !PackagePath.IsModelName(parts[0]))
        {
            throw new UsageException(
                $"{nameOrPath}: expected the folder of a model package, or a model of {_root} as name, name/version or name/{Current}; found neither.{Known()}");
        }
        return parts.Length == 1 || parts[1] == Current
            ? ResolveCurrent(Path.Combine(_root, Require(parts[0])))
            : Path.Combine(_root, parts[0], Find(parts[0], parts[1]).ToString());
    }

    /// <summary>Makes a version the current one, after verifying it. Promoting the current version again changes nothing.</summary>
    /// <param name="name">The model.</param>
    /// <param name="version"><c>n-space</c> or <c>n</c>.</param>
    public void Promote(string name, string version)
    {
        var promoted = Find(name, version).ToString();
        Verify(Path.Combine(_root, name, promoted));
        using (Lock(name))
        {
            var history = History(name);
            if (history.FirstOrDefault() != promoted)
            {
                WriteHistory(name, [promoted, .. history.Take(MaxHistory - 1)]);
            }
        }
    }

    /// <summary>Makes the version that was promoted before the current one current again. Rolling back twice goes back two promotions.</summary>
    /// <returns>The version that is current now.</returns>
    public string Rollback(string name)
    {
        Require(name);
        while (true)
        {
            var history = History(name);
            if (history.Count < 2)
            {
                throw new UsageException(
                    $"{name}: expected a version that was promoted before the current one, found none. Promote one: ./mim models promote {name} VERSION.");
            }
            var previous = Find(name, history[1]).ToString();
            Verify(Path.Combine(_root, name, previous));
            using (Lock(name))
            {
                // Somebody may have promoted in the meantime: then previous is another one.
                if (History(name).SequenceEqual(history))
                {
                    WriteHistory(name, history.Skip(1));
                    return previous;
                }
            }
        }
    }

    /// <summary>Opens a version as a worker would, short of its engine: hashes, graphs, signature, goldens.</summary>
    public ModelPackage Verify(string nameOrPath)
    {
        var package = ModelPackage.Open(Resolve(nameOrPath));
        var (name, version) = (package.Manifest.Name, Path.GetFileName(package.Folder));
        if (ModelVersion.TryParse(version, out _) && (package.Manifest.Version != version || Path.GetFileName(Path.GetDirectoryName(package.Folder)) != name))
        {
            throw new InvalidDataException(
                $"{package.Folder}: the manifest is that of {name}/{package.Manifest.Version ?? "an unpublished package"}. A version is never moved; publish the package again.");
        }
        return package;
    }

    PublishedModel Describe(ModelManifest manifest, ModelVersion version) => new(
        manifest.Name,
        version.ToString(),
        Path.Combine(_root, manifest.Name, version.ToString()),
        manifest.SpaceId,
        History(manifest.Name).FirstOrDefault() == version.ToString());

    IEnumerable<string> Names() => Directory.Exists(_root)
        ? new DirectoryInfo(_root).EnumerateDirectories().Select(folder => folder.Name).Where(PackagePath.IsModelName).Order(StringComparer.Ordinal)
        : [];

    /// <summary>Ascending. A folder under a version's name is complete, because it was renamed to it.</summary>
    List<ModelVersion> Versions(string name)
    {
        var folder = Path.Combine(_root, name);
        List<ModelVersion> versions = [];
        if (Directory.Exists(folder))
        {
            foreach (var entry in Directory.EnumerateDirectories(folder))
            {
                if (ModelVersion.TryParse(Path.GetFileName(entry), out var version))
                {
                    versions.Add(version);
                }
            }
        }
        versions.Sort((a, b) => a.Number.CompareTo(b.Number));
        return versions;
    }

    ModelVersion Find(string name, string version)
    {
        var versions = Versions(Require(name));
        foreach (var candidate in versions)
        {
            if (candidate.ToString() == version || $"{candidate.Number}" == version)
            {
                return candidate;
            }
        }
        throw new UsageException(
            $"{name}: no version '{version}' in {_root}. There {(versions.Count == 1 ? "is" : "are")}: {string.Join(", ", versions)}.");
    }

    string Require(string name) => PackagePath.IsModelName(name) && Versions(name).Count > 0
        ? name
        : throw new UsageException($"{name}: no such model in {_root}.{Known(name)}");

    string Known(string name = "")
    {
        var names = Names().Where(known => Versions(known).Count > 0).ToList();
        return names.Count == 0 ? " The store is empty: ./mim models add PACKAGE." : Nearest.Hint(name, names);
    }

    static string ResolveCurrent(string folder)
    {
        var history = History(folder, Path.Combine(folder, Current));
        if (history.Count == 0)
        {
            throw new UsageException(
                $"{folder}: no version is promoted. Promote one: ./mim models promote {Path.GetFileName(folder)} VERSION.");
        }
        var current = Path.Combine(folder, history[0]);
        return Directory.Exists(current)
            ? current
            : throw new InvalidDataException(
                $"{Path.Combine(folder, Current)}: names version '{history[0]}', which is not there. Promote another one.");
    }

    List<string> History(string name) => History(Path.Combine(_root, name), Path.Combine(_root, name, Current));

    static List<string> History(string folder, string pointer)
    {
        if (!File.Exists(pointer))
        {
            return [];
        }
        var lines = File.ReadAllLines(pointer).Take(MaxHistory).ToList();
        // The pointer is joined to a path: it must be a version and nothing else.
        return lines.TrueForAll(line => ModelVersion.TryParse(line, out _))
            ? lines
            : throw new InvalidDataException(
                $"{pointer}: expected one version a line, found '{lines.Find(line => !ModelVersion.TryParse(line, out _))}'. Promote a version of {Path.GetFileName(folder)} again after removing the file.");
    }

    void WriteHistory(string name, IEnumerable<string> versions) =>
        AtomicFile.WriteText(Path.Combine(_root, name, Current), new StringBuilder().AppendJoin('\n', versions).Append('\n').ToString());

    /// <summary>One writer a model, among threads and processes; the operating system lets go when the process ends, however it ends.</summary>
    FileStream Lock(string name)
    {
        var path = Path.Combine(_root, name, LockFile);
        var watch = Stopwatch.StartNew();
        var spin = new SpinWait();
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (watch.Elapsed < s_patience)
            {
                spin.SpinOnce();
            }
        }
    }
}
