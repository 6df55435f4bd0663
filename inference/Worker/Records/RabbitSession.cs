using System.Diagnostics.CodeAnalysis;
using Mim.Models;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Mim.Inference;

/// <summary>
/// One connection to RabbitMQ with a channel that publishes with confirms, for as long as it lasts. Deliveries die with the channel that made them,
/// so a session is never mended, only replaced.
/// </summary>
sealed class RabbitSession : IAsyncDisposable
{
    const int PreconditionFailed = 406;
    const int NotFound = 404;
    const int AccessRefused = 403;

    static readonly CreateChannelOptions s_confirms = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

    readonly IConnection _connection;

    RabbitSession(IConnection connection, IChannel channel)
    {
        (_connection, Channel) = (connection, channel);
    }

    public IChannel Channel { get; }

    /// <exception cref="UsageException">Trying again would not help.</exception>
    public static async Task<RabbitSession> OpenAsync(RabbitAddress address, string name, CancellationToken cancellationToken)
    {
        try
        {
            var connection = await address.ConnectAsync(name, cancellationToken);
            try
            {
                var channel = await connection.CreateChannelAsync(s_confirms, cancellationToken);
                await address.DeclareAsync(channel, cancellationToken);
                return new(connection, channel);
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }
        }
        catch (Exception e) when (LastingFault(e, address) is { } fault)
        {
            throw new UsageException(fault, e);
        }
        catch (BrokerUnreachableException e)
        {
            throw new IOException($"{address}: no broker answers: {e.GetBaseException().Message}.", e);
        }
    }

    /// <summary>Whether this failure is the connection's or the channel's, so that a new session may do better.</summary>
    public static bool Passes(Exception e) =>
        // The client cancels its own calls that take too long. Who passes a token asks it first.
        e is OperationCanceledException or AlreadyClosedException or OperationInterruptedException or BrokerUnreachableException or PublishException or ConnectFailureException
            or IOException or TimeoutException or ObjectDisposedException;

    [SuppressMessage("Design", "CA1031", Justification = "A connection that is gone cannot be closed more.")]
    public async ValueTask DisposeAsync()
    {
        try
        {
            await Channel.DisposeAsync();
            await _connection.DisposeAsync();
        }
        catch (Exception e) when (Passes(e))
        {
            _connection.Dispose();
        }
    }

    static string? LastingFault(Exception e, RabbitAddress address) => e switch
    {
        OperationInterruptedException { ShutdownReason.ReplyCode: PreconditionFailed } =>
            $"{address}: a queue exists with other arguments ({Reason(e)}). Delete it, or say 'declare=false' and make both queues yourself.",
        // With another text it is a queue whose node is down or starting.
        OperationInterruptedException { ShutdownReason.ReplyCode: NotFound } when Reason(e).Contains("no queue", StringComparison.Ordinal) =>
            $"{address}: there is no such queue, and 'declare=false' keeps it from being made.",
        OperationInterruptedException { ShutdownReason.ReplyCode: AccessRefused } => $"{address}: the user may not do this ({Reason(e)}).",
        // Not PossibleAuthenticationFailureException: a broker that goes down in the middle of a handshake looks like that, too.
        BrokerUnreachableException { InnerException: AuthenticationFailureException or AggregateException { InnerException: AuthenticationFailureException } } =>
            $"{address}: the broker refuses user or password.",
        _ => null,
    };

    static string Reason(Exception e) => ((OperationInterruptedException)e).ShutdownReason?.ReplyText ?? "";
}
