using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class ServeTests : IDisposable
{
    const string Infer = "/v2/models/affine/infer";

    readonly TemporaryFolder _folder = new();
    readonly AffineModel _affine = new(seed: 12);
    readonly InMemoryServer _server = new();

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("[2, 5]", "[1, 2, 3, 4, 5, -1, -2, -3, -4, -5]")]
    [InlineData("[2, 5]", "[[1, 2, 3, 4, 5], [-1, -2, -3, -4, -5]]")]
    public async Task Infer_answers_nested_and_flat_tensors_with_the_closed_form_and_echoes_the_id(string shape, string data)
    {
        await using var app = await StartAsync();
        var (status, body) = await _server.SendAsync("POST", Infer,
            $$"""{"id": "q-7", "parameters": {"any": 1}, "inputs": [{"name": "x", "shape": {{shape}}, "datatype": "FP32", "data": {{data}}}]}""");
        Assert.Equal(200, status);
        Assert.Equal("q-7", body.GetProperty("id").GetString());
        Assert.Equal("affine", body.GetProperty("model_name").GetString());
        Assert.Equal(ModelPackage.Open(_folder["package"]).Manifest.SpaceId, body.GetProperty("parameters").GetProperty("space_id").GetString());
        float[] x = [1, 2, 3, 4, 5, -1, -2, -3, -4, -5];
        Assert.Equal([TensorNames.ZMean, TensorNames.ZLogVar], body.GetProperty("outputs").EnumerateArray().Select(output => output.GetProperty("name").GetString()));
        foreach (var output in body.GetProperty("outputs").EnumerateArray())
        {
            Assert.Equal([2, AffineModel.Z], output.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
            OnnxModelTests.AssertClose(_affine.Expected(output.GetProperty("name").GetString()!, x), Floats(output.GetProperty("data")));
        }
    }

    [Fact]
    public async Task The_server_bounds_its_connections_and_what_each_may_bring_unread()
    {
        await using var worker = await TestWorker.StartAsync(("MaxConnections", "77"));
        var limits = worker.App.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;
        Assert.Equal((77L, 1L << 17), (limits.MaxConcurrentConnections, limits.MaxRequestBufferSize));
    }

    [Fact]
    public async Task Infer_decodes_z_and_returns_only_the_outputs_asked_for()
    {
        await using var app = await StartAsync();
        var (status, body) = await _server.SendAsync("POST", Infer,
            """{"inputs": [{"name": "z", "shape": [1, 3], "datatype": "FP32", "data": [0.5, -1, 2]}], "outputs": [{"name": "x_mean"}]}""");
        Assert.Equal(200, status);
        var output = Assert.Single(body.GetProperty("outputs").EnumerateArray());
        Assert.Equal("x_mean", output.GetProperty("name").GetString());
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.XMean, [0.5f, -1, 2]), Floats(output.GetProperty("data")));
        Assert.False(body.TryGetProperty("id", out _));
    }

    [Fact]
    public async Task An_autoregressive_model_is_served_to_encode_and_decode_says_where_to_go()
    {
        using (var model = PixelPackage.Model())
        {
            PixelPackage.Write(model, _folder["package"]);
        }
        await using var app = Create();
        await app.StartAsync();
        Assert.True(await app.Services.GetRequiredService<ServedModel>().LoadedAsync(CancellationToken.None));
        const string Path = "/v2/models/pixels/infer";
        var (encoded, _) = await _server.SendAsync("POST", Path,
            """{"inputs": [{"name": "x", "shape": [1, 4, 3], "datatype": "FP32", "data": [0, 0, 255, 0, 255, 0, 0, 0, 0, 255, 255, 0]}]}""");
        Assert.Equal(200, encoded);
        var (decoded, body) = await _server.SendAsync("POST", Path, """{"inputs": [{"name": "z", "shape": [1, 4], "datatype": "FP32", "data": [0, 0, 0, 0]}]}""");
        Assert.Equal(400, decoded);
        Assert.Contains("use 'mim decode'", body.GetRawText().Replace("\\u0027", "'", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}""", "expected shape [batch, 5]")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [2, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5]}]}""", "expected 10 values for shape [2, 5], found 5")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [0, 5], "datatype": "FP32", "data": []}]}""", "a batch of 1 or more")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [4000000000, 5], "datatype": "FP32", "data": []}]}""", "expected shape")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "INT64", "data": [1, 2, 3, 4, 5]}]}""", "expected datatype FP32, found INT64")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 1e39]}]}""", "x[0][4]: expected a finite float32")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, null, 4, 5]}]}""", "found a missing value")]
    [InlineData("""{"inputs": [{"name": "y", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5]}]}""", "unknown input 'y'")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5]}], "outputs": [{"name": "w"}]}""", "unknown output 'w'")]
    [InlineData("""{"inputs": []}""", "expected one tensor")]
    [InlineData("""{"input": []}""", "unknown key 'input'")]
    [InlineData("""{}""", "'inputs' is missing")]
    [InlineData("""{"inputs": [{"name": "x"}]}""", "'datatype' is missing")]
    [InlineData("""{"inputs": """, "not a JSON request")]
    [InlineData("""[]""", "expected StartObject")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5]}, 5]}""", "inputs: expected an array of objects, found Number")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5]}], "outputs": ["z_mean"]}""", "outputs: expected an array of objects, found String")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, 3, 4, 5]}]} {}""", "not a JSON request")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [1, 5], "datatype": "FP32", "data": [1, 2, "3", 4, 5]}]}""", "inputs.data[2]: expected a float32")]
    [InlineData("""{"inputs": [{"name": "z", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3], "parameters": {"space_id": "abc"}}]}""", "found space 'abc'")]
    [InlineData("""{"id": "\ud800"}""", "half of a surrogate pair")]
    public async Task A_bad_tensor_is_400_and_says_why(string request, string reason)
    {
        await using var app = await StartAsync();
        var (status, body) = await _server.SendAsync("POST", Infer, request);
        Assert.Equal(400, status);
        Assert.Contains(reason, body.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_models_and_paths_are_404_and_long_bodies_413()
    {
        await using var app = await StartAsync(("MaxRequestBytes", "2000"));
        foreach (var path in (string[])["/v2/models/other/infer", "/v2/models/affine/versions/9/infer"])
        {
            var (status, body) = await _server.SendAsync("POST", path, "{}");
            Assert.Equal(404, status);
            Assert.Contains("this worker serves 'affine'", body.GetProperty("error").GetString(), StringComparison.Ordinal);
        }
        Assert.Equal(404, (await _server.SendAsync("GET", "/v1/models")).Status);
        Assert.Equal(404, (await _server.SendAsync("GET", "/v2/models/other")).Status);
        Assert.Equal(413, (await _server.SendAsync("POST", Infer, new string(' ', 3000))).Status);
    }

    [Fact]
    public async Task More_rows_than_the_queue_holds_are_413_and_may_come_in_two_requests()
    {
        await using var app = await StartAsync(("QueueCapacity", "16"));
        var (status, body) = await _server.SendAsync("POST", Infer, Ones(17));
        Assert.Equal(413, status);
        Assert.Contains("17 rows are more than the queue holds (16)", body.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(200, (await _server.SendAsync("POST", Infer, Ones(16))).Status);
    }

    [Fact]
    public async Task Metadata_and_health_speak_the_protocol()
    {
        await using var app = await StartAsync();
        Assert.Equal(200, (await _server.SendAsync("GET", "/v2/health/live")).Status);
        var (ready, health) = await _server.SendAsync("GET", "/v2/health/ready");
        Assert.Equal((200, true), (ready, health.GetProperty("ready").GetBoolean()));
        Assert.Equal(200, (await _server.SendAsync("GET", "/v2/models/affine/ready")).Status);
        Assert.Equal("mim", (await _server.SendAsync("GET", "/v2")).Body.GetProperty("name").GetString());
        var model = (await _server.SendAsync("GET", "/v2/models/affine")).Body;
        Assert.Equal("onnx_onnxv1", model.GetProperty("platform").GetString());
        Assert.Equal("""[{"name":"x","datatype":"FP32","shape":[-1,5]}]""", model.GetProperty("inputs").GetRawText());
        Assert.Equal("""[{"name":"z_mean","datatype":"FP32","shape":[-1,3]},{"name":"z_log_var","datatype":"FP32","shape":[-1,3]}]""", model.GetProperty("outputs").GetRawText());
    }

    [Fact]
    public async Task A_full_queue_is_429_and_a_worker_that_stops_is_503()
    {
        await using var app = await StartAsync(("QueueCapacity", "16"));
        var batcher = app.Services.GetRequiredService<ServedModel>().Graph(TensorNames.X)!.Batcher;
        using var held = await HeldRequest.StartAsync(batcher); // nothing leaves the queue
        Assert.True(batcher.TryRun(new float[16 * AffineModel.X], 16, new Memory<float>[2], CancellationToken.None, out var waiting));
        var (full, body) = await _server.SendAsync("POST", Infer, Ones(1));
        var stopped = batcher.StopAsync(CancellationToken.None);
        var (stopping, _) = await _server.SendAsync("POST", Infer, Ones(1));
        held.Release();
        await held.Completion;
        await waiting;
        await stopped;
        Assert.Equal((429, 503), (full, stopping));
        Assert.Contains("queue is full (16 rows)", body.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stopping_answers_what_was_accepted_and_ends_with_code_0()
    {
        _affine.Write(_folder["package"]);
        await using var app = Create();
        var running = InferenceHost.RunAsync(app, CancellationToken.None);
        var served = app.Services.GetRequiredService<ServedModel>();
        Assert.True(await served.LoadedAsync(CancellationToken.None));
        var batcher = served.Graph(TensorNames.X)!.Batcher;
        var x = AffineModel.Rows(4000, AffineModel.X, 1);
        var z = new float[4000 * AffineModel.Z];
        Assert.True(batcher.TryRun(x, 4000, [z, default], CancellationToken.None, out var completion));
        app.Lifetime.StopApplication();
        await completion;
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, x), z);
        Assert.Equal(ExitCode.Done, await running);
    }

    [Fact]
    public async Task An_engine_that_fails_makes_the_worker_unready_until_a_canary_row_passes()
    {
        _affine.Write(_folder["package"]);
        var package = ModelPackage.Open(_folder["package"]);
        using var model = OnnxModel.Encoder(package, 4, new EngineOptions(1, Device.Cpu));
        var broken = true;
        using var batcher = new MicroBatcher(model.Buffers, Run, new(16), "canary", NullLogger.Instance);
        ServedGraph graph = new(package, model, batcher, TimeSpan.FromMinutes(1), TimeProvider.System);
        Assert.True(graph.IsHealthy); // nothing has failed yet
        Assert.True(batcher.TryRun(new float[AffineModel.X], 1, new Memory<float>[2], CancellationToken.None, out var completion));
        await Assert.ThrowsAsync<InvalidOperationException>(() => completion.AsTask());
        Assert.False(graph.IsHealthy);
        Assert.False(await graph.CheckAsync(CancellationToken.None));
        broken = false;
        Assert.True(await graph.CheckAsync(CancellationToken.None));
        Assert.True(graph.IsHealthy);

        void Run(int rows)
        {
            if (broken)
            {
                throw new InvalidOperationException("the device is lost");
            }
            model.Run(rows);
        }
    }

    [Fact]
    public async Task Broken_goldens_are_never_served_and_end_with_code_3()
    {
        _affine.Write(_folder["package"], planted: 1e-4f);
        await using var app = Create();
        var served = app.Services.GetRequiredService<ServedModel>();
        using var stop = new CancellationTokenSource();
        var running = InferenceHost.RunAsync(app, stop.Token);
        if (await served.LoadedAsync(CancellationToken.None))
        {
            await stop.CancelAsync(); // a model in service stays there until it is told to stop
        }
        Assert.Equal(ExitCode.Gate, await running);
        Assert.Null(served.Package);
        Assert.Contains(served.BrokenBounds, line => line.Contains("z_mean at n = 64", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_model_that_cannot_be_loaded_is_thrown_out_of_the_host()
    {
        _affine.Write(_folder["package"]);
        File.Delete(Path.Combine(_folder["package"], "encoder.onnx"));
        await using var app = Create();
        await Assert.ThrowsAsync<InvalidDataException>(() => InferenceHost.RunAsync(app, CancellationToken.None));
    }

    [Fact]
    public async Task Before_the_model_is_in_service_infer_is_503_and_the_worker_is_live()
    {
        _affine.Write(_folder["package"]);
        // Without its hosted services the host never loads the model.
        await using var app = Create(services => services.RemoveAll<IHostedService>());
        await app.StartAsync();
        Assert.Equal(503, (await _server.SendAsync("POST", Infer, "{}")).Status);
        Assert.Equal(503, (await _server.SendAsync("GET", "/v2/health/ready")).Status);
        Assert.Equal(503, (await _server.SendAsync("GET", "/v2/models/affine")).Status);
        Assert.Equal(200, (await _server.SendAsync("GET", "/v2/health/live")).Status);
    }

    [Fact]
    public void All_faults_of_a_configuration_are_in_one_message()
    {
        File.WriteAllText(_folder["worker.json"], """{"Inference": {"MaxBatchSise": 8, "QueueCapacity": "many", "DrainSeconds": 0, "Model": "m"}, "Inferense": {}}""");
        var fault = Assert.Throws<UsageException>(() => InferenceHost.CreateHttp(new([new("Threads", "0")]) { File = _folder["worker.json"] }));
        foreach (var part in (string[])["unknown key 'Inference:MaxBatchSise'", "MaxBatchSize", "'Inference:QueueCapacity': expected an integer from 16 to 1048576, found 'many'", "DrainSeconds", "Threads", "unknown key 'Inferense'"])
        {
            Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Flags_win_over_the_file()
    {
        _affine.Write(_folder["package"]);
        File.WriteAllText(_folder["worker.json"], $$"""{"Inference": {"MaxBatchSize": 8, "QueueCapacity": 32, "Model": "{{_folder["package"]}}" } }""");
        using var host = InferenceHost.CreateStream(new([new("MaxBatchSize", "9")]) { File = _folder["worker.json"] }, Stream.Null, Stream.Null);
        var options = host.Services.GetRequiredService<IOptions<InferenceOptions>>().Value;
        Assert.Equal((9, 32), (options.MaxBatchSize, options.QueueCapacity));
    }

    [Fact]
    public async Task Standard_input_answers_line_by_line_and_goes_on_after_a_bad_one()
    {
        var manifest = _affine.Write(_folder["package"]);
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(
            "{\"id\": \"a\", \"x\": [1, 2, 3, 4, 5]}\n{\"id\": 7, \"x\": [1, 2]}\nnonsense\n\n{\"id\": \"\\ud800\", \"x\": [1, 2, 3, 4, 5]}\n{\"x\": [5, 4, 3, 2, 1]}"));
        using var output = new MemoryStream();
        using var host = InferenceHost.CreateStream(new([new("Model", _folder["package"])]), input, output);
        Assert.Equal(ExitCode.Done, await InferenceHost.RunAsync(host, CancellationToken.None));
        var lines = Encoding.UTF8.GetString(output.ToArray()).TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(5, lines.Length);
        Assert.Equal("a", lines[0].GetProperty("id").GetString());
        Assert.Equal(manifest.SpaceId, lines[0].GetProperty("space_id").GetString());
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, [1, 2, 3, 4, 5]), Floats(lines[0].GetProperty("z")));
        Assert.Equal(("7", 2, "'x': expected 5 values, found 2."), (lines[1].GetProperty("id").GetString(), lines[1].GetProperty("line").GetInt32(), lines[1].GetProperty("error").GetString()));
        Assert.StartsWith("not a JSON object", lines[2].GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Contains("half of a surrogate pair", lines[3].GetProperty("error").GetString(), StringComparison.Ordinal);
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, [5, 4, 3, 2, 1]), Floats(lines[4].GetProperty("z")));
    }

    [Fact]
    public async Task Many_lines_keep_their_order()
    {
        _affine.Write(_folder["package"]);
        const int rows = 2000;
        var x = AffineModel.Rows(rows, AffineModel.X, 3);
        var text = new StringBuilder();
        for (var row = 0; row < rows; row++)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"{{\"id\": {row}, \"x\": [{string.Join(',', x.Skip(row * AffineModel.X).Take(AffineModel.X).Select(value => value.ToString("R", CultureInfo.InvariantCulture)))}]}}");
        }
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(text.ToString()));
        using var output = new MemoryStream();
        using var host = InferenceHost.CreateStream(new([new("Model", _folder["package"]), new("QueueCapacity", "16")]), input, output);
        Assert.Equal(ExitCode.Done, await InferenceHost.RunAsync(host, CancellationToken.None));
        File.WriteAllBytes(_folder["z.jsonl"], output.ToArray());
        var found = EmbeddingSet.Read(_folder["z.jsonl"]);
        Assert.Equal(Enumerable.Range(0, rows).Select(row => row.ToString(CultureInfo.InvariantCulture)), found.Ids);
        OnnxModelTests.AssertClose(_affine.Expected(TensorNames.ZMean, x), found.Z);
    }

    async Task<WebApplication> StartAsync(params (string Key, string Value)[] settings)
    {
        _affine.Write(_folder["package"]);
        var app = Create(null, settings);
        await app.StartAsync();
        Assert.True(await app.Services.GetRequiredService<ServedModel>().LoadedAsync(CancellationToken.None));
        return app;
    }

    WebApplication Create(Action<IServiceCollection>? services = null, params (string Key, string Value)[] settings) =>
        InferenceHost.CreateHttp(
            new([new("Model", _folder["package"]), .. settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))]),
            builder =>
            {
                services?.Invoke(builder.Services);
                builder.Services.RemoveAll<IServer>();
                builder.Services.AddSingleton<IServer>(_server);
            });

    static string Ones(int rows) =>
        $$"""{"inputs": [{"name": "x", "shape": [{{rows}}, 5], "datatype": "FP32", "data": [ {{string.Join(',', Enumerable.Repeat("1", rows * AffineModel.X))}} ] } ] }""";

    static float[] Floats(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetSingle())];
}
