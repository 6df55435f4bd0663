using System.Diagnostics.Metrics;
using Mim.Inference;

namespace Mim.Tests.Inference;

/// <summary>The text exposition format 0.0.4, by hand.</summary>
public sealed class PrometheusMetricsTests : IDisposable
{
    readonly Meter _meter = new($"test-{Guid.NewGuid()}");
    readonly PrometheusMetrics _metrics;

    public PrometheusMetricsTests()
    {
        _metrics = new([_meter.Name]);
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _meter.Dispose();
    }

    [Fact]
    public void A_counter_is_a_total_for_each_combination_of_tags()
    {
        var rows = _meter.CreateCounter<long>("mim.rows", "{row}", "Rows.\nBy \\ what.");
        rows.Add(2, new("model", "a"), new("outcome", "ok"));
        rows.Add(3, new("model", "a"), new("outcome", "ok"));
        rows.Add(1, new("model", "b\"\\\n"), new("outcome", "ok"));
        Assert.Equal("""
            # HELP mim_rows_total Rows.\nBy \\ what.
            # TYPE mim_rows_total counter
            mim_rows_total{model="a",outcome="ok"} 5
            mim_rows_total{model="b\"\\\n",outcome="ok"} 1

            """, _metrics.Write());
    }

    [Fact]
    public void A_histogram_counts_up_to_each_bound_and_has_sum_and_count()
    {
        var seconds = _meter.CreateHistogram("wait", "s", null, advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.5, 1, 2] });
        foreach (var value in (double[])[0.25, 0.5, 1.5, 1.5, 8])
        {
            seconds.Record(value);
        }
        Assert.Equal("""
            # HELP wait_seconds wait
            # TYPE wait_seconds histogram
            wait_seconds_bucket{le="0.5"} 2
            wait_seconds_bucket{le="1"} 2
            wait_seconds_bucket{le="2"} 4
            wait_seconds_bucket{le="+Inf"} 5
            wait_seconds_sum 11.75
            wait_seconds_count 5

            """, _metrics.Write());
    }

    [Fact]
    public void What_rises_and_falls_is_a_gauge_and_what_is_observed_is_not_added_up()
    {
        var depth = _meter.CreateUpDownCounter<int>("depth", "{row}", "Depth.");
        depth.Add(5);
        depth.Add(-2);
        _meter.CreateGauge<double>("share", "1", "Share.").Record(0.5);
        _meter.CreateObservableCounter("seen", () => 7L, "By", "Seen.");
        _metrics.Write();
        Assert.Equal("""
            # HELP depth Depth.
            # TYPE depth gauge
            depth 3
            # HELP seen_bytes_total Seen.
            # TYPE seen_bytes_total counter
            seen_bytes_total 7
            # HELP share_ratio Share.
            # TYPE share_ratio gauge
            share_ratio 0.5

            """, _metrics.Write());
    }

    [Fact]
    public void Recording_allocates_nothing_once_a_series_is_known()
    {
        var rows = _meter.CreateCounter<long>("rows");
        var seconds = _meter.CreateHistogram<double>("seconds", "s");
        KeyValuePair<string, object?> model = new("model", "a");
        Record(1000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Record(1000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Record(int times)
        {
            for (var i = 0; i < times; i++)
            {
                rows.Add(1, model, new("outcome", "ok"));
                seconds.Record(0.1, model);
            }
        }
    }

    /// <summary>Dashboards and alerts hang on these: changing one is a breaking change.</summary>
    [Fact]
    public async Task A_worker_s_metrics_have_their_names()
    {
        await using var worker = await TestWorker.StartAsync();
        Assert.Equal(200, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(3))).Status);
        var answer = await worker.GetAsync("/metrics");
        Assert.Equal((200, "text/plain; version=0.0.4; charset=utf-8"), (answer.Status, answer.Headers.ContentType.ToString()));
        var names = answer.Text.Split('\n').Where(line => line.StartsWith("# TYPE mim_", StringComparison.Ordinal)).Select(line => line["# TYPE ".Length..]);
        foreach (var name in (string[])
        [
            "mim_inference_batch_fill_ratio histogram", "mim_inference_batch_padding_ratio histogram", "mim_inference_batch_size histogram",
            "mim_inference_inference_duration_seconds histogram", "mim_inference_inflight gauge", "mim_inference_items_total counter",
            "mim_inference_model_info gauge", "mim_inference_queue_depth gauge", "mim_inference_queue_duration_seconds histogram",
        ])
        {
            Assert.Contains(name, names);
        }
        Assert.Contains("dotnet_process_memory_working_set_bytes ", answer.Text, StringComparison.Ordinal);
    }
}
