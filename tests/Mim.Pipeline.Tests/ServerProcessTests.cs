using Mim.Inference;

namespace Mim.Pipeline.Tests;

public sealed class ServerProcessTests
{
    [Theory]
    [InlineData("info: Listening on http://127.0.0.1:5")]
    [InlineData("listening on http://127.0.0.1:5 with 2 threads")]
    public async Task It_says_where_it_listens(string line)
    {
        using var server = ServerProcess.Start("sh", ["-c", "echo \"$0\" >&2; exec sleep 100", line]);
        Assert.Equal(new Uri("http://127.0.0.1:5"), await server.ListensAsync(CancellationToken.None));
        Assert.False(server.HasExited);
    }

    [Fact]
    public async Task One_that_ends_before_it_listens_gives_its_last_words_and_whoever_listens_hears_all_of_them()
    {
        List<string?> heard = [];
        using var server = ServerProcess.Start("sh", ["-c", "for i in $(seq 30); do echo \"word $i\" >&2; done"], said: heard.Add);
        var ended = await Assert.ThrowsAsync<InvalidDataException>(() => server.ListensAsync(CancellationToken.None));
        await server.StopAsync();
        Assert.Equal(string.Join('\n', Enumerable.Range(11, 20).Select(i => $"word {i}")), server.LastWords);
        Assert.EndsWith(server.LastWords, ended.Message, StringComparison.Ordinal);
        Assert.Equal([.. Enumerable.Range(1, 30).Select(i => $"word {i}"), null], heard);
    }
}
