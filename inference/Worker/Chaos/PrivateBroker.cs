using System.Diagnostics;
using System.Globalization;
using Mim.Models;

namespace Mim.Inference;

/// <summary>A node of RabbitMQ with its own epmd, started by hand; it may be killed and started again, and keeps what it had on disk.</summary>
public sealed class PrivateBroker : IAsyncDisposable
{
    /// <summary>Debian's own wrapper in /usr/sbin wants to be root or rabbitmq.</summary>
    const string Server = "/usr/lib/rabbitmq/bin/rabbitmq-server";
    const string Mapper = "/usr/bin/epmd";

    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);

    readonly PrivateServer _server = new("rabbitmq");
    readonly int _port = PrivateServer.FreePort();
    readonly int _peerPort = PrivateServer.FreePort();
    readonly int _mapperPort = PrivateServer.FreePort();
    readonly string _password = Guid.NewGuid().ToString("N");
    Process? _node;

    PrivateBroker()
    {
    }

    /// <summary>What to install, if that is needed.</summary>
    public static string? Missing => File.Exists(Server) && File.Exists(Mapper) ? null : "there is no rabbitmq-server. As root: apt-get install -y rabbitmq-server";

    /// <param name="consumerTimeout">How long a delivery may stay unacknowledged; the broker looks every second.</param>
    public static async Task<PrivateBroker> CreateAsync(TimeSpan consumerTimeout, CancellationToken cancellationToken)
    {
        if (Missing is { } missing)
        {
            throw new UsageException(missing);
        }
        PrivateBroker broker = new();
        try
        {
            broker._server.Write("rabbitmq.conf", $"""
                listeners.tcp.local = 127.0.0.1:{broker._port}
                default_user = mim
                default_pass = {broker._password}
                log.console = false
                log.file = broker.log
                log.file.level = warning

                """);
            broker._server.Write("advanced.config", string.Create(
                CultureInfo.InvariantCulture, $"[{{rabbit, [{{consumer_timeout, {consumerTimeout.TotalMilliseconds:F0}}}, {{channel_tick_interval, 1000}}]}}].\n"));
            broker._server.Write("env.conf", "");
            broker._server.Write("plugins", "[].");
            broker._server.Start(Mapper, ["-port", Text(broker._mapperPort), "-address", "127.0.0.1"]);
            await broker.StartAsync(cancellationToken);
            return broker;
        }
        catch
        {
            await broker.DisposeAsync();
            throw;
        }
    }

    /// <summary>Channels that it has closed because a delivery was not acknowledged in time, as its log has them.</summary>
    public int ConsumerTimeouts => File.Exists(LogPath) ? File.ReadLines(LogPath).Count(line => line.Contains("has timed out waiting for delivery", StringComparison.Ordinal)) : 0;

    public double ProcessorSeconds => _server.ProcessorSeconds;

    string LogPath => Path.Combine(_server.Folder, "broker.log");

    /// <summary>The address of one of its queues, with the password.</summary>
    /// <param name="query">More keys, each with its <c>&amp;</c>.</param>
    public string Address(string queue, string query = "") => string.Create(CultureInfo.InvariantCulture, $"amqp://mim:{_password}@127.0.0.1:{_port}/?queue={queue}{query}");

    /// <summary>Starts it, or starts it again.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var folder = _server.Folder;
        _node = _server.Start(Server, [], new Dictionary<string, string>
        {
            ["PATH"] = "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            ["RABBITMQ_NODENAME"] = "mim@localhost",
            ["RABBITMQ_CONF_ENV_FILE"] = Path.Combine(folder, "env.conf"),
            ["RABBITMQ_CONFIG_FILE"] = Path.Combine(folder, "rabbitmq.conf"),
            ["RABBITMQ_ENABLED_PLUGINS_FILE"] = Path.Combine(folder, "plugins"),
            ["RABBITMQ_MNESIA_BASE"] = folder,
            ["RABBITMQ_LOG_BASE"] = folder,
            ["RABBITMQ_PID_FILE"] = Path.Combine(folder, "pid"),
            ["RABBITMQ_DIST_PORT"] = Text(_peerPort),
            ["ERL_EPMD_PORT"] = Text(_mapperPort),
            ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
            ["RABBITMQ_ADVANCED_CONFIG_FILE"] = Path.Combine(folder, "advanced.config"),
            ["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] = "+S 2:2 +sbwt none",
        });
        await _server.WaitAsync(_node, ConnectAsync, RabbitSession.Passes, s_patience, cancellationToken);

        async Task ConnectAsync()
        {
            await using var connection = await RabbitAddress.Parse("broker", Address("none")).ConnectAsync("mim", cancellationToken);
        }
    }

    /// <summary>As when its machine loses power.</summary>
    public async Task KillAsync()
    {
        if (_node is { } node)
        {
            node.Kill(entireProcessTree: true);
            await node.WaitForExitAsync();
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
