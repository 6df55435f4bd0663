using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Inference;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Mim.Pipeline.Tests;

/// <summary>Source, sink and dead letters on a real broker; the table is in memory.</summary>
[Collection(OnServers.Name)]
public sealed class RabbitTests(Servers servers)
{
    const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>F6, F9 and F20 of the failure catalogue.</summary>
    [ServerFact]
    public async Task A_queue_becomes_rows_and_dead_letters_and_replaying_all_of_it_changes_nothing()
    {
        var address = Address("replayed");
        await using MemorySink sink = new();
        for (var round = 1; round <= 2; round++)
        {
            await PublishAsync(address, Enumerable.Range(0, 500));
            var worker = await UntilAsync(address, sink, worker => worker.Counts.Written + worker.Counts.DeadLettered >= 500);
            Assert.Null(worker.Failure);
            Assert.Equal(492, sink.Rows.Count); // eight multiples of 64 below 500
            Assert.Equal(8, (await new RabbitDeadLetters(address).PeekAsync(1000, null, CancellationToken.None)).DistinctBy(letter => letter.Key).Count());
        }
        Assert.All(sink.Rows.Values, row => Assert.Equal((row.X.Span[0] + 1, Trace), (row.Z.Span[0], row.TraceParent)));
        Assert.All(sink.Rows, row => Assert.Equal(RecordId.Of(new string('a', 64), "replayed", row.Value.Key), row.Key));
        Assert.Equal(0, await new RabbitDeadLetters(address).LeftAsync(CancellationToken.None));
    }

    [ServerFact]
    public async Task A_dead_letter_says_why_and_goes_back_to_its_queue_as_it_was()
    {
        var address = Address("dead");
        RabbitDeadLetters dead = new(address);
        await using MemorySink sink = new();
        await PublishAsync(address, [0, 1, 64]);
        await UntilAsync(address, sink, worker => worker.Counts.DeadLettered >= 2);
        for (var look = 0; look < 3; look++)
        {
            var letters = await dead.PeekAsync(10, null, CancellationToken.None);
            Assert.Equal(["k0", "k64"], letters.Select(letter => letter.Key).Order());
            Assert.All(letters, letter => Assert.Equal(
                ("the engine failed: the run broke", 1L, "sum", "1-aaaaaaaa", new string('a', 64), Trace, 0L),
                (letter.Reason, letter.Attempts, letter.Model, letter.ModelVersion, letter.SpaceId, letter.TraceParent, letter.Redrives)));
        }
        Assert.Equal(0, await dead.RedriveAsync("nobody", CancellationToken.None));
        Assert.Equal(1, await dead.RedriveAsync("k64", CancellationToken.None));
        Assert.Equal("k0", Assert.Single(await dead.PeekAsync(10, null, CancellationToken.None)).Key);
        await UntilAsync(address, sink, worker => worker.Counts.DeadLettered >= 1);
        Assert.Equal(1, Assert.Single(await dead.PeekAsync(10, "k64", CancellationToken.None)).Redrives);

        // The engine is mended.
        Assert.Equal(2, await dead.RedriveAsync(null, CancellationToken.None));
        await UntilAsync(address, sink, worker => worker.Counts.Written >= 2, poison: false);
        Assert.Equal(["k0", "k1", "k64"], sink.Rows.Values.Select(row => row.Key).Order());
        Assert.Empty(await dead.PeekAsync(10, null, CancellationToken.None));
    }

    [ServerFact]
    public async Task While_the_sink_is_slow_the_broker_keeps_what_is_beyond_the_prefetch()
    {
        var address = Address("slow");
        await PublishAsync(address, Enumerable.Range(1, 60));
        TaskCompletionSource held = new();
        await using MemorySink sink = new() { BeforeCommit = (_, _) => held.Task };
        using var worker = Create(address, sink, batch: 5, inFlight: 20);
        await worker.StartAsync(CancellationToken.None);
        RabbitDeadLetters queue = new(address);
        await EventuallyAsync(async () => await queue.LeftAsync(CancellationToken.None) == 40);
        held.SetResult();
        await EventuallyAsync(() => Task.FromResult(worker.Counts.Written == 60));
        await worker.StopAsync(CancellationToken.None);
        Assert.Null(worker.Failure);
        Assert.Equal(60, sink.Rows.Count);
    }

