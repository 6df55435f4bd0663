using System.Buffers.Text;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Mim.Inference;

/// <summary>
/// Clients that send one request again and again, each over a connection of its own that stays open, and read the answers no further than they must: what
/// is measured is the server.
/// </summary>
sealed class HttpLoad : IDisposable
{
    const int BufferBytes = 1 << 16;

    static readonly byte[] s_end = "\r\n\r\n"u8.ToArray();

    readonly byte[] _request;
    readonly Client[] _clients;

    HttpLoad(byte[] request, Client[] clients)
    {
        (_request, _clients) = (request, clients);
    }

    /// <param name="address">Of the server.</param>
    /// <param name="path">What is asked for.</param>
    /// <param name="headers">Besides Host and Content-Length, each with its line end.</param>
    public static async Task<HttpLoad> ConnectAsync(Uri address, string path, string headers, byte[] body, int clients, CancellationToken cancellationToken)
    {
        byte[] request = [.. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: {address.Authority}\r\n{headers}Content-Length: {body.Length}\r\n\r\n"), .. body];
        var connected = new Client[clients];
        for (var i = 0; i < clients; i++)
        {
            connected[i] = new();
            await connected[i].Socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        }
        return new(request, connected);
    }

    /// <summary>The body of the answer to one request.</summary>
    /// <exception cref="InvalidDataException">It is not 200.</exception>
    public async Task<byte[]> AskAsync(CancellationToken cancellationToken) => (await _clients[0].AskAsync(_request, cancellationToken)).ToArray();

    /// <summary>All clients at once, until so much time is over.</summary>
    /// <returns>Seconds of each request, from its first byte out to its last byte in.</returns>
    public async Task<List<double>> RunAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        var start = Stopwatch.GetTimestamp();
        var seconds = await Task.WhenAll(_clients.Select(client => Task.Run(
            async () =>
            {
                List<double> seconds = [];
                while (Stopwatch.GetElapsedTime(start) < time)
                {
                    var sent = Stopwatch.GetTimestamp();
                    await client.AskAsync(_request, cancellationToken);
                    seconds.Add(Stopwatch.GetElapsedTime(sent).TotalSeconds);
                }
                return seconds;
            },
            cancellationToken)));
        return [.. seconds.SelectMany(list => list)];
    }

    public void Dispose()
    {
        foreach (var client in _clients)
        {
            client.Socket.Dispose();
        }
    }

    sealed class Client
    {
        byte[] _buffer = new byte[BufferBytes];

        public Socket Socket { get; } = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        /// <returns>The body, until the next call.</returns>
        public async ValueTask<ReadOnlyMemory<byte>> AskAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
        {
            while (request.Length > 0)
            {
                request = request[await Socket.SendAsync(request, cancellationToken)..];
            }
            var (read, body, end) = (0, -1, int.MaxValue);
            while (read < end)
            {
                if (read == _buffer.Length)
                {
                    Array.Resize(ref _buffer, 2 * _buffer.Length);
                }
                var received = await Socket.ReceiveAsync(_buffer.AsMemory(read), cancellationToken);
                if (received == 0)
                {
                    throw new InvalidDataException("the server closed the connection.");
                }
                read += received;
                if (body < 0 && _buffer.AsSpan(0, read).IndexOf(s_end) is >= 0 and var head)
                {
                    body = head + s_end.Length;
                    end = body + ContentLength(_buffer.AsSpan(0, head));
                }
            }
            return _buffer.AsMemory(body, end - body);
        }

        static int ContentLength(ReadOnlySpan<byte> head)
        {
            if (!head.StartsWith("HTTP/1.1 200"u8))
            {
                throw new InvalidDataException($"the server answers {Encoding.ASCII.GetString(head)}");
            }
            foreach (var line in head.Split((byte)'\n'))
            {
                var text = head[line];
                var name = "content-length:"u8;
                if (text.Length > name.Length && Ascii.EqualsIgnoreCase(text[..name.Length], name)
                    && Utf8Parser.TryParse(text[name.Length..].TrimStart((byte)' '), out int length, out _))
                {
                    return length;
                }
            }
            throw new InvalidDataException("expected an answer with a Content-Length, found none.");
        }
    }
}
