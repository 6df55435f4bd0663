using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using RabbitMQ.Client;

namespace Mim.Inference;

/// <summary>A record that could not become a vector.</summary>
/// <param name="Key">The message id, if it had one.</param>
/// <param name="Attempts">Deliveries until it was given up; 0 if the broker did that.</param>
/// <param name="At">When, as the worker's clock had it.</param>
/// <param name="Redrives">How often it has been sent back to its queue before.</param>
public sealed record DeadLetter(
    string? Key, string Reason, long Attempts, string? Model, string? ModelVersion, string? SpaceId, string? At, long Redrives, string? TraceParent, ReadOnlyMemory<byte> Body);

/// <summary>The dead-letter queue of a source. Looking at it takes nothing from it.</summary>
public sealed class RabbitDeadLetters(RabbitAddress address)
{
    static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(20);

    /// <summary>The oldest, at most <paramref name="max"/>.</summary>
    /// <param name="key">Only those with this key; null for all.</param>
    public async Task<IReadOnlyList<DeadLetter>> PeekAsync(int max, string? key, CancellationToken cancellationToken)
    {
        List<DeadLetter> letters = [];
        var held = 0;
        await using var session = await RabbitSession.OpenAsync(address, "mim dlq", cancellationToken);
        while (letters.Count < max && await session.Channel.BasicGetAsync(address.DeadQueue, autoAck: false, cancellationToken) is { } message)
        {
            held++;
            if (key is null || message.BasicProperties.MessageId == key)
            {
                letters.Add(Read(message));
            }
        }
        await ReturnAsync(session.Channel, held, cancellationToken);
        return letters;
    }

    /// <summary>The oldest first, each of which leaves the queue as it is read: for a queue that nobody needs afterwards.</summary>
    internal async IAsyncEnumerable<DeadLetter> TakeAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var session = await RabbitSession.OpenAsync(address, "mim dlq", cancellationToken);
        while (await session.Channel.BasicGetAsync(address.DeadQueue, autoAck: true, cancellationToken) is { } message)
        {
            yield return Read(message);
        }
    }

    /// <summary>How many there are that nobody looks at.</summary>
    public Task<long> CountAsync(CancellationToken cancellationToken) => CountAsync(address.DeadQueue, cancellationToken);

    /// <summary>How many records wait in the source's queue itself.</summary>
    public Task<long> LeftAsync(CancellationToken cancellationToken) => CountAsync(address.Queue, cancellationToken);

    /// <summary>
    /// Sends dead letters back to their queue as they were before. Each leaves the one queue when the other has it on disk: interrupted, one of them
    /// may be in both, which the sink's ids absorb.
    /// </summary>
    /// <param name="key">Only those with this key; null for all that are there now.</param>
    /// <returns>How many.</returns>
    public async Task<int> RedriveAsync(string? key, CancellationToken cancellationToken)
    {
        await using var session = await RabbitSession.OpenAsync(address, "mim dlq", cancellationToken);
        var channel = session.Channel;
        var (sent, held) = (0, 0);
        HashSet<string> gone = [];
        while (await channel.BasicGetAsync(address.DeadQueue, autoAck: false, cancellationToken) is { } message)
        {
            var name = message.BasicProperties.MessageId ?? Convert.ToHexString(SHA256.HashData(message.Body.Span));
            // What has been sent and is here again has failed again: sending it once more would not end.
            if ((key is null || message.BasicProperties.MessageId == key) && gone.Add(name))
            {
                await channel.BasicPublishAsync("", address.Queue, mandatory: true, RabbitHeaders.Redriven(message.BasicProperties), message.Body, cancellationToken);
                await channel.BasicAckAsync(message.DeliveryTag, multiple: false, cancellationToken);
                sent++;
            }
            else
            {
                held++;
            }
        }
        await ReturnAsync(channel, held, cancellationToken);
        return sent;
    }

    /// <summary>Gives back what was looked at, and waits until it can be looked at again.</summary>
    async Task ReturnAsync(IChannel channel, int held, CancellationToken cancellationToken)
    {
        if (held == 0)
        {
            return;
        }
        // 0: all of them.
        await channel.BasicNackAsync(0, multiple: true, requeue: true, cancellationToken);
        // Not for ever: somebody else may look, too.
        for (var tries = 0; tries < 100 && await channel.MessageCountAsync(address.DeadQueue, cancellationToken) < held; tries++)
        {
            await Task.Delay(s_again, cancellationToken);
        }
    }

    async Task<long> CountAsync(string queue, CancellationToken cancellationToken)
    {
        await using var session = await RabbitSession.OpenAsync(address, "mim dlq", cancellationToken);
        return await session.Channel.MessageCountAsync(queue, cancellationToken);
    }

    static DeadLetter Read(BasicGetResult message)
    {
        var properties = message.BasicProperties;
        return new(
            properties.MessageId,
            RabbitHeaders.Text(properties, RabbitHeaders.Reason)
                ?? $"the broker gave it up: {RabbitHeaders.Text(properties, RabbitHeaders.BrokersReason) ?? "it does not say why"}",
            RabbitHeaders.Number(properties, RabbitHeaders.Attempts), RabbitHeaders.Text(properties, RabbitHeaders.Model),
            RabbitHeaders.Text(properties, RabbitHeaders.ModelVersion), RabbitHeaders.Text(properties, RabbitHeaders.SpaceId),
            RabbitHeaders.Text(properties, RabbitHeaders.RejectedAt), RabbitHeaders.Number(properties, RabbitHeaders.Redrives),
            RabbitHeaders.Text(properties, RabbitHeaders.TraceParent), message.Body.ToArray());
    }
}