    /// <summary>F7 of the failure catalogue.</summary>
    [ServerFact]
    public async Task A_drained_worker_has_acknowledged_or_returned_everything()
    {
        var address = Address("drained");
        await PublishAsync(address, Enumerable.Range(1, 63).Concat(Enumerable.Range(65, 63)));
        TaskCompletionSource held = new();
        TaskCompletionSource reached = new();
        await using MemorySink sink = new()
        {
            BeforeCommit = (number, _) =>
            {
                if (number < 2)
                {
                    return Task.CompletedTask;
                }
                reached.TrySetResult();
                return held.Task;
            },
        };
        using var worker = Create(address, sink, batch: 5, inFlight: 25);
        await worker.StartAsync(CancellationToken.None);
        await reached.Task;
        var stopping = worker.StopAsync(CancellationToken.None);
        held.SetResult();
        await stopping;
        await worker.ExecuteTask!;
        Assert.Null(worker.Failure);
        Assert.InRange(worker.Counts.Written, 2, 125);
        Assert.Equal(worker.Counts.Written, sink.Rows.Count);
        RabbitDeadLetters queue = new(address);
        await EventuallyAsync(async () => await queue.LeftAsync(CancellationToken.None) == 126 - worker.Counts.Written);
    }

    /// <summary>A record that kills its worker each time is the broker's to give up.</summary>
    [ServerFact]
    public async Task What_was_delivered_too_often_becomes_a_dead_letter_that_names_the_broker()
    {
        var address = Address("deadly", "&delivery_limit=2");
        await PublishAsync(address, [1]);
        for (var death = 0; death < 3; death++)
        {
            TaskCompletionSource reached = new();
            await using MemorySink sink = new()
            {
                BeforeCommit = (_, _) =>
                {
                    reached.TrySetResult();
                    return new TaskCompletionSource().Task;
                },
            };
            using var worker = Create(address, sink);
            await worker.StartAsync(CancellationToken.None);
            await reached.Task.WaitAsync(s_patience);
            await worker.StopAsync(new CancellationToken(canceled: true));
            await worker.ExecuteTask!;
        }
        RabbitDeadLetters dead = new(address);
        await EventuallyAsync(async () => await dead.CountAsync(CancellationToken.None) == 1);
        Assert.Equal("the broker gave it up: delivery_limit", Assert.Single(await dead.PeekAsync(10, null, CancellationToken.None)).Reason);
        Assert.Equal(0, await dead.LeftAsync(CancellationToken.None));
    }

    /// <summary>F8 of the failure catalogue, in RabbitMQ's terms.</summary>
    [ServerFact]
    public async Task What_outlasts_the_broker_s_consumer_timeout_is_delivered_again_and_written_once()
    {
        await using var broker = await PrivateBroker.CreateAsync(TimeSpan.FromSeconds(2), CancellationToken.None);
        var address = RabbitAddress.Parse("--source", broker.Address("stalled"));
        await PublishAsync(address, Enumerable.Range(1, 10));
        TaskCompletionSource held = new();
        await using MemorySink sink = new() { BeforeCommit = (_, _) => held.Task };
        using var worker = Create(address, sink);
        await worker.StartAsync(CancellationToken.None);
        RabbitDeadLetters queue = new(address);
        await EventuallyAsync(async () => broker.ConsumerTimeouts > 0 && await queue.LeftAsync(CancellationToken.None) == 10);
        held.SetResult();
        await EventuallyAsync(() => Task.FromResult(worker.Counts.Redelivered == 10 && worker.Counts.Written == worker.Counts.Read));
        await worker.StopAsync(CancellationToken.None);
        Assert.Null(worker.Failure);
        Assert.Equal(10, sink.Rows.Count);
        await EventuallyAsync(async () => await queue.LeftAsync(CancellationToken.None) == 0);
        Assert.Equal(0, await queue.CountAsync(CancellationToken.None));
    }

