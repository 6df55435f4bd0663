using System.Text.Json;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>Two versions of one model, whose answers differ: which of them answered is seen in every number.</summary>
public sealed class ModelSwapTests : IDisposable
{
    const string Load = "/v2/repository/models/affine/load";
    const string Unload = "/v2/repository/models/affine/unload";
    const string Index = "/v2/repository/index";

    readonly TemporaryFolder _folder = new();
    readonly AffineModel _first = new(seed: 1);
    readonly AffineModel _second = new(seed: 2);
    readonly ModelStore _store;

    public ModelSwapTests()
    {
        _store = new(_folder["store"]);
        Publish(_first);
        _store.Promote("affine", "1");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_promoted_version_comes_into_service_and_the_previous_one_stays_for_those_who_name_it()
    {
        await using var worker = await StartAsync();
        var (v1, v2) = (_store.VersionsOf("affine")[0], Publish(_second));
        _store.Promote("affine", "2");
        var loaded = await worker.PostAsync(Load, "");
        Assert.Equal((200, "swapped", v2), (loaded.Status, loaded.Json.GetProperty("result").GetString(), loaded.Json.GetProperty("version").GetString()));
        await AssertAnswersAsync(worker, TestWorker.Infer, _second, v2);
        await AssertAnswersAsync(worker, $"/v2/models/affine/versions/{v1}/infer", _first, v1);
        Assert.Equal(200, (await worker.GetAsync($"/v2/models/affine/versions/{v1}/ready")).Status);
        Assert.Equal([v2, v1], (await worker.GetAsync("/v2/models/affine")).Json.GetProperty("versions").EnumerateArray().Select(version => version.GetString()));
        Assert.Equal("unchanged", (await worker.PostAsync(Load, "")).Json.GetProperty("result").GetString());
    }

    [Fact]
    public async Task A_rollback_is_the_previous_model_at_once()
    {
        await using var worker = await StartAsync();
        var (v1, v2) = (_store.VersionsOf("affine")[0], Publish(_second));
        Assert.Equal(404, (await worker.PostAsync(Load, """{"parameters": {"version": "previous"}}""")).Status);
        Assert.Equal(200, (await worker.PostAsync(Load, Version(v2))).Status);
        var sessions = OnnxModel.SessionsConstructed;
        var back = await worker.PostAsync(Load, """{"parameters": {"version": "previous"}}""");
        Assert.Equal((200, "rolledback"), (back.Status, back.Json.GetProperty("result").GetString()));
        await AssertAnswersAsync(worker, TestWorker.Infer, _first, v1);
        Assert.Equal("rolledback", (await worker.PostAsync(Load, Version(v2))).Json.GetProperty("result").GetString());
        await AssertAnswersAsync(worker, TestWorker.Infer, _second, v2);
        Assert.True(sessions > 0);
    }

    /// <summary>Every answer under load comes from one of the two models as a whole, none fails, and after the swap none is the old one's.</summary>
    [Fact]
    public async Task Under_load_a_swap_fails_no_request_and_mixes_no_answer()
    {
        await using var worker = await StartAsync(("MaxBatchSize", "8"));
        var (v1, v2) = (_store.VersionsOf("affine")[0], Publish(_second));
        using CancellationTokenSource stop = new();
        TaskCompletionSource answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var clients = Enumerable.Range(0, 4).Select(seed => Task.Run(async () =>
        {
            var (before, after) = (0, 0);
            for (var round = 0; !stop.IsCancellationRequested || after == 0; round++)
            {
                // More rows than a batch holds: each request spans several.
                var x = AffineModel.Rows(20, AffineModel.X, seed * 1_000_000 + round);
                const string json = """{"inputs": [{"name": "x", "shape": [20, 5], "datatype": "FP32", "parameters": {"binary_data_size": 400}}], "outputs": [{"name": "z_mean"}]}""";
                var answer = await worker.PostBinaryAsync(TestWorker.Infer, json, x);
                Assert.True(answer.Status == 200, answer.Text);
                var isFirst = answer.Json.GetProperty("model_version").GetString() == v1;
                Assert.False(isFirst && after > 0);
                var z = answer.Json.GetProperty("outputs")[0].GetProperty("data").EnumerateArray().Select(value => value.GetSingle()).ToArray();
                OnnxModelTests.AssertClose((isFirst ? _first : _second).Expected(TensorNames.ZMean, x), z);
                answered.TrySetResult();
                (before, after) = isFirst ? (before + 1, after) : (before, after + 1);
            }
            return before;
        })).ToArray();
        await Task.WhenAny([answered.Task, .. clients]);
        var swapped = await worker.PostAsync(Load, Version(v2));
        await stop.CancelAsync();
        Assert.Equal("swapped", swapped.Json.GetProperty("result").GetString());
        Assert.True((await Task.WhenAll(clients)).Sum() > 0);
    }

    /// <summary>Triton's POLL mode sees partial writes (its documentation warns); here a copy is refused at every point until it is whole.</summary>
    [Fact]
    public async Task A_half_copied_model_is_never_loaded_and_the_one_in_service_stays()
    {
        await using var worker = await StartAsync();
        var v1 = _store.VersionsOf("affine")[0];
        var v2 = Publish(_second);
        var (whole, target) = (_folder[$"store/affine/{v2}"], _folder["aside"]);
        Directory.Move(whole, target);
        Directory.CreateDirectory(whole);
        foreach (var file in Directory.EnumerateFiles(target, "*", SearchOption.AllDirectories).OrderByDescending(file => file.EndsWith("manifest.json", StringComparison.Ordinal)))
        {
            var sessions = OnnxModel.SessionsConstructed;
            var answer = await worker.PostAsync(Load, Version(v2));
            Assert.True(answer.Status == 422, answer.Text);
            await AssertAnswersAsync(worker, TestWorker.Infer, _first, v1);
            var copy = Path.Combine(whole, Path.GetRelativePath(target, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            var bytes = File.ReadAllBytes(file);
            File.WriteAllBytes(copy, bytes[..(bytes.Length / 2)]);
            Assert.Equal(422, (await worker.PostAsync(Load, Version(v2))).Status);
            File.WriteAllBytes(copy, bytes);
        }
        Assert.Equal(200, (await worker.PostAsync(Load, Version(v2))).Status);
        await AssertAnswersAsync(worker, TestWorker.Infer, _second, v2);
    }

    [Fact]
    public async Task A_model_that_breaks_a_bound_is_refused_with_it()
    {
        await using var worker = await StartAsync();
        _second.Write(_folder["planted"], planted: 1e-4f);
        var v2 = _store.Publish(_folder["planted"]).Version;
        var answer = await worker.PostAsync(Load, Version(v2));
        Assert.Equal(422, answer.Status);
        Assert.Contains("z_mean at n = 64", answer.Error, StringComparison.Ordinal);
        await AssertAnswersAsync(worker, TestWorker.Infer, _first, _store.VersionsOf("affine")[0]);
    }

    [Fact]
    public async Task A_model_that_the_engine_does_not_take_is_refused_with_its_words()
    {
        await using var worker = await StartAsync();
        _second.Write(_folder["planted"], torn: true);
        var v2 = _store.Publish(_folder["planted"]).Version;
        var answer = await worker.PostAsync(Load, Version(v2));
        Assert.Equal(422, answer.Status);
        Assert.Contains("the engine refuses the graph", answer.Error, StringComparison.Ordinal);
        await AssertAnswersAsync(worker, TestWorker.Infer, _first, _store.VersionsOf("affine")[0]);
    }

    [Fact]
    public async Task The_index_lists_the_versions_of_the_store_and_says_which_are_in_service()
    {
        await using var worker = await StartAsync();
        var (v1, v2) = (_store.VersionsOf("affine")[0], Publish(_second));
        Assert.Equal([$"{v1} READY", $"{v2} UNAVAILABLE"], States((await worker.PostAsync(Index, "")).Json));
        Assert.Equal([$"{v1} READY"], States((await worker.PostAsync(Index, """{"ready": true}""")).Json));
        Assert.Equal(200, (await worker.PostAsync(Unload, "")).Status);
        Assert.Equal([$"{v1} UNAVAILABLE", $"{v2} UNAVAILABLE"], States((await worker.PostAsync(Index, "{}")).Json));
        Assert.Equal(503, (await worker.GetAsync("/v2/health/ready")).Status);
        Assert.Equal(503, (await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1))).Status);
        Assert.Equal(200, (await worker.PostAsync(Load, Version(v2))).Status);
        Assert.Equal(200, (await worker.GetAsync("/v2/health/ready")).Status);
        await AssertAnswersAsync(worker, TestWorker.Infer, _second, v2);

        static IEnumerable<string> States(JsonElement index) =>
            index.EnumerateArray().Select(entry => $"{entry.GetProperty("version").GetString()} {entry.GetProperty("state").GetString()}");
    }

    [Theory]
    [InlineData(Load, "nonsense", 400)]
    [InlineData(Load, "[]", 400)]
    [InlineData(Load, """{"config": "x"}""", 400)]
    [InlineData(Load, """{"parameters": {"version": 2}}""", 400)]
    [InlineData(Load, """{"parameters": {"file:1/model.onnx": "AAAA"}}""", 400)]
    [InlineData(Load, """{"parameters": {"version": "9"}}""", 404)]
    [InlineData(Load, """{"parameters": {"version": "../../etc"}}""", 404)]
    [InlineData("/v2/repository/models/other/load", "", 404)]
    [InlineData(Index, """{"redy": true}""", 400)]
    public async Task What_cannot_be_meant_is_refused(string path, string body, int status)
    {
        await using var worker = await StartAsync();
        Assert.Equal(status, (await worker.PostAsync(path, body)).Status);
        Assert.Equal(200, (await worker.GetAsync("/v2/health/ready")).Status);
    }

    [Fact]
    public async Task Without_model_control_a_request_cannot_change_the_model()
    {
        await using var worker = await TestWorker.StartAsync();
        Assert.Equal(403, (await worker.PostAsync(Load, "")).Status);
        Assert.Equal(403, (await worker.PostAsync(Unload, "")).Status);
        Assert.Equal(200, (await worker.PostAsync(Index, "")).Status);
    }

    Task<TestWorker> StartAsync(params (string Key, string Value)[] settings) =>
        TestWorker.StartAsync(("Model", "affine"), ("Store", _folder["store"]), ("ModelControl", "true"), settings is [var one] ? one : ("Threads", "1"));

    static string Version(string version) => $$"""{"parameters": {"version": "{{version}}" } }""";

    string Publish(AffineModel model)
    {
        var folder = _folder[Guid.NewGuid().ToString("N")];
        model.Write(folder);
        return _store.Publish(folder).Version;
    }

    static async Task AssertAnswersAsync(TestWorker worker, string path, AffineModel model, string version)
    {
        var answer = await worker.PostAsync(path, TestWorker.Ones(1));
        Assert.True(answer.Status == 200, answer.Text);
        Assert.Equal(version, answer.Json.GetProperty("model_version").GetString());
        OnnxModelTests.AssertClose(
            model.Expected(TensorNames.ZMean, [1, 1, 1, 1, 1]), answer.Json.GetProperty("outputs")[0].GetProperty("data").EnumerateArray().Select(value => value.GetSingle()).ToArray());
    }
}
