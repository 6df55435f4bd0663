using System.Text.Json;
using Mim.Models;

namespace Mim.Tests.Inference;

public sealed class ProtocolTests
{
    [Fact]
    public async Task The_decoder_is_a_model_of_its_own_name()
    {
        await using var worker = await TestWorker.StartAsync();
        var model = (await worker.GetAsync("/v2/models/affine.decoder")).Json;
        Assert.Equal("affine.decoder", model.GetProperty("name").GetString());
        Assert.Equal("""[{"name":"z","datatype":"FP32","shape":[-1,3]}]""", model.GetProperty("inputs").GetRawText());
        Assert.Equal(
            """[{"name":"x_mean","datatype":"FP32","shape":[-1,5]},{"name":"x_log_var","datatype":"FP32","shape":[-1,5]}]""", model.GetProperty("outputs").GetRawText());
        Assert.Equal(200, (await worker.GetAsync("/v2/models/affine.decoder/ready")).Status);
        var answer = await worker.PostAsync(
            "/v2/models/affine.decoder/infer", """{"inputs": [{"name": "z", "shape": [1, 3], "datatype": "FP32", "data": [0.5, -1, 2]}], "outputs": [{"name": "x_mean"}]}""");
        Assert.Equal("affine.decoder", answer.Json.GetProperty("model_name").GetString());
        OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.XMean, [0.5f, -1, 2]), Floats(answer.Json.GetProperty("outputs")[0].GetProperty("data")));
        var encode = await worker.PostAsync("/v2/models/affine.decoder/infer", TestWorker.Ones(1));
        Assert.Equal((400, "unknown input 'x'; expected z."), (encode.Status, encode.Error));
    }

    [Fact]
    public async Task The_configuration_says_in_Triton_s_words_what_is_served()
    {
        await using var worker = await TestWorker.StartAsync(("MaxBatchSize", "32"), ("QueueCapacity", "100"));
        var config = (await worker.GetAsync("/v2/models/affine/versions/unpublished/config")).Json;
        Assert.Equal("affine", config.GetProperty("name").GetString());
        Assert.Equal(32, config.GetProperty("max_batch_size").GetInt32());
        Assert.Equal("""[{"name":"x","data_type":"TYPE_FP32","dims":[5]}]""", config.GetProperty("input").GetRawText());
        Assert.Equal(["z_mean", "z_log_var"], config.GetProperty("output").EnumerateArray().Select(output => output.GetProperty("name").GetString()));
        Assert.Equal(100, config.GetProperty("dynamic_batching").GetProperty("default_queue_policy").GetProperty("max_queue_size").GetInt32());
        Assert.Equal(404, (await worker.GetAsync("/v2/models/affine/versions/2/config")).Status);
    }

    [Fact]
    public async Task A_batch_holds_no_more_values_than_its_budget_and_never_less_than_a_row()
    {
        await using var worker = await TestWorker.StartAsync(("MaxBatchElements", "12"));
        Assert.Equal(2, (await worker.GetAsync("/v2/models/affine/config")).Json.GetProperty("max_batch_size").GetInt32()); // of 5 values
        Assert.Equal(4, (await worker.GetAsync("/v2/models/affine.decoder/config")).Json.GetProperty("max_batch_size").GetInt32()); // of 3
        Assert.Equal(200, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(5))).Status);
        Assert.Equal(3, worker.Served.Current!.Encoder.Batcher.Statistics.Infer.Count);
        await using var narrow = await TestWorker.StartAsync(("MaxBatchElements", "1"));
        Assert.Equal(200, (await narrow.PostAsync(TestWorker.Infer, TestWorker.Ones(2))).Status);
    }

    [Fact]
    public async Task The_server_names_the_extensions_that_it_has()
    {
        await using var worker = await TestWorker.StartAsync();
        var extensions = (await worker.GetAsync("/v2")).Json.GetProperty("extensions").EnumerateArray().Select(name => name.GetString()).ToList();
        Assert.Contains("binary_tensor_data", extensions);
        Assert.Contains("model_configuration", extensions);
    }

    [Theory]
    [InlineData("DELETE", "/v2/models/affine", "GET")]
    [InlineData("GET", "/v2/models/affine/infer", "POST")]
    [InlineData("POST", "/v2/health/ready", "GET")]
    public async Task Another_method_is_405_and_told_the_right_one(string method, string path, string allowed)
    {
        await using var worker = await TestWorker.StartAsync();
        var answer = await worker.Server.SendAsync(method, path, []);
        Assert.Equal((405, allowed), (answer.Status, answer.Headers.Allow.ToString()));
        Assert.Equal($"{path}: expected {allowed}, found {method}.", answer.Error);
    }

    [Theory]
    [InlineData("/v1/models")]
    [InlineData("/openapi.jsn")]
    [InlineData("/")]
    public async Task Other_paths_are_404_in_the_protocol_s_words(string path)
    {
        await using var worker = await TestWorker.StartAsync();
        var answer = await worker.GetAsync(path);
        Assert.Equal(404, answer.Status);
        Assert.Contains("no such endpoint", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_compressed_body_is_415()
    {
        await using var worker = await TestWorker.StartAsync();
        Assert.Equal(415, (await worker.PostAsync(TestWorker.Infer, "{}", ("Content-Encoding", "gzip"))).Status);
        Assert.Equal(200, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1), ("Content-Encoding", "identity"))).Status);
    }

    [Fact]
    public async Task Requests_beyond_the_bound_are_429_at_once_and_answered_again_when_there_is_room()
    {
        await using var worker = await TestWorker.StartAsync(("MaxConcurrentRequests", "1"));
        using var held = await HeldRequest.StartAsync(worker.Served.Graph(TensorNames.X)!.Batcher);
        var first = worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1));
        var second = await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1));
        held.Release();
        await held.Completion;
        Assert.Equal(200, (await first).Status);
        Assert.Equal((429, "1"), (second.Status, second.Headers.RetryAfter.ToString()));
        Assert.Equal(200, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1))).Status);
    }

    [Fact]
    public async Task Bodies_beyond_the_memory_for_them_are_429_at_once_and_taken_again_when_there_is_room()
    {
        await using var worker = await TestWorker.StartAsync(("MaxBodyBytes", "20000"), ("MaxRequestBytes", "20000"));
        // In pieces, as what is longer than a block comes.
        var body = TestWorker.Ones(1) + new string(' ', 15_000);
        Task<Answer> first;
        using (var held = await HeldRequest.StartAsync(worker.Served.Graph(TensorNames.X)!.Batcher))
        {
            first = worker.PostAsync(TestWorker.Infer, body);
            var second = await worker.PostAsync(TestWorker.Infer, body).WaitAsync(TimeSpan.FromSeconds(30));
            Assert.Equal((429, "1"), (second.Status, second.Headers.RetryAfter.ToString()));
            held.Release();
            await held.Completion;
        }
        Assert.Equal(200, (await first).Status);
        Assert.Equal(200, (await worker.PostAsync(TestWorker.Infer, body)).Status);
    }

    static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetSingle())];
}