    /// <summary>Sound records must not become the broker's dead letters because nobody could write for long.</summary>
    [ServerFact]
    public async Task In_an_outage_of_any_length_the_broker_takes_each_record_back_once()
    {
        await using var broker = await PrivateBroker.CreateAsync(TimeSpan.FromSeconds(2), CancellationToken.None);
        var address = RabbitAddress.Parse("--source", broker.Address("outage", "&delivery_limit=1"));
        var clock = RabbitAddress.Parse("--source", broker.Address("clock"));
        await PublishAsync(address, Enumerable.Range(1, 10));
        await PublishAsync(clock, [1]);
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var away = true;
        await using MemorySink sink = new()
        {
            BeforeCommit = (_, _) =>
            {
                reached.TrySetResult();
                return Volatile.Read(ref away) ? throw new IOException("connection refused") : Task.CompletedTask;
            },
        };
        // Many small batches: as many deliveries of each record would fit into what may be in flight.
        using var worker = Create(address, sink, batch: 1, inFlight: 64);
        await worker.StartAsync(CancellationToken.None);
        await reached.Task.WaitAsync(s_patience);
        for (var timeouts = 0; timeouts < 3; timeouts++)
        {
            await TimedOutAsync(clock);
        }
        Volatile.Write(ref away, false);
        RabbitDeadLetters queue = new(address);
        await EventuallyAsync(() => Task.FromResult(worker.Counts.Written >= 20));
        await worker.StopAsync(CancellationToken.None);
        Assert.Null(worker.Failure);
        Assert.Equal((20, 10), (worker.Counts.Read, worker.Counts.Redelivered));
        Assert.Equal(10, sink.Rows.Count);
        Assert.Equal(0, await queue.LeftAsync(CancellationToken.None));
        Assert.Equal(0, await queue.CountAsync(CancellationToken.None));
    }

    /// <summary>By default the client ends a connection on which it gets more than 64 MiB at once, and would again on the next.</summary>
    [ServerFact]
    public async Task A_record_larger_than_anybody_reads_is_a_dead_letter_with_its_body_and_stops_nothing()
    {
        const int Bytes = (64 << 20) + 1;
        var address = Address("huge");
        await PublishAsync(address, [1], body: new byte[Bytes]);
        await PublishAsync(address, [2]);
        await using MemorySink sink = new();
        var worker = await UntilAsync(address, sink, worker => worker.Counts is { Written: 1, DeadLettered: 1 });
        Assert.Null(worker.Failure);
        Assert.Equal("k2", Assert.Single(sink.Rows.Values).Key);
        var letter = Assert.Single(await new RabbitDeadLetters(address).PeekAsync(10, null, CancellationToken.None));
        Assert.Equal(
            ("k1", "expected at most 1048704 bytes, as in a file for this model, found 67108865.", Bytes), (letter.Key, letter.Reason, letter.Body.Length));
    }

