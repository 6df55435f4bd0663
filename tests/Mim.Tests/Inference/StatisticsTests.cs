using System.Text.Json;

namespace Mim.Tests.Inference;

public sealed class StatisticsTests
{
    [Fact]
    public async Task Statistics_count_what_was_asked_in_triton_s_words()
    {
        await using var worker = await TestWorker.StartAsync();
        for (var rows = 1; rows <= 3; rows++)
        {
            Assert.Equal(200, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(rows))).Status);
        }
        var all = (await worker.GetAsync("/v2/models/stats")).Json.GetProperty("model_stats");
        Assert.Equal(["affine", "affine.decoder"], all.EnumerateArray().Select(model => model.GetProperty("name").GetString()));
        foreach (var path in (string[])["/v2/models/affine/stats", "/v2/models/affine/versions/unpublished/stats"])
        {
            var encoder = Assert.Single((await worker.GetAsync(path)).Json.GetProperty("model_stats").EnumerateArray());
            Assert.Equal((6, 3), (encoder.GetProperty("inference_count").GetInt32(), encoder.GetProperty("execution_count").GetInt32()));
            Assert.Equal((3, 0, 3), (Count(encoder, "success"), Count(encoder, "fail"), Count(encoder, "queue")));
            Assert.Equal((3, 0), (Count(encoder, "compute_infer"), Count(encoder, "cache_hit")));
            Assert.Equal([1, 2, 3], encoder.GetProperty("batch_stats").EnumerateArray().Select(size => size.GetProperty("batch_size").GetInt32()));
        }
        Assert.Equal(0, all[1].GetProperty("inference_count").GetInt32());
        Assert.Equal(404, (await worker.GetAsync("/v2/models/affine/versions/3/stats")).Status);

        static int Count(JsonElement model, string name) => model.GetProperty("inference_stats").GetProperty(name).GetProperty("count").GetInt32();
    }

    /// <summary>The client's patience travels in microseconds, as Triton has it.</summary>
    [Fact]
    public async Task A_request_whose_timeout_is_over_before_its_run_is_504_and_counted_as_failed()
    {
        await using var worker = await TestWorker.StartAsync();
        var batcher = worker.Served.Graph("x")!.Batcher;
        using var held = await HeldRequest.StartAsync(batcher);
        var late = worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1, """, "parameters": {"timeout": 1}"""));
        var patient = worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1, """, "parameters": {"timeout": 3600000000}"""));
        held.Release();
        Assert.Equal(504, (await late).Status);
        Assert.Equal(200, (await patient).Status);
        Assert.Equal(1, batcher.Statistics.Fail.Count);
    }
}
