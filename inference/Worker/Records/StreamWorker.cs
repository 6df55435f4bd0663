using System.Diagnostics.CodeAnalysis;
using System.Numerics.Tensors;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Mim.Models;

namespace Mim.Inference;

/// <summary>
/// Moves records from a source through the model into a sink, at least once and with idempotent effect: a record is acknowledged when the sink has
/// its vector, or the dead letters have the record. While the sink is slow or away, nothing more is read than may be in flight.
/// </summary>
/// <remarks>
/// One loop reads and has rows embedded, another writes and acknowledges them in the order of reading; a few batches are between the two. Told to
/// stop, the first ends and the second finishes what is between them.
/// </remarks>
public sealed class StreamWorker : BackgroundService, IHostedLifecycleService
{
    /// <summary>Batches in flight besides those in the channel: one that the reader holds and one that the writer holds.</summary>
    const int Held = 2;

    readonly IRecordSource _source;
    readonly IVectorSink _sink;
    readonly IEmbedder _embedder;
    readonly WorkLimits _limits;
    readonly IHostApplicationLifetime _lifetime;
    readonly TimeProvider _time;
    readonly ILogger<StreamWorker> _logger;
    readonly Backoff _backoff;
    readonly WorkInstruments _instruments;
    readonly CancellationTokenSource _abandoned = new();

    /// <param name="source">Disposed of at the end, after the sink.</param>
    /// <param name="sink">Disposed of at the end.</param>
    public StreamWorker(
        IRecordSource source, IVectorSink sink, IEmbedder embedder, WorkLimits limits, IHostApplicationLifetime lifetime, TimeProvider time,
        ILogger<StreamWorker> logger)
    {
        (_source, _sink, _embedder, _limits, _lifetime, _time, _logger) = (source, sink, embedder, limits, lifetime, time, logger);
        _backoff = new(time, new Random());
        _instruments = new(source.Name);
    }

    /// <summary>Why the host stops, if not because the source ended or it was told to.</summary>
    public Exception? Failure { get; private set; }

    /// <summary>What this worker has done so far.</summary>
    public WorkCounts Counts => _instruments.Counts;

