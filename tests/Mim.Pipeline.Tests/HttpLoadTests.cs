using System.Net;
using System.Net.Sockets;
using System.Text;
using Mim.Inference;

namespace Mim.Pipeline.Tests;

public sealed class HttpLoadTests
{
    const string Good = """{"outputs":[{"data":[1,2]}]}""";
    const int Clients = 3;

    /// <summary>Far longer than three requests take: the load ends with the first bad answer.</summary>
    static readonly TimeSpan s_long = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("""{"outputs":[{"data":[1]}]}""")]
    [InlineData("""{"outputs":[{"data":[1,NaN]}]}""")]
    public async Task Each_answer_to_each_client_is_looked_at(string bad)
    {
        await using Answers server = new((client, request) => (client, request) == (Clients - 1, 2) ? bad : Good);
        using var load = await server.LoadAsync();
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => load.RunAsync(s_long, CancellationToken.None));
        Assert.Contains("expected 2 numbers, found 1", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_last_answer_to_each_client_is_compared()
    {
        await using Answers server = new((client, request) => (client, request) == (Clients - 1, 1) ? """{"outputs":[{"data":[1,3]}]}""" : Good);
        using var load = await server.LoadAsync();
        // Of no length: each client asks once.
        Assert.Equal(Clients, (await load.RunAsync(TimeSpan.Zero, CancellationToken.None)).Count);
        load.RequireEqual();
        Assert.Equal(Clients, (await load.RunAsync(TimeSpan.Zero, CancellationToken.None)).Count);
        Assert.Contains("differ by 1", Assert.Throws<InvalidDataException>(load.RequireEqual).Message, StringComparison.Ordinal);
    }

    /// <summary>A server that knows its clients apart.</summary>
    sealed class Answers : IAsyncDisposable
    {
        const string Request = "the rows";

        readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        readonly Func<int, int, string> _answer;
        readonly Task _serving;

        /// <param name="answer">To a client's request, each counted from 0.</param>
        public Answers(Func<int, int, string> answer)
        {
            _answer = answer;
            _listener.Start();
            _serving = Task.WhenAll(Enumerable.Range(0, Clients).Select(ServeAsync));
        }

        public Task<HttpLoad> LoadAsync() => HttpLoad.ConnectAsync(
            new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}"), "/", "", Encoding.ASCII.GetBytes(Request), new([1, 2], isText: true), Clients,
            CancellationToken.None);

        public async ValueTask DisposeAsync()
        {
            _listener.Dispose();
            await _serving;
        }

        async Task ServeAsync(int client)
        {
            try
            {
                using var connection = await _listener.AcceptTcpClientAsync();
                using StreamReader reader = new(connection.GetStream(), Encoding.ASCII);
                for (var request = 0; ; request++)
                {
                    for (var text = ""; !text.EndsWith(Request, StringComparison.Ordinal);)
                    {
                        var next = new char[1];
                        if (await reader.ReadAsync(next) == 0)
                        {
                            return;
                        }
                        text += next[0];
                    }
                    var body = _answer(client, request);
                    await connection.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
                }
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                // The client has left.
            }
        }
    }
}
