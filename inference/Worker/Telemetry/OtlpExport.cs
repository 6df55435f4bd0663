using System.Reflection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Mim.Inference;

/// <summary>
/// Sends metrics and spans to an OpenTelemetry collector over HTTP, if one is configured; the last of them while the host stops. The spans of ASP.NET
/// Core go along, because they join the worker's to the caller's.
/// </summary>
sealed class OtlpExport(IOptions<InferenceOptions> options) : IHostedService, IDisposable
{
    MeterProvider? _metrics;
    TracerProvider? _traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.OtlpEndpoint is { } collector)
        {
            var resource = ResourceBuilder.CreateDefault()
                .AddService("mim", serviceVersion: Assembly.GetExecutingAssembly().GetName().Version?.ToString(3), serviceInstanceId: Environment.MachineName);
            _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter([.. PrometheusMetrics.Meters])
                .AddOtlpExporter(export => Send(export, collector, "v1/metrics")).Build();
            _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Tracing.SourceName, "Microsoft.AspNetCore")
                .AddOtlpExporter(export => Send(export, collector, "v1/traces")).Build();
        }
        return Task.CompletedTask;
    }

    /// <summary>Providers send what is left when they are disposed of.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _metrics?.Dispose();
        _traces?.Dispose();
        (_metrics, _traces) = (null, null);
    }

    static void Send(OtlpExporterOptions export, Uri collector, string signal)
    {
        export.Protocol = OtlpExportProtocol.HttpProtobuf;
        export.Endpoint = new Uri(collector.AbsoluteUri.TrimEnd('/') + "/" + signal);
    }
}
