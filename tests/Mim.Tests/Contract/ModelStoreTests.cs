using Mim.Models;

namespace Mim.Tests.Contract;

public sealed class ModelStoreTests
{
    [Fact]
    public void A_published_version_is_the_package_with_its_number_and_space()
    {
        using var folder = new TemporaryFolder();
        var manifest = SamplePackage.Write(folder["package"]);
        var store = new ModelStore(folder["models"]);
        var published = store.Publish(folder["package"]);
        Assert.Equal($"1-{manifest.SpaceId[..8]}", published.Version);
        Assert.Equal(folder[$"models/sample/{published.Version}"], published.Folder);
        Assert.Equal(published.Version, ModelPackage.Open(published.Folder).Manifest.Version);
        Assert.Equal(published, Assert.Single(store.List()));
        Assert.False(published.IsCurrent);
    }

    [Fact]
    public void The_identical_package_is_the_version_there_is_and_another_one_is_the_next()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Write(folder["a"]);
        SamplePackage.Write(folder["b"], weight: 0.75f);
        var store = new ModelStore(folder["models"]);
        var first = store.Publish(folder["a"]);
        Assert.Equal(first, store.Publish(folder["a"]));
        // A version that is published again, from the store itself, is that version.
        Assert.Equal(first, store.Publish(first.Folder));
        Assert.StartsWith("2-", store.Publish(folder["b"]).Version, StringComparison.Ordinal);
        Assert.Equal(first, store.Publish(folder["a"]));
        Assert.Equal(2, store.List().Count);
    }

    [Fact]
    public void Concurrent_publishers_neither_collide_nor_publish_twice()
    {
        const int Packages = 3;
        const int Publishers = 8;
        using var folder = new TemporaryFolder();
        for (var i = 0; i < Packages; i++)
        {
            SamplePackage.Write(folder[$"p{i}"], weight: i);
        }
        var versions = new string[Publishers];
        Parallel.For(0, Publishers, new ParallelOptions { MaxDegreeOfParallelism = Publishers }, i =>
            versions[i] = new ModelStore(folder["models"]).Publish(folder[$"p{i % Packages}"]).Version);
        var store = new ModelStore(folder["models"]);
        Assert.Equal(["1", "2", "3"], store.List().Select(model => model.Version.Split('-')[0]));
        Assert.All(Enumerable.Range(0, Publishers), i => Assert.Equal(versions[i % Packages], versions[i]));
        Assert.All(store.List(), model => Assert.Equal(model.SpaceId, store.Verify($"sample/{model.Version}").Manifest.SpaceId));
        Assert.Empty(Directory.GetDirectories(folder["models/sample"], "*.tmp"));
    }

    /// <summary>What a publisher leaves that was killed before its rename: a hidden folder, complete or not.</summary>
    [Fact]
    public void What_a_crashed_publisher_left_is_never_a_version()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Copy(folder["models/sample/.0123456789abcdef0123456789abcdef.tmp"]);
        SamplePackage.Copy(folder["models/other/.0123456789abcdef0123456789abcdef.tmp"]);
        File.WriteAllText(folder["models/sample/.current.0123.tmp"], "9-00000000");
        var store = new ModelStore(folder["models"]);
        Assert.Empty(store.List());
        Assert.Throws<UsageException>(() => store.Resolve("sample"));
        SamplePackage.Write(folder["package"]);
        Assert.StartsWith("1-", store.Publish(folder["package"]).Version, StringComparison.Ordinal);
        Assert.Single(store.List());
    }

    /// <summary>A reader that polls while a version is copied slowly must see it whole or not at all.</summary>
    [Fact]
    public void A_version_is_seen_whole_or_not_at_all()
    {
        using var folder = new TemporaryFolder();
        for (var i = 0; i < 4; i++)
        {
            SamplePackage.Write(folder[$"p{i}"], weight: i);
        }
        using var done = new CancellationTokenSource();
        using var first = new ManualResetEventSlim();
        var seen = 0;
        var reader = new Thread(() =>
        {
            var store = new ModelStore(folder["models"]);
            while (!done.IsCancellationRequested)
            {
                foreach (var model in store.List())
                {
                    ModelPackage.Open(model.Folder);
                    seen++;
                    first.Set();
                }
            }
        });
        reader.Start();
        for (var i = 0; i < 4; i++)
        {
            new ModelStore(folder["models"]).Publish(folder[$"p{i}"]);
            // From here on the reader is known to read while the others are published.
            Assert.True(first.Wait(TimeSpan.FromMinutes(1)));
        }
        done.Cancel();
        reader.Join();
        // An exception on the reader's thread would have ended the process.
        Assert.True(seen >= 1);
        Assert.Equal(4, new ModelStore(folder["models"]).List().Count);
    }

    [Fact]
    public void Promote_and_rollback_move_the_pointer_and_nothing_else()
    {
        using var folder = new TemporaryFolder();
        var store = new ModelStore(folder["models"]);
        var versions = new List<PublishedModel>();
        for (var i = 0; i < 3; i++)
        {
            SamplePackage.Write(folder["package"], weight: i);
            versions.Add(store.Publish(folder["package"]));
        }
        Assert.Throws<UsageException>(() => store.Resolve("sample"));
        Assert.Throws<UsageException>(() => store.Rollback("sample"));
        store.Promote("sample", versions[0].Version);
        Assert.Throws<UsageException>(() => store.Rollback("sample"));
        store.Promote("sample", "3");
        store.Promote("sample", versions[2].Version);
        store.Promote("sample", versions[1].Version);
        Assert.Equal(versions[1].Folder, store.Resolve("sample"));
        Assert.Equal(versions[1].Version, Assert.Single(store.List(), model => model.IsCurrent).Version);
        Assert.Equal(versions[2].Version, store.Rollback("sample"));
        Assert.Equal(versions[2].Folder, store.Resolve("sample/current"));
        Assert.Equal(versions[0].Version, store.Rollback("sample"));
        Assert.Throws<UsageException>(() => store.Rollback("sample"));
        Assert.Equal(versions[0].Folder, store.Resolve("sample"));
        Assert.All(versions, version => ModelPackage.Open(version.Folder));
    }

    [Fact]
    public void A_model_is_found_by_folder_name_and_version()
    {
        using var folder = new TemporaryFolder();
        var manifest = SamplePackage.Write(folder["package"]);
        var store = new ModelStore(folder["models"]);
        var published = store.Publish(folder["package"]);
        store.Promote("sample", published.Version);
        Assert.All(
            [published.Folder, folder["models/sample"], folder["models/sample/current"], "sample", "sample/current", "sample/1", $"sample/{published.Version}"],
            name => Assert.Equal(published.Folder, store.Resolve(name)));
        Assert.Equal(folder["package"], store.Resolve(folder["package"]));
        Assert.Equal(manifest.SpaceId, store.Verify("sample").Manifest.SpaceId);
    }

    [Theory]
    [InlineData("smaple", "Did you mean 'sample'")]
    [InlineData("sample/7", "There is: 1-")]
    [InlineData("../package", "found neither")]
    [InlineData("sample/../../package", "found neither")]
    [InlineData("Sample", "found neither")]
    public void What_is_not_there_is_refused_with_what_is(string name, string hint)
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Write(folder["package"]);
        var store = new ModelStore(folder["models"]);
        store.Publish(folder["package"]);
        Assert.Contains(hint, Assert.Throws<UsageException>(() => store.Resolve(name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pointer_that_names_a_path_is_refused()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Write(folder["package"]);
        var store = new ModelStore(folder["models"]);
        store.Publish(folder["package"]);
        File.WriteAllText(folder["models/sample/current"], "../../package\n");
        Assert.Throws<InvalidDataException>(() => store.Resolve("sample"));
        Assert.Throws<InvalidDataException>(() => store.List());
    }

    [Fact]
    public void A_version_under_another_name_or_number_does_not_verify()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Write(folder["package"]);
        var store = new ModelStore(folder["models"]);
        var published = store.Publish(folder["package"]);
        var moved = folder["models/sample/7-" + published.Version[2..]];
        Directory.Move(published.Folder, moved);
        Assert.Contains($"sample/{published.Version}", Assert.Throws<InvalidDataException>(() => store.Verify("sample/7")).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => store.Promote("sample", "7"));
    }

    [Fact]
    public void A_version_that_was_changed_is_not_promoted()
    {
        using var folder = new TemporaryFolder();
        SamplePackage.Write(folder["package"]);
        var store = new ModelStore(folder["models"]);
        var published = store.Publish(folder["package"]);
        File.AppendAllText(Path.Combine(published.Folder, "card.md"), "edited");
        Assert.Throws<InvalidDataException>(() => store.Promote("sample", "1"));
        Assert.False(File.Exists(folder["models/sample/current"]));
    }

    [Fact]
    public void A_file_is_replaced_whole_or_not_at_all()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.WriteText(folder["f"], "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(folder["f"], stream =>
        {
            stream.Write("half of the ne"u8);
            throw new InvalidOperationException("killed");
        }));
        Assert.Equal("old", File.ReadAllText(folder["f"]));
        Assert.Single(Directory.GetFiles(folder.Root));
        AtomicFile.WriteText(folder["f"], "new");
        Assert.Equal("new", File.ReadAllText(folder["f"]));
    }
}
