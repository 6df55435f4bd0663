using Mim.Models;
using Mim.Training;

namespace Mim.Pipeline.Tests;

public sealed class FetchTests : IDisposable
{
    const string Name = "train-images-idx3-ubyte.gz";
    const int Size = 300_000;

    readonly string _folder = Directory.CreateTempSubdirectory("mim-fetch-").FullName;
    readonly byte[] _body = new byte[Size];
    readonly ImpatientTime _time = new();
    readonly StringWriter _log = new();

    public FetchTests()
    {
        for (var i = 0; i < Size; i++)
        {
            _body[i] = (byte)(i * 31 + (i >> 8));
        }
    }

    string Target => Path.Combine(_folder, Name);

    string Part => $"{Target}.part";

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _log.Dispose();
    }

    [Fact]
    public async Task A_file_is_fetched_whole_and_then_left_alone()
    {
        await using var server = new LoopbackServer(request => LoopbackServer.Ranged(_body, request));
        await FetchAsync(server);
        Assert.Equal(_body, await File.ReadAllBytesAsync(Target));
        Assert.False(File.Exists(Part));
        await FetchAsync(server);
        Assert.Equal([new LoopbackRequest($"/{Name}", 0)], server.Requests);
    }

    [Fact]
    public async Task A_broken_connection_is_continued_where_it_broke()
    {
        var broken = 0;
        await using var server = new LoopbackServer(request => broken++ < 2
            ? LoopbackServer.Ranged(_body, request) with { SendOnly = 100_000 }
            : LoopbackServer.Ranged(_body, request));
        await FetchAsync(server);
        Assert.Equal(_body, await File.ReadAllBytesAsync(Target));
        Assert.Equal([0L, 100_000, 200_000], server.Requests.Select(request => request.From));
        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)], _time.Pauses);
    }

    [Fact]
    public async Task An_interrupted_call_is_continued_by_the_next_one()
    {
        await File.WriteAllBytesAsync(Part, _body[..123_456]);
        await using var server = new LoopbackServer(request => LoopbackServer.Ranged(_body, request));
        await FetchAsync(server);
        Assert.Equal(_body, await File.ReadAllBytesAsync(Target));
        Assert.Equal(123_456, Assert.Single(server.Requests).From);
    }

    [Fact]
    public async Task A_partial_file_that_was_complete_needs_no_request()
    {
        await File.WriteAllBytesAsync(Part, _body);
        await using var server = new LoopbackServer(_ => new LoopbackReply(404, []));
        await FetchAsync(server);
        Assert.Equal(_body, await File.ReadAllBytesAsync(Target));
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_server_that_ignores_ranges_sends_the_file_from_its_start()
    {
        await File.WriteAllBytesAsync(Part, _body[..50_000]);
        await using var server = new LoopbackServer(_ => new LoopbackReply(200, _body));
        await FetchAsync(server);
        Assert.Equal(_body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task A_server_that_answers_another_range_is_asked_for_the_whole()
    {
        await File.WriteAllBytesAsync(Part, _body[..50_000]);
        await using var server = new LoopbackServer(request => request.From == 0
            ? new LoopbackReply(200, _body)
            : new LoopbackReply(206, _body[10..], $"Content-Range: bytes 10-{Size - 1}/{Size}\r\n"));
        await FetchAsync(server);
        Assert.Equal(_body, await File.ReadAllBytesAsync(Target));
        Assert.Equal([50_000L, 0], server.Requests.Select(request => request.From));
    }

    [Theory]
    [InlineData(0)] // one byte differs
    [InlineData(1)] // longer than it should be
    public async Task Bytes_of_a_wrong_hash_are_not_kept(int longer)
    {
        byte[] wrong = [.. _body, .. new byte[longer]];
        wrong[77] ^= 1;
        await using var server = new LoopbackServer(request => LoopbackServer.Ranged(wrong, request));
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => FetchAsync(server));
        Assert.Contains(Hashes.Sha256(_body), error.Message, StringComparison.Ordinal);
        Assert.Contains("Nothing was kept", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public async Task A_file_that_was_changed_on_disk_is_fetched_again()
    {
        await File.WriteAllBytesAsync(Target, _body[..1000]);
        await using var server = new LoopbackServer(request => LoopbackServer.Ranged(_body, request));
        await FetchAsync(server);
        Assert.Equal(_body, await File.ReadAllBytesAsync(Target));
    }

    [Fact]
    public async Task A_missing_file_is_reported_at_once_with_its_address()
    {
        await using var server = new LoopbackServer(_ => new LoopbackReply(404, []));
        var error = await Assert.ThrowsAsync<UsageException>(() => FetchAsync(server));
        Assert.Equal($"{server.Url}{Name}: expected the file, found HTTP 404. Give another place with --base-url.", error.Message);
        Assert.Single(server.Requests);
        Assert.Empty(_time.Pauses);
    }

    [Fact]
    public async Task A_server_in_trouble_is_asked_five_times_and_what_arrived_stays()
    {
        var first = true;
        await using var server = new LoopbackServer(request =>
        {
            var reply = first ? LoopbackServer.Ranged(_body, request) with { SendOnly = 1000 } : new LoopbackReply(503, []);
            first = false;
            return reply;
        });
        var error = await Assert.ThrowsAsync<IOException>(() => FetchAsync(server));
        Assert.Contains("after 5 attempts", error.Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 4, 8], _time.Pauses.Select(pause => pause.TotalSeconds));
        Assert.Equal(1000, new FileInfo(Part).Length);
    }

    [Fact]
    public void The_known_sets_have_four_files_each_with_a_hash_and_an_address_that_ends_in_a_slash()
    {
        Assert.Equal(["mnist", "fashion-mnist"], RemoteDataset.Known.Select(remote => remote.Name));
        Assert.All(RemoteDataset.Known, remote =>
        {
            Assert.EndsWith("/", remote.BaseUrl.AbsoluteUri, StringComparison.Ordinal);
            Assert.Equal(4, remote.Files.Select(file => file.Sha256).Where(Hashes.IsSha256).Distinct().Count());
        });
    }

    async Task FetchAsync(LoopbackServer server)
    {
        using var client = new HttpClient();
        var dataset = new RemoteDataset("set", server.Url, [new RemoteFile(Name, Size, Hashes.Sha256(_body))]);
        await new Fetch(client, _time, _log).AllAsync(dataset, _folder, CancellationToken.None);
    }

    /// <summary>A clock on which every pause is over at once.</summary>
    sealed class ImpatientTime : TimeProvider
    {
        public List<TimeSpan> Pauses { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Pauses.Add(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
