using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Mim.Inference;

/// <summary>
/// What the meters of this process have measured since this was made, as Prometheus' text. A small writer over <see cref="MeterListener"/>; the
/// exporters that exist bring a pipeline of their own for it.
/// </summary>
public sealed class PrometheusMetrics : IDisposable
{
    /// <summary>The worker's own, and the runtime's: memory, collections, threads.</summary>
    public static IReadOnlyList<string> Meters { get; } = ["Mim.Inference", "System.Runtime"];

    readonly MeterListener _listener = new();
    readonly Lock _gate = new();
    readonly SortedDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);

    public PrometheusMetrics(params IReadOnlyList<string> meters)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (meters.Contains(instrument.Meter.Name) && Family(instrument) is { } family)
            {
                listener.EnableMeasurementEvents(instrument, family);
            }
        };
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily?)family)?.Record(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily?)family)?.Record(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily?)family)?.Record(value, tags));
        _listener.Start();
    }

    /// <summary>The text exposition format 0.0.4, by name.</summary>
    public string Write()
    {
        _listener.RecordObservableInstruments();
        StringBuilder text = new();
        lock (_gate)
        {
            foreach (var family in _families.Values)
            {
                family.Write(text);
            }
        }
        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    internal async Task HandleAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await context.Response.WriteAsync(Write(), context.RequestAborted);
    }

    /// <summary>Instruments of one name, which several classes may declare, are one family.</summary>
    MetricFamily? Family(Instrument instrument)
    {
        var type = instrument.GetType();
        if (!type.IsGenericType || Kind(type.GetGenericTypeDefinition()) is not { } kind)
        {
            return null;
        }
        MetricFamily family = new(instrument, kind, instrument.IsObservable, kind == MetricKind.Histogram ? Bounds(instrument) : []);
        lock (_gate)
        {
            return _families.TryGetValue(family.Name, out var known) ? known : _families[family.Name] = family;
        }
    }

    static MetricKind? Kind(Type type) =>
        type == typeof(Counter<>) || type == typeof(ObservableCounter<>) ? MetricKind.Counter
        : type == typeof(UpDownCounter<>) || type == typeof(ObservableUpDownCounter<>) ? MetricKind.UpDown
        : type == typeof(Gauge<>) || type == typeof(ObservableGauge<>) ? MetricKind.Gauge
        : type == typeof(Histogram<>) ? MetricKind.Histogram
        : null;

    /// <summary>Those that the instrument advises, or of OpenTelemetry's default for seconds.</summary>
    static double[] Bounds(Instrument instrument) => instrument switch
    {
        Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds],
        Histogram<int> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds.Select(bound => (double)bound)],
        Histogram<long> { Advice.HistogramBucketBoundaries: { } bounds } => [.. bounds.Select(bound => (double)bound)],
        _ => [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    };
}
