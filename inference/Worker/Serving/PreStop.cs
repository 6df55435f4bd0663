using Microsoft.Extensions.Hosting;

namespace Mim.Inference;

/// <summary>
/// The time between being told to stop, when the worker says that it is not ready, and closing the listener: a load balancer needs it to notice, and
/// sends requests until then (triton-inference-server/server#6230). They are answered. The host's order does the rest: this, the listener with the
/// requests that it has open, the queue, the exit.
/// </summary>
sealed class PreStop(TimeSpan delay, TimeProvider time) : IHostedLifecycleService
{
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.Delay(delay, time, cancellationToken);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
