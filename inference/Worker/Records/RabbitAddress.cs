using System.Globalization;
using Mim.Models;
using RabbitMQ.Client;

namespace Mim.Inference;

/// <summary>
/// A queue of RabbitMQ: <c>amqp[s]://USER:PASSWORD@HOST:PORT/VHOST?queue=NAME</c>, with <c>dead</c> (NAME.dead), <c>delivery_limit</c> (20),
/// <c>max_length</c> (none) and <c>declare</c> (true) after it.
/// </summary>
public sealed record RabbitAddress
{
    const int DefaultDeliveryLimit = 20;

    /// <summary>
    /// The largest message that a broker can be configured to take (by default 128 MiB, from RabbitMQ 4 on 16 MiB). At less, which the client allows
    /// by default, one longer message would end every connection that it is delivered on, and never become a dead letter.
    /// </summary>
    const uint MaxMessageBytes = 512 << 20;

    static readonly string[] s_keys = ["queue", "dead", "delivery_limit", "max_length", "declare"];

    RabbitAddress(Uri uri, string queue, string deadQueue, int deliveryLimit, int? maxLength, bool declares)
    {
        (Uri, Queue, DeadQueue, DeliveryLimit, MaxLength, Declares) = (uri, queue, deadQueue, deliveryLimit, maxLength, declares);
    }

    /// <summary>Without what follows the question mark; with the password.</summary>
    public Uri Uri { get; }

    public string Queue { get; }

    public string DeadQueue { get; }

    /// <summary>Deliveries after which the broker itself takes a record for one that kills its workers.</summary>
    public int DeliveryLimit { get; }

    /// <summary>Records that the queue holds; it refuses more.</summary>
    public int? MaxLength { get; }

    /// <summary>Whether the queues are made when they are missing, and otherwise must be as this would make them.</summary>
    public bool Declares { get; }

    public static RabbitAddress Parse(string flag, string text)
    {
        var (uri, query) = AddressQuery.Split(flag, text, s_keys);
        var queue = query.GetValueOrDefault("queue") is { Length: > 0 } name && !name.Contains('\0', StringComparison.Ordinal)
            ? name
            : throw new UsageException($"{flag}: {AddressQuery.Redacted(text)}: expected '?queue=NAME', found no name of a queue.");
        return new(
            new UriBuilder(uri) { Query = "" }.Uri, queue, query.GetValueOrDefault("dead") ?? $"{queue}.dead", Number("delivery_limit") ?? DefaultDeliveryLimit,
            Number("max_length"), AddressQuery.Flag(flag, query, "declare", true));

        int? Number(string key) => !query.TryGetValue(key, out var value) ? null
            : int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number
            : throw new UsageException($"{flag}: {key}: expected an integer from 1, found '{value}'.");
    }

    /// <summary>A connection that does not mend itself: who mends it must know which deliveries died with it.</summary>
    public Task<IConnection> ConnectAsync(string name, CancellationToken cancellationToken) => new ConnectionFactory
    {
        Uri = Uri,
        AutomaticRecoveryEnabled = false,
        TopologyRecoveryEnabled = false,
        MaxInboundMessageBodySize = MaxMessageBytes,
        ClientProvidedName = name,
    }.CreateConnectionAsync(cancellationToken);

    /// <summary>
    /// Quorum queues, on disk before they confirm. What the broker itself gives up (too many deliveries) it keeps until the dead-letter queue has
    /// it, for which it must refuse what it cannot hold instead of dropping the oldest.
    /// </summary>
    public async Task DeclareAsync(IChannel channel, CancellationToken cancellationToken)
    {
        if (!Declares)
        {
            await channel.QueueDeclarePassiveAsync(Queue, cancellationToken);
            await channel.QueueDeclarePassiveAsync(DeadQueue, cancellationToken);
            return;
        }
        await channel.QueueDeclareAsync(DeadQueue, durable: true, exclusive: false, autoDelete: false, DeadArguments, cancellationToken: cancellationToken);
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, Arguments, cancellationToken: cancellationToken);
    }

    /// <summary>The queue's arguments, for those who declare it themselves.</summary>
    public Dictionary<string, object?> Arguments
    {
        get
        {
            Dictionary<string, object?> arguments = new()
            {
                ["x-queue-type"] = "quorum",
                ["x-delivery-limit"] = DeliveryLimit,
                ["x-dead-letter-exchange"] = "",
                ["x-dead-letter-routing-key"] = DeadQueue,
                ["x-dead-letter-strategy"] = "at-least-once",
                ["x-overflow"] = "reject-publish",
            };
            if (MaxLength is { } length)
            {
                arguments["x-max-length"] = length;
            }
            return arguments;
        }
    }

    /// <summary>Looking at a dead letter returns it to its queue, and RabbitMQ 4 drops what has been returned 20 times, unless told otherwise.</summary>
    static Dictionary<string, object?> DeadArguments => new() { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = 1 << 30 };

    public override string ToString() => $"{AddressQuery.Redacted(Uri.ToString())}?queue={Queue}";
}