    [ServerFact]
    public async Task What_its_sender_said_of_a_record_goes_with_it_to_the_dead_letters_and_back()
    {
        var (address, copies) = (Address("addressed"), Address("copies"));
        BasicProperties said = new()
        {
            MessageId = "k0",
            Timestamp = new AmqpTimestamp(1_700_000_000),
            CorrelationId = "order 7",
            ReplyTo = "answers",
            AppId = "shop",
            Type = "features",
            ContentType = "application/vnd.shop+json",
            ContentEncoding = "identity",
            // The broker would drop it, or refuse it from another user, or copy it.
            Expiration = "3600000",
            UserId = "mim",
            Headers = new Dictionary<string, object?> { ["shop"] = "north", ["CC"] = new List<object?> { copies.Queue } },
        };
        await PublishAsync(copies, []);
        await PublishAsync(address, [0], said);
        await using MemorySink sink = new();
        await UntilAsync(address, sink, worker => worker.Counts.DeadLettered >= 1);
        await ExpectAsync(address.DeadQueue);
        Assert.Equal(1, await new RabbitDeadLetters(address).RedriveAsync(null, CancellationToken.None));
        await ExpectAsync(address.Queue);
        Assert.Equal(1, await new RabbitDeadLetters(copies).LeftAsync(CancellationToken.None)); // the sender's own

        async Task ExpectAsync(string queue)
        {
            await using var connection = await address.ConnectAsync("test", CancellationToken.None);
            await using var channel = await connection.CreateChannelAsync();
            var found = (await channel.BasicGetAsync(queue, autoAck: false))?.BasicProperties;
            Assert.NotNull(found);
            Assert.Equal(
                (said.MessageId, said.Timestamp, said.CorrelationId, said.ReplyTo, said.AppId, said.Type, said.ContentType, said.ContentEncoding),
                (found.MessageId, found.Timestamp, found.CorrelationId, found.ReplyTo, found.AppId, found.Type, found.ContentType, found.ContentEncoding));
            Assert.Equal("north", Encoding.UTF8.GetString((byte[])found.Headers!["shop"]!));
            Assert.Equal((false, false, true), (found.IsExpirationPresent(), found.IsUserIdPresent(), found.Persistent));
        }
    }

