namespace Mim.Pipeline.Tests;

/// <summary>The probe of setup with a real restore: an empty folder answers, a closed port does not.</summary>
public sealed class PackageFeedTests : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("mim-feed-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    PackageFeed Ask(string source)
    {
        File.WriteAllText(Path.Combine(_root, "Directory.Packages.props"), "<Project><ItemGroup><PackageVersion Include=\"No.Such.Package\" Version=\"1.2.3\" /></ItemGroup></Project>");
        File.WriteAllText(Path.Combine(_root, "NuGet.config"),
            $"<configuration><packageSources><clear /><add key=\"only\" value=\"{source}\" allowInsecureConnections=\"true\" /></packageSources></configuration>");
        return PackageFeed.Ask(_root, "dotnet", "No.Such.Package");
    }

    [Fact]
    public void A_feed_without_the_package_lacks_it()
    {
        Directory.CreateDirectory(Path.Combine(_root, "empty"));
        var feed = Ask("empty");
        Assert.Null(feed.Silence);
        Assert.Equal(["No.Such.Package"], feed.Lacks);
    }

    [Fact]
    public void A_feed_that_cannot_be_reached_is_silent()
    {
        // Port 1 of the loopback: nothing listens, so the connection is refused at once.
        var feed = Ask("http://127.0.0.1:1/index.json");
        Assert.StartsWith("NU1301", feed.Silence, StringComparison.Ordinal);
        Assert.Empty(feed.Lacks);
    }
}
