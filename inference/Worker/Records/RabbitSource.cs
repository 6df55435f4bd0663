using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Mim.Inference;

/// <summary>
/// A quorum queue of RabbitMQ; any number of workers compete for it. The broker sends no more than may be unacknowledged, and sends again what a
/// lost connection, a dead worker or one that took longer than its consumer timeout had not acknowledged.
/// </summary>
/// <remarks>
/// A lost subscription is replaced when all that was read from it is done with. Otherwise a worker whose sink is away would read the same records
/// again after each consumer timeout, until the broker took them for deadly ones.
/// <para>
/// A record is a message with one JSON object as its body; its key is the message id, or else the body's id. Headers: <c>traceparent</c>, and
/// <c>mim-revision</c> where records of one key may overtake each other.
/// </para>
/// <para>
/// A body is kept until its record is done with, because the dead letters must get it: in memory are at most the prefetch times the longest message
/// that the broker takes (its <c>max_message_size</c>). What is longer than a row may be is not parsed.
/// </para>
/// </remarks>
public sealed class RabbitSource(RabbitAddress address, int prefetch, TimeProvider time, ILogger<RabbitSource> logger) : IRecordSource
{
    readonly Backoff _backoff = new(time, new Random());

    /// <summary>Replaced by the reader, used by whoever acknowledges.</summary>
    volatile Subscription? _subscription;

    public string Name => address.Queue;

    public async ValueTask<int> ReadAsync(List<SourceRecord> records, int max, CancellationToken cancellationToken)
    {
        for (var tries = 0; ;)
        {
            if (_subscription is null)
            {
                try
                {
                    _subscription = await Subscription.OpenAsync(address, prefetch, cancellationToken);
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested && RabbitSession.Passes(e))
                {
                    logger.SourceRetried(++tries, e.Message);
                    await _backoff.WaitAsync(tries, cancellationToken);
                    continue;
                }
            }
            tries = 0;
            if (await _subscription.WaitAsync(cancellationToken))
            {
                while (records.Count < max && _subscription.TryTake(out var record))
                {
                    records.Add(record);
                }
                return records.Count;
            }
            logger.SourceLost(_subscription.WhyClosed);
            await _subscription.SettledAsync(cancellationToken);
            await _subscription.DisposeAsync();
            _subscription = null;
            await _backoff.WaitAsync(1, cancellationToken);
        }
    }

    public async ValueTask AcknowledgeAsync(IReadOnlyList<SourceRecord> records, CancellationToken cancellationToken)
    {
        foreach (var group in records.Cast<Delivery>().GroupBy(delivery => delivery.Subscription))
        {
            await group.Key.SettleAsync([.. group], cancellationToken);
        }
    }

