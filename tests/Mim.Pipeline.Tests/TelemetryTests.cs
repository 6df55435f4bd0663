using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Mim.Models;
using Mim.Tests.Inference;

namespace Mim.Pipeline.Tests;

/// <summary>A test that needs Prometheus. Skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
sealed class PrometheusFactAttribute : FactAttribute
{
    public PrometheusFactAttribute()
    {
        if (!(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "prometheus"))))
        {
            Skip = "'prometheus' not found on the PATH. To run this test, as root: apt-get install --no-install-recommends -y prometheus";
        }
    }
}

/// <summary>What others make of the worker's metrics and traces.</summary>
public sealed class TelemetryTests
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    static string Rows(int rows) =>
        $$"""{"inputs": [{"name": "x", "shape": [{{rows}}, {{AffineModel.X}}], "datatype": "FP32", "data": [{{string.Join(',', Enumerable.Repeat("1", rows * AffineModel.X))}}]}]}""";

    [PrometheusFact]
    public async Task Prometheus_scrapes_the_worker_and_counts_what_was_asked()
    {
        using ServingProcess worker = new();
        var url = await worker.ReadyAsync();
        Assert.Equal(200, await worker.StatusAsync($"{url}/v2/models/affine/infer", Rows(7)));
        Assert.Equal(200, await worker.StatusAsync($"{url}/v2/models/affine/infer", Rows(5)));
        var folder = Directory.CreateTempSubdirectory("mim-prometheus-").FullName;
        var port = FreePort();
        File.WriteAllText(Path.Combine(folder, "prometheus.yml"), $$"""
            global: { scrape_interval: 1s }
            scrape_configs: [{ job_name: mim, static_configs: [{ targets: ["{{new Uri(url).Authority}}"] }] }]
            """);
        using var prometheus = Process.Start(new ProcessStartInfo("prometheus",
        [
            $"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/data", $"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("prometheus does not start.");
        try
        {
            var query = $"http://127.0.0.1:{port}/api/v1/query?query=";
            Assert.Equal(12, await ValueAsync(worker.Client, query + "mim_inference_items_total{model=\"affine\",outcome=\"ok\"}"));
            Assert.Equal(12, await ValueAsync(worker.Client, query + "mim_inference_batch_size_sum{model=\"affine\"}"));
            Assert.Equal(2, await ValueAsync(worker.Client, query + "mim_inference_inference_duration_seconds_bucket{model=\"affine\",le=\"%2BInf\"}"));
            Assert.Equal(0, await ValueAsync(worker.Client, query + "mim_inference_queue_depth{model=\"affine\"}"));
            Assert.Equal(1, await ValueAsync(worker.Client, query + "mim_inference_model_info{model=\"affine\",version=\"unpublished\"}"));
            Assert.Equal(1, await ValueAsync(worker.Client, query + "up"));
        }
        finally
        {
            prometheus.Kill();
            await prometheus.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_collector_gets_metrics_and_spans_and_the_last_of_them_at_the_end()
    {
        ConcurrentDictionary<string, string> received = new();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using var collector = builder.Build();
        collector.Urls.Add("http://127.0.0.1:0");
        collector.MapPost("/otlp/v1/{signal}", async context =>
        {
            using MemoryStream body = new();
            await context.Request.Body.CopyToAsync(body);
            received.AddOrUpdate((string)context.Request.RouteValues["signal"]!, Encoding.Latin1.GetString(body.ToArray()), (_, before) => before + Encoding.Latin1.GetString(body.ToArray()));
        });
        await collector.StartAsync();
        using ServingProcess worker = new("--otlp", $"{collector.Urls.Single()}/otlp");
        var url = await worker.ReadyAsync();
        using HttpRequestMessage request = new(HttpMethod.Post, $"{url}/v2/models/affine/infer") { Content = new StringContent(Rows(3)) };
        var trace = ActivityTraceId.CreateRandom();
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        Assert.Equal(HttpStatusCode.OK, (await worker.Client.SendAsync(request)).StatusCode);
        worker.Signal(ServingProcess.Terminate);
        Assert.Equal(ExitCode.Done, await worker.ExitCodeAsync());
        // Protobuf keeps text as it is, and a trace's id as its 16 bytes.
        Assert.Contains("mim.inference.inference.duration", received["metrics"], StringComparison.Ordinal);
        Assert.Contains("infer", received["traces"], StringComparison.Ordinal);
        Assert.Contains("space_id", received["traces"], StringComparison.Ordinal);
        Assert.Contains(Encoding.Latin1.GetString(Convert.FromHexString(trace.ToHexString())), received["traces"], StringComparison.Ordinal);
    }

    /// <summary>Asks until there is an answer: the first scrape takes a second.</summary>
    static async Task<double> ValueAsync(HttpClient client, string query)
    {
        using CancellationTokenSource patience = new(s_patience);
        using PeriodicTimer pause = new(TimeSpan.FromMilliseconds(200));
        while (await pause.WaitForNextTickAsync(patience.Token))
        {
            try
            {
                using var document = JsonDocument.Parse(await client.GetStringAsync(new Uri(query), patience.Token));
                var result = document.RootElement.GetProperty("data").GetProperty("result");
                if (result.GetArrayLength() > 0)
                {
                    return double.Parse(result[0].GetProperty("value")[1].GetString() ?? "", CultureInfo.InvariantCulture);
                }
            }
            catch (HttpRequestException)
            {
                // Prometheus does not listen yet.
            }
        }
        throw new InvalidOperationException(query);
    }

    static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
