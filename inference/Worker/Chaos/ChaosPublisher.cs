using System.Diagnostics.CodeAnalysis;

namespace Mim.Inference;

/// <summary>Sends every record until the broker has confirmed it; after a lost connection some of them again.</summary>
sealed class ChaosPublisher(RabbitAddress address, ChaosRecords records)
{
    const int Together = 256;

    static readonly TimeSpan s_again = TimeSpan.FromMilliseconds(200);

    static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    long _sent;
    int _released;

    /// <summary>Messages sent, those among them that had to be sent again.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Lets it go on to this part of the records.</summary>
    public void Release(double part) => Volatile.Write(ref _released, (int)Math.Ceiling(Math.Min(1, part) * records.Count));

    [SuppressMessage("Reliability", "CA2000", Justification = "The session is replaced and disposed of below.")]
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        RabbitSession? session = null;
        try
        {
            for (var first = 0; first < records.Count;)
            {
                var count = Math.Min(Together, Volatile.Read(ref _released) - first);
                if (count <= 0)
                {
                    await Task.Delay(s_poll, cancellationToken);
                    continue;
                }
                try
                {
                    session ??= await RabbitSession.OpenAsync(address, "mim chaos", cancellationToken);
                    var channel = session.Channel;
                    List<Task> confirmations = new(count);
                    for (var record = first; record < first + count; record++)
                    {
                        confirmations.Add(channel.BasicPublishAsync(
                            "", address.Queue, mandatory: true, RabbitHeaders.Persistent(ChaosRecords.Key(record), []), records.Body(record), cancellationToken).AsTask());
                    }
                    Interlocked.Add(ref _sent, count);
                    await Task.WhenAll(confirmations);
                    first += count;
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested && RabbitSession.Passes(e))
                {
                    if (session is { } lost)
                    {
                        session = null;
                        await lost.DisposeAsync();
                    }
                    await Task.Delay(s_again, cancellationToken);
                }
            }
        }
        finally
        {
            if (session is not null)
            {
                await session.DisposeAsync();
            }
        }
    }
}