    /// <summary>Stops reading and finishes what is in flight. At the deadline the rest is left: the source delivers it again.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await using var deadline = cancellationToken.Register(_abandoned.Cancel);
        await base.StopAsync(cancellationToken);
        if (ExecuteTask is { IsCompleted: false })
        {
            // A run that hangs would say so when nobody asks any more.
            Failure ??= TooLate();
        }
    }

    /// <summary>Before anything else is stopped: probes and metrics answer until the last record is written.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken) => StopAsync(cancellationToken);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override void Dispose()
    {
        _abandoned.Dispose();
        base.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "Kept, and thrown again by whoever ran the host.")]
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await using var source = _source;
            await using var sink = _sink;
            if (await _embedder.LoadedAsync(stoppingToken) is { } model)
            {
                await RunAsync(model, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (_abandoned.IsCancellationRequested)
        {
            Failure = TooLate();
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop before there was anything to finish.
        }
        catch (Exception e)
        {
            Failure = e;
        }
        _logger.WorkEnded(Counts.Read, Counts.Written, Counts.DeadLettered, Counts.Redelivered, Counts.Retried);
        _lifetime.StopApplication();
    }

    static TimeoutException TooLate() => new("the worker stopped before every record in flight was written; the source delivers the rest again.");

    async Task RunAsync(ModelManifest model, CancellationToken stoppingToken)
    {
        for (var tries = 1; await AttemptAsync(() => _sink.OpenAsync(model, stoppingToken), stoppingToken) is { } fault; tries++)
        {
            _logger.SinkRetried(tries, fault.Message);
            await _backoff.WaitAsync(tries, stoppingToken);
        }
        var capacity = Math.Max(1, _limits.InFlight / _limits.Batch - Held);
        var batches = Channel.CreateBounded<RecordBatch>(new BoundedChannelOptions(capacity) { SingleReader = true, SingleWriter = true });
        // Either loop ends the other: the reader by completing the channel, the writer by cancelling the reader.
        using var reading = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        var writer = WriteAllAsync(batches.Reader, reading);
        try
        {
            await ReadAllAsync(batches.Writer, RowContract.Encode(model), model.ZSize, reading.Token);
        }
        catch (OperationCanceledException) when (reading.IsCancellationRequested)
        {
            // What has been read is finished below.
        }
        finally
        {
            batches.Writer.Complete();
            await writer;
        }
    }

    /// <returns>The fault, if trying again may help.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "The sink says which failures pass; the rest travels.")]
    async ValueTask<Exception?> AttemptAsync(Func<ValueTask> attempt, CancellationToken cancellationToken)
    {
        try
        {
            await attempt();
            return null;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && _sink.FaultOf(e) == SinkFault.Transient)
        {
            return e;
        }
    }

    async Task ReadAllAsync(ChannelWriter<RecordBatch> batches, RowContract contract, int zSize, CancellationToken cancellationToken)
    {
        var embedded = Task.CompletedTask;
        while (true)
        {
            List<SourceRecord> records = new(_limits.Batch);
            if (await _source.ReadAsync(records, _limits.Batch, cancellationToken) == 0)
            {
                return;
            }
            _instruments.Read(records);
            RecordBatch batch = new(records, contract, zSize);
            // Read is read: told to stop, the worker embeds and writes these still.
            batch.Embedded = embedded = EmbedAsync(batch, embedded, _abandoned.Token);
            await batches.WriteAsync(batch, _abandoned.Token);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "A failed run is retried row by row to find the one at fault.")]
    async Task EmbedAsync(RecordBatch batch, Task previous, CancellationToken cancellationToken)
    {
        // One at a time: a run that two batches share fails for the fault of either, and a sound record alone with a bad one would be blamed.
        await previous;
        await Bisection.RunAsync(0, batch.Items.Count, RunAsync, AloneAsync);

        async ValueTask<Exception?> RunAsync(int first, int count)
        {
            try
            {
                var model = await _embedder.EmbedAsync(batch.X(first, count), count, batch.Z(first, count), cancellationToken);
                for (var i = first; i < first + count; i++)
                {
                    var item = batch.Items[i];
                    item.Model = model;
                    if (!TensorPrimitives.IsFiniteAll<float>(batch.Z(i, 1).Span))
                    {
                        batch.Fault(item, "the encoder's output is not finite for this record: a value far outside the training data overflows.");
                    }
                }
                return null;
            }
            catch (Exception e) when (e is not (OperationCanceledException or InvalidDataException))
            {
                return e;
            }
        }

        async ValueTask AloneAsync(int index, Exception fault)
        {
            // An engine that is broken fails every row: none of them is at fault.
            if (!await _embedder.IsHealthyAsync(cancellationToken))
            {
                throw new InvalidOperationException($"the engine fails the golden rows, too: {fault.Message}", fault);
            }
            batch.Fault(batch.Items[index], $"the engine failed: {fault.Message}");
        }
    }

    /// <param name="reading">Cancelled when writing fails: what is read afterwards could not be written either.</param>
    async Task WriteAllAsync(ChannelReader<RecordBatch> batches, CancellationTokenSource reading)
    {
        try
        {
            await foreach (var batch in batches.ReadAllAsync(_abandoned.Token))
            {
                await FinishAsync(batch, _abandoned.Token);
                _instruments.Finished(batch.Records.Count);
            }
        }
        catch
        {
            await reading.CancelAsync();
            // The reader may be waiting for room in the channel.
            while (batches.TryRead(out _))
            {
            }
            throw;
        }
    }

    async Task FinishAsync(RecordBatch batch, CancellationToken cancellationToken)
    {
        using var activity = WorkInstruments.Start(batch.Records);
        await batch.Embedded;
        var start = _time.GetTimestamp();
        foreach (var (rows, items) in batch.Rows(_source.Name).ToList())
        {
            await Bisection.RunAsync(
                0, items.Length,
                (first, count) => StoreAsync(rows with { Rows = [.. rows.Rows.Skip(first).Take(count)] }, cancellationToken),
                (index, fault) =>
                {
                    batch.Fault(items[index], $"the sink refuses it: {fault.Message}");
                    return ValueTask.CompletedTask;
                });
        }
        _instruments.Sunk(_time.GetElapsedTime(start));

        SourceRecord[] written = [.. batch.Items.Where(item => !item.IsAtFault).Select(item => item.Record)];
        if (written.Length > 0)
        {
            await _source.AcknowledgeAsync(written, cancellationToken);
            _instruments.Written(written, _time.GetUtcNow());
        }
        foreach (var (record, reason) in batch.Faults)
        {
            await RejectAsync(record, reason, batch, cancellationToken);
        }
    }

    /// <returns>The fault, if one of the rows is to blame.</returns>
    [SuppressMessage("Design", "CA1031", Justification = "The sink says what its failures mean; those that nobody can mend here travel.")]
    async ValueTask<Exception?> StoreAsync(VectorBatch batch, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await _sink.WriteAsync(batch, cancellationToken);
                await _sink.FlushAsync(cancellationToken);
                return null;
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && _sink.FaultOf(e) is not SinkFault.Fatal)
            {
                if (_sink.FaultOf(e) == SinkFault.Row)
                {
                    return e;
                }
                _logger.SinkRetried(tries, e.Message);
            }
            _instruments.Retried(batch.Rows.Count);
            await _backoff.WaitAsync(tries, cancellationToken);
        }
    }

    async Task RejectAsync(SourceRecord record, string reason, RecordBatch batch, CancellationToken cancellationToken)
    {
        // A record that could not be read has seen no model: the one in service says what it was read for.
        var model = batch.Items.Select(item => item.Model).FirstOrDefault(model => model is not null) ?? await _embedder.LoadedAsync(cancellationToken);
        Rejection rejection = new(reason, record.Attempt, model?.Name ?? "", model?.Version, model?.SpaceId ?? "", _time.GetUtcNow());
        await _source.RejectAsync(record, rejection, cancellationToken);
        _instruments.DeadLettered();
        _logger.DeadLettered(record.Key, reason, record.Attempt);
    }
}
