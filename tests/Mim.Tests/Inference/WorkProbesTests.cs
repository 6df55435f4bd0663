using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>What an orchestrator and a scraper see of a stream worker, to the last record.</summary>
public sealed class WorkProbesTests
{
    [Fact]
    public async Task Probes_and_metrics_answer_until_the_last_record_is_written_and_say_that_the_worker_is_not_ready()
    {
        using TemporaryFolder folder = new();
        TestWorker.Affine.Write(folder["package"]);
        MemoryQueue queue = new();
        queue.Add(Enumerable.Range(0, 10));
        await using MemorySink sink = new();
        TaskCompletionSource held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        sink.BeforeCommit = (number, _) =>
        {
            if (number == 2)
            {
                reached.SetResult();
                return held.Task;
            }
            return Task.CompletedTask;
        };
        // Once the worker has been told to stop: a listener that is closed before that sees the last records missing.
        WaitingSource source = new(queue.Source(), held.SetResult);
        using InMemoryServer server = new();
        var rowsAtClose = 0;
        server.Stopping = () =>
        {
            rowsAtClose = sink.Rows.Count;
            return Task.CompletedTask;
        };
        using var host = WorkHost.Create(
            new([new("Model", folder["package"]), new("Source", "amqp://nowhere/?queue=a"), new("Sink", "npy:nowhere"), new("Urls", "http://127.0.0.1:0")]),
            builder =>
            {
                builder.Services.RemoveAll<IServer>();
                builder.Services.AddSingleton<IServer>(server);
                builder.Services.AddSingleton(services => new StreamWorker(
                    source, sink, new SumEmbedder(), new(5, 20), services.GetRequiredService<IHostApplicationLifetime>(), TimeProvider.System,
                    NullLogger<StreamWorker>.Instance));
            });
        await host.StartAsync();
        await reached.Task;
        await host.Services.GetRequiredService<ServedModel>().LoadedAsync(CancellationToken.None);
        Assert.Equal(200, (await server.SendAsync("GET", "/v2/health/ready", [])).Status);
        Assert.Contains("mim_inference_records_total{source=\"memory\",outcome=\"written\"}", (await server.SendAsync("GET", "/metrics", [])).Text, StringComparison.Ordinal);
        var other = await server.SendAsync("POST", TestWorker.Infer, []);
        Assert.Equal((404, $"POST {TestWorker.Infer}: no such endpoint; expected /v2/health/live, /v2/health/ready, /metrics, /v2/repository/index, /v2/repository/models/{{model}}/load."), (other.Status, other.Error));

        var running = InferenceHost.WaitAsync(host, CancellationToken.None);
        host.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(503, (await server.SendAsync("GET", "/v2/health/ready", [])).Status);
        Assert.Equal(200, (await server.SendAsync("GET", "/v2/health/live", [])).Status);
        Assert.Equal(ExitCode.Done, await running);
        Assert.Equal((10, 10, 0), (rowsAtClose, queue.Acknowledged.Count, queue.Left));
    }

    /// <summary>Never ends, as a queue does not.</summary>
    sealed class WaitingSource(IRecordSource source, Action stopped) : IRecordSource
    {
        public string Name => source.Name;

        public async ValueTask<int> ReadAsync(List<SourceRecord> records, int max, CancellationToken cancellationToken)
        {
            if (await source.ReadAsync(records, max, cancellationToken) is > 0 and var read)
            {
                return read;
            }
            await using var told = cancellationToken.Register(stopped);
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return 0;
        }

        public ValueTask AcknowledgeAsync(IReadOnlyList<SourceRecord> records, CancellationToken cancellationToken) => source.AcknowledgeAsync(records, cancellationToken);

        public ValueTask RejectAsync(SourceRecord record, Rejection rejection, CancellationToken cancellationToken) => source.RejectAsync(record, rejection, cancellationToken);

        public ValueTask DisposeAsync() => source.DisposeAsync();
    }
}