    [ServerFact]
    public async Task An_acknowledgement_that_was_cancelled_is_made_good_by_the_next()
    {
        var address = Address("cancelled");
        await PublishAsync(address, [1, 2, 3]);
        await using (RabbitSource source = new(address, 10, TimeProvider.System, NullLogger<RabbitSource>.Instance))
        {
            List<SourceRecord> records = [];
            while (records.Count < 3)
            {
                await source.ReadAsync(records, 3, CancellationToken.None);
            }
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => source.AcknowledgeAsync(records, new CancellationToken(canceled: true)).AsTask());
            await source.AcknowledgeAsync(records, CancellationToken.None);
        }
        // What was not acknowledged is back when the connection has ended.
        await using RabbitSource next = new(address, 10, TimeProvider.System, NullLogger<RabbitSource>.Instance);
        await PublishAsync(address, [4]);
        List<SourceRecord> left = [];
        await next.ReadAsync(left, 10, CancellationToken.None);
        Assert.Equal("k4", Assert.Single(left).Key);
    }

    [ServerFact]
    public async Task A_queue_of_vectors_carries_ids_spaces_and_traces()
    {
        var (source, target) = (Address("features"), Address("vectors"));
        await PublishAsync(source, [1, 2, 3]);
        await using RabbitSink sink = new(target);
        await UntilAsync(source, sink, worker => worker.Counts.Written == 3);
        await using var connection = await target.ConnectAsync("test", CancellationToken.None);
        await using var channel = await connection.CreateChannelAsync();
        for (var key = 1; key <= 3; key++)
        {
            var message = await channel.BasicGetAsync("vectors", autoAck: true);
            Assert.NotNull(message);
            using var row = JsonDocument.Parse(message.Body);
            Assert.Equal(RecordId.Of(new string('a', 64), "features", $"k{key}").ToString(), message.BasicProperties.MessageId);
            Assert.Equal(message.BasicProperties.MessageId, row.RootElement.GetProperty("id").GetString());
            Assert.Equal(key + 1, row.RootElement.GetProperty("z")[0].GetSingle());
            Assert.Equal(new string('a', 64), row.RootElement.GetProperty("space_id").GetString());
            Assert.Equal(Trace, Encoding.UTF8.GetString((byte[])message.BasicProperties.Headers!["traceparent"]!));
        }
    }

    [ServerFact]
    public async Task A_queue_with_other_arguments_is_refused_with_what_to_do()
    {
        var address = Address("classic");
        await using (var connection = await address.ConnectAsync("test", CancellationToken.None))
        await using (var channel = await connection.CreateChannelAsync())
        {
            await channel.QueueDeclareAsync("classic", durable: true, exclusive: false, autoDelete: false);
        }
        await using MemorySink sink = new();
        using var worker = Create(address, sink);
        await worker.StartAsync(CancellationToken.None);
        await worker.ExecuteTask!;
        Assert.Contains("a queue exists with other arguments", Assert.IsType<UsageException>(worker.Failure).Message, StringComparison.Ordinal);
        Assert.DoesNotContain(address.Uri.UserInfo.Split(':')[1], worker.Failure.Message, StringComparison.Ordinal);
    }

    RabbitAddress Address(string queue, string query = "") => RabbitAddress.Parse("--source", servers.Broker.Address(queue, query));

    /// <summary>Records k0, k1, …; multiples of 64 break the engine.</summary>
    static async Task PublishAsync(RabbitAddress address, IEnumerable<int> keys, BasicProperties? said = null, byte[]? body = null)
    {
        await using var connection = await address.ConnectAsync("test", CancellationToken.None);
        await using var channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        await address.DeclareAsync(channel, CancellationToken.None);
        foreach (var key in keys)
        {
            var x = key % 64 == 0 ? SumEmbedder.Poison : key;
            var properties = said ?? new()
            {
                MessageId = string.Create(CultureInfo.InvariantCulture, $"k{key}"),
                Persistent = true,
                Headers = new Dictionary<string, object?> { ["traceparent"] = Trace },
            };
            await channel.BasicPublishAsync("", address.Queue, mandatory: true, properties, body ?? Encoding.UTF8.GetBytes($$"""{"x": [{{x}}, 1]}"""));
        }
    }

    /// <summary>Returns when the broker has closed the channel of somebody who acknowledges nothing.</summary>
    static async Task TimedOutAsync(RabbitAddress address)
    {
        await using var connection = await address.ConnectAsync("test", CancellationToken.None);
        await using var channel = await connection.CreateChannelAsync();
        TaskCompletionSource closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        channel.ChannelShutdownAsync += (_, _) =>
        {
            closed.TrySetResult();
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(address.Queue, autoAck: false, new AsyncEventingBasicConsumer(channel));
        await closed.Task.WaitAsync(s_patience);
    }

    static async Task<StreamWorker> UntilAsync(RabbitAddress address, IVectorSink sink, Func<StreamWorker, bool> done, bool poison = true)
    {
        using var worker = Create(address, sink, poison: poison);
        await worker.StartAsync(CancellationToken.None);
        await EventuallyAsync(() => Task.FromResult(done(worker) || worker.ExecuteTask is { IsCompleted: true }));
        await worker.StopAsync(CancellationToken.None);
        await worker.ExecuteTask!;
        return worker;
    }

    static StreamWorker Create(RabbitAddress address, IVectorSink sink, int batch = 64, int inFlight = 256, bool poison = true) => new(
        new RabbitSource(address, inFlight, TimeProvider.System, NullLogger<RabbitSource>.Instance), sink, new SumEmbedder { IsMended = !poison },
        new WorkLimits(batch, inFlight), new FakeLifetime(), TimeProvider.System, NullLogger<StreamWorker>.Instance);

    /// <summary>What another process does is waited for by asking it.</summary>
    static async Task EventuallyAsync(Func<Task<bool>> holds)
    {
        using CancellationTokenSource patience = new(s_patience);
        while (!await holds())
        {
            await Task.Delay(20, patience.Token);
        }
    }
}