    public async ValueTask RejectAsync(SourceRecord record, Rejection rejection, CancellationToken cancellationToken)
    {
        var delivery = (Delivery)record;
        for (var tries = 1; !await delivery.RejectAsync(address.DeadQueue, rejection, cancellationToken); tries++)
        {
            logger.DeadLetterRefused(address.DeadQueue, tries);
            await _backoff.WaitAsync(tries, cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_subscription is { } subscription)
        {
            await subscription.DisposeAsync();
        }
    }

    /// <summary>A consumer on a session of its own.</summary>
    sealed class Subscription : IAsyncDisposable
    {
        readonly RabbitSession _session;
        readonly Channel<Delivery> _deliveries;
        readonly TaskCompletionSource _allSettled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Done with, but behind one that is not.</summary>
        readonly HashSet<ulong> _settled = [];

        /// <summary>The first delivery that is not done with; the broker counts them from 1.</summary>
        ulong _next = 1;

        /// <summary>The first delivery that the broker has not been told of.</summary>
        ulong _unacknowledged = 1;

        /// <summary>Deliveries that were taken and are not done with, and one more while others may be taken.</summary>
        int _held = 1;

        bool _isLeft;
        volatile string? _whyClosed;

        Subscription(RabbitSession session, int prefetch)
        {
            _session = session;
            // The broker's prefetch is the bound; the handler never waits.
            _deliveries = Channel.CreateBounded<Delivery>(new BoundedChannelOptions(prefetch) { SingleReader = true, SingleWriter = true });
        }

        public string WhyClosed => _whyClosed ?? "closed";

        public IChannel Wire => _session.Channel;

        public static async Task<Subscription> OpenAsync(RabbitAddress address, int prefetch, CancellationToken cancellationToken)
        {
            var session = await RabbitSession.OpenAsync(address, $"mim work {address.Queue}", cancellationToken);
            Subscription subscription = new(session, prefetch);
            try
            {
                await subscription.ConsumeAsync(address.Queue, (ushort)Math.Min(prefetch, ushort.MaxValue), cancellationToken);
                return subscription;
            }
            catch
            {
                await subscription.DisposeAsync();
                throw;
            }
        }

        public async ValueTask DisposeAsync()
        {
            _deliveries.Writer.TryComplete();
            await _session.DisposeAsync();
        }

        /// <summary>Waits for a delivery.</summary>
        /// <returns><see langword="false"/> when the subscription is lost; what was not taken from it by then is delivered again.</returns>
        public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken) =>
            _whyClosed is null && await _deliveries.Reader.WaitToReadAsync(cancellationToken);

        public bool TryTake([NotNullWhen(true)] out Delivery? delivery)
        {
            if (!_deliveries.Reader.TryRead(out delivery))
            {
                return false;
            }
            Interlocked.Increment(ref _held);
            return true;
        }

        /// <summary>Waits, when no more is taken, until all that was is done with.</summary>
        public Task SettledAsync(CancellationToken cancellationToken)
        {
            if (!_isLeft)
            {
                _isLeft = true;
                Release(1);
            }
            return _allSettled.Task.WaitAsync(cancellationToken);
        }

        /// <summary>
        /// One acknowledgement for all that are done with in a row: a quorum queue logs each. On a channel that is gone there is nothing to acknowledge:
        /// the broker delivers the records again, and the sink has them already.
        /// </summary>
        public async ValueTask SettleAsync(IReadOnlyCollection<Delivery> deliveries, CancellationToken cancellationToken)
        {
            // Those before are of a call that was cancelled.
            _settled.UnionWith(deliveries.Select(delivery => delivery.Tag).Where(tag => tag >= _next));
            while (_settled.Remove(_next))
            {
                _next++;
            }
            if (_next > _unacknowledged)
            {
                try
                {
                    await Wire.BasicAckAsync(_next - 1, multiple: true, cancellationToken);
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested && RabbitSession.Passes(e))
                {
                    // See above.
                }
                _unacknowledged = _next;
            }
            Release(deliveries.Count);
        }

        /// <summary>So many deliveries are done with.</summary>
        public void Release(int deliveries)
        {
            if (Interlocked.Add(ref _held, -deliveries) == 0)
            {
                _allSettled.TrySetResult();
            }
        }

        async Task ConsumeAsync(string queue, ushort prefetch, CancellationToken cancellationToken)
        {
            await Wire.BasicQosAsync(0, prefetch, global: false, cancellationToken);
            AsyncEventingBasicConsumer consumer = new(Wire);
            consumer.ReceivedAsync += (_, delivery) =>
            {
                // The body is the client's only until this returns.
                Delivery record = new(this, delivery.DeliveryTag, new BasicProperties(delivery.BasicProperties))
                {
                    Body = delivery.Body.ToArray(),
                    Key = delivery.BasicProperties.IsMessageIdPresent() ? delivery.BasicProperties.MessageId : null,
                    Revision = RabbitHeaders.Number(delivery.BasicProperties, RabbitHeaders.Revision),
                    Attempt = RabbitHeaders.Attempt(delivery.BasicProperties, delivery.Redelivered),
                    SentAt = delivery.BasicProperties.IsTimestampPresent()
                        ? DateTimeOffset.FromUnixTimeSeconds(delivery.BasicProperties.Timestamp.UnixTime)
                        : null,
                    TraceParent = RabbitHeaders.Text(delivery.BasicProperties, RabbitHeaders.TraceParent),
                };
                // What does not fit is not dropped: closed, everything is delivered again.
                return _deliveries.Writer.TryWrite(record) ? Task.CompletedTask : Close("the broker sent more than the prefetch");
            };
            // The queue was deleted, or its leader moved.
            consumer.UnregisteredAsync += (_, _) => Close("the broker cancelled the consumer");
            Wire.ChannelShutdownAsync += (_, reason) => Close(reason.ReplyText);
            await Wire.BasicConsumeAsync(queue, autoAck: false, consumer, cancellationToken);
        }

        Task Close(string why)
        {
            _whyClosed ??= why;
            _deliveries.Writer.TryComplete();
            return Task.CompletedTask;
        }
    }

    sealed class Delivery(Subscription subscription, ulong tag, BasicProperties properties) : SourceRecord
    {
        public Subscription Subscription => subscription;

        public ulong Tag => tag;

        /// <returns><see langword="false"/> if the dead-letter queue refused it and may take it later.</returns>
        public async ValueTask<bool> RejectAsync(string deadQueue, Rejection rejection, CancellationToken cancellationToken)
        {
            try
            {
                // Returns when the broker has it on disk: the record must not be gone from both queues.
                await subscription.Wire.BasicPublishAsync(
                    "", deadQueue, mandatory: true, RabbitHeaders.DeadLetter(properties, rejection), Body, cancellationToken);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && RabbitSession.Passes(e))
            {
                if (!subscription.Wire.IsClosed)
                {
                    return false;
                }
                // On a channel that is gone it is not lost: it will be delivered, and rejected, again.
                subscription.Release(1);
                return true;
            }
            await subscription.SettleAsync([this], cancellationToken);
            return true;
        }
    }
}
