using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mim.Pipeline.Tests;

/// <summary>What the server is asked: the path, and the first byte of a range or 0.</summary>
sealed record LoopbackRequest(string Path, long From);

/// <summary>A reply: the body is cut after <paramref name="SendOnly"/> bytes and the connection closed, as a broken one would.</summary>
sealed record LoopbackReply(int Status, byte[] Body, string Headers = "", int SendOnly = int.MaxValue);

/// <summary>An HTTP server of one connection at a time on an ephemeral loopback port.</summary>
sealed class LoopbackServer : IAsyncDisposable
{
    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly Func<LoopbackRequest, LoopbackReply> _answer;
    readonly Task _serving;

    public LoopbackServer(Func<LoopbackRequest, LoopbackReply> answer)
    {
        _answer = answer;
        _listener.Start();
        _serving = ServeAsync();
    }

    public List<LoopbackRequest> Requests { get; } = [];

    public Uri Url => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    /// <summary>The whole file, or what a range asks for.</summary>
    public static LoopbackReply Ranged(byte[] body, LoopbackRequest request) => request.From switch
    {
        0 => new LoopbackReply(200, body),
        var from when from >= body.Length => new LoopbackReply(416, []),
        var from => new LoopbackReply(206, body[(int)from..], $"Content-Range: bytes {from}-{body.Length - 1}/{body.Length}\r\n"),
    };

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Dispose();
        _stop.Dispose();
    }

    async Task ServeAsync()
    {
        while (true)
        {
            try
            {
                using var connection = await _listener.AcceptTcpClientAsync(_stop.Token);
                await AnswerAsync(connection.GetStream());
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (IOException)
            {
                // The client left in the middle of a reply.
            }
        }
    }

    async Task AnswerAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var path = (await reader.ReadLineAsync(_stop.Token) ?? "").Split(' ')[1];
        var from = 0L;
        while (await reader.ReadLineAsync(_stop.Token) is { Length: > 0 } header)
        {
            if (header.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase))
            {
                from = long.Parse(header.AsSpan("Range: bytes=".Length).TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture);
            }
        }
        var request = new LoopbackRequest(path, from);
        Requests.Add(request);
        var reply = _answer(request);
        var head = $"HTTP/1.1 {reply.Status} Answer\r\nContent-Length: {reply.Body.Length}\r\nConnection: close\r\n{reply.Headers}\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head), _stop.Token);
        await stream.WriteAsync(reply.Body.AsMemory(0, Math.Min(reply.Body.Length, reply.SendOnly)), _stop.Token);
    }
}
