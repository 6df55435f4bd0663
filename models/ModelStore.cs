namespace Mim.Models;

/// <summary>A version of a model in the store.</summary>
/// <param name="Name">The model.</param>
/// <param name="Version"><c>&lt;n&gt;-&lt;first 8 of space_id&gt;</c>.</param>
/// <param name="Folder">The package.</param>
/// <param name="SpaceId">The space of its embeddings.</param>
/// <param name="IsCurrent">Whether this is the promoted version.</param>
public sealed record PublishedModel(string Name, string Version, string Folder, string SpaceId, bool IsCurrent);

/// <summary>The folder of published packages, <c>&lt;root&gt;/&lt;name&gt;/&lt;version&gt;/</c>. A version is never edited; <c>&lt;root&gt;/&lt;name&gt;/current</c> names the promoted one.</summary>
public sealed class ModelStore(string root)
{
    /// <summary>Verifies a package and copies it into the store as the next version. Publishing the identical package again returns the version there is. Does not promote.</summary>
    public PublishedModel Publish(string packageFolder) => throw new NotImplementedException(root);

    /// <summary>Every version, by name and number.</summary>
    public IReadOnlyList<PublishedModel> List() => throw new NotImplementedException(root);

    /// <summary>The package folder that is meant by a folder, <c>name</c>, <c>name/current</c> or <c>name/version</c>.</summary>
    public string Resolve(string nameOrPath) => throw new NotImplementedException(root);

    /// <summary>Makes a version the current one.</summary>
    public void Promote(string name, string version) => throw new NotImplementedException(root);

    /// <summary>Makes the previously promoted version the current one again.</summary>
    /// <returns>That version.</returns>
    public string Rollback(string name) => throw new NotImplementedException(root);

    /// <summary>Opens a version as a worker would: hashes, scan, signature, goldens.</summary>
    public ModelPackage Verify(string nameOrPath) => ModelPackage.Open(Resolve(nameOrPath));
}
