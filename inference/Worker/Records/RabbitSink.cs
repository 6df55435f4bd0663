using System.Buffers;
using Mim.Models;
using RabbitMQ.Client;

namespace Mim.Inference;

/// <summary>
/// A queue of RabbitMQ: one message a vector, with its id as the message id, so that whoever reads them can tell a second copy. The broker has
/// confirmed what was written.
/// </summary>
public sealed class RabbitSink(RabbitAddress address) : IVectorSink
{
    readonly ArrayBufferWriter<byte> _body = new();
    RabbitSession? _session;
    string? _spaceId;

    public async ValueTask OpenAsync(ModelManifest model, CancellationToken cancellationToken)
    {
        _spaceId = model.SpaceId;
        await SessionAsync(cancellationToken);
    }

    public async ValueTask WriteAsync(VectorBatch batch, CancellationToken cancellationToken)
    {
        if (batch.Model.SpaceId != _spaceId)
        {
            throw new InvalidDataException(
                $"{address}: holds space {_spaceId}; the model that was swapped in makes vectors of space {batch.Model.SpaceId}. Give each space a queue of its own.");
        }
        try
        {
            var session = await SessionAsync(cancellationToken);
            // All on their way before the first confirmation is waited for.
            List<Task> confirmations = new(batch.Rows.Count);
            foreach (var row in batch.Rows)
            {
                confirmations.Add(PublishAsync(session.Channel, batch.Model, row, cancellationToken));
            }
            await Task.WhenAll(confirmations);
        }
        catch
        {
            if (_session is { } session)
            {
                _session = null;
                await session.DisposeAsync();
            }
            throw;
        }
    }

    /// <summary>Every message was confirmed: a quorum of the nodes has it on disk.</summary>
    public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;

    public SinkFault FaultOf(Exception e) => RabbitSession.Passes(e) ? SinkFault.Transient : SinkFault.Fatal;

    public async ValueTask DisposeAsync()
    {
        if (_session is { } session)
        {
            await session.DisposeAsync();
        }
    }

    async ValueTask<RabbitSession> SessionAsync(CancellationToken cancellationToken) =>
        _session ??= await RabbitSession.OpenAsync(address, $"mim work to {address.Queue}", cancellationToken);

    Task PublishAsync(IChannel channel, ModelManifest model, VectorRow row, CancellationToken cancellationToken)
    {
        _body.ResetWrittenCount();
        VectorJson.Write(_body, model, row, withZ: true);
        KeyValuePair<string, object?>[] headers =
        [
            new(RabbitHeaders.SpaceId, model.SpaceId), new(RabbitHeaders.Model, model.Name), new(RabbitHeaders.ModelVersion, model.Version),
            new(RabbitHeaders.TraceParent, row.TraceParent),
        ];
        // A copy: the publication outlives this call, and the buffer is the next row's.
        return channel.BasicPublishAsync(
            "", address.Queue, mandatory: true, RabbitHeaders.Persistent(row.Id.ToString(), headers), _body.WrittenSpan.ToArray(), cancellationToken).AsTask();
    }
}
