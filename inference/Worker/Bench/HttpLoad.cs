using System.Buffers.Text;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace Mim.Inference;

/// <summary>
/// Clients that send one request again and again, each over a connection of its own that stays open, and read the answers no further than they must: what
/// is measured is the server.
/// </summary>
public sealed class HttpLoad : IDisposable
{
    const int BufferBytes = 1 << 16;

    static readonly byte[] s_end = "\r\n\r\n"u8.ToArray();

    readonly byte[] _request;
    readonly ExpectedAnswer _expected;
    readonly Client[] _clients;

    HttpLoad(byte[] request, ExpectedAnswer expected, Client[] clients)
    {
        (_request, _expected, _clients) = (request, expected, clients);
    }

    /// <param name="address">Of the server.</param>
    /// <param name="path">What is asked for.</param>
    /// <param name="headers">Besides Host and Content-Length, each with its line end.</param>
    public static async Task<HttpLoad> ConnectAsync(
        Uri address, string path, string headers, byte[] body, ExpectedAnswer expected, int clients, CancellationToken cancellationToken)
    {
        byte[] request = [.. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: {address.Authority}\r\n{headers}Content-Length: {body.Length}\r\n\r\n"), .. body];
        var connected = new Client[clients];
        for (var i = 0; i < clients; i++)
        {
            connected[i] = new();
            await connected[i].Socket.ConnectAsync(address.Host, address.Port, cancellationToken);
        }
        return new(request, expected, connected);
    }

    /// <summary>All clients at once, until so much time is over; each asks at least once.</summary>
    /// <returns>Seconds of each request, from its first byte out to its last byte in.</returns>
    /// <exception cref="InvalidDataException">An answer is not 200, or at a glance not what it must be; nobody asks any more then.</exception>
    public async Task<List<double>> RunAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var start = Stopwatch.GetTimestamp();
        var seconds = await Task.WhenAll(_clients.Select(client => Task.Run(() => AskAgainAsync(client), cancellationToken)));
        return [.. seconds.SelectMany(list => list)];

        async Task<List<double>> AskAgainAsync(Client client)
        {
            List<double> seconds = [];
            try
            {
                do
                {
                    var sent = Stopwatch.GetTimestamp();
                    await client.AskAsync(_request, ending.Token);
                    seconds.Add(Stopwatch.GetElapsedTime(sent).TotalSeconds);
                    Require(_expected.Glance(client.Answer.Span));
                }
                while (Stopwatch.GetElapsedTime(start) < time);
            }
            catch
            {
                await ending.CancelAsync();
                throw;
            }
            return seconds;
        }
    }

    /// <summary>Compares the last answer to each client with the bare run's, number by number.</summary>
    /// <exception cref="InvalidDataException">One is another.</exception>
    public void RequireEqual()
    {
        foreach (var client in _clients)
        {
            Require(_expected.Compare(client.Answer.Span));
        }
    }

    public void Dispose()
    {
        foreach (var client in _clients)
        {
            client.Socket.Dispose();
        }
    }

    static void Require(string? fault)
    {
        if (fault is not null)
        {
            throw new InvalidDataException($"an answer of the server: {fault}");
        }
    }

    sealed class Client
    {
        byte[] _buffer = new byte[BufferBytes];

        /// <summary>The last body; lies where the next will.</summary>
        public ReadOnlyMemory<byte> Answer { get; private set; }

        public Socket Socket { get; } = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        public async ValueTask AskAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
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
            Answer = _buffer.AsMemory(body, end - body);
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
