using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>The binary tensor extension, both ways: bytes laid out here by hand, against the closed form.</summary>
public sealed class BinaryTensorTests
{
    static readonly float[] s_x = AffineModel.Rows(3, AffineModel.X, seed: 30);

    /// <summary>JSON of every length modulo a float's: the values behind it lie on any byte.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("  ")]
    [InlineData("   ")]
    public async Task Binary_input_and_output_are_the_closed_form_wherever_the_json_ends(string padding)
    {
        await using var worker = await TestWorker.StartAsync();
        var json = "{" + padding + """
            "id": "b", "parameters": {"binary_data_output": true},
            "inputs": [{"name": "x", "shape": [3, 5], "datatype": "FP32", "parameters": {"binary_data_size": 60}}]}
            """;
        var answer = await worker.PostBinaryAsync(TestWorker.Infer, json, s_x);
        Assert.Equal(200, answer.Status);
        Assert.Equal("application/octet-stream", answer.Headers.ContentType.ToString());
        var (header, values) = Split(answer);
        Assert.Equal("b", header.GetProperty("id").GetString());
        Assert.Equal(answer.Body.Length, answer.Headers.ContentLength);
        Assert.Equal(2 * 3 * AffineModel.Z, values.Length);
        var at = 0;
        foreach (var output in header.GetProperty("outputs").EnumerateArray())
        {
            Assert.False(output.TryGetProperty("data", out _));
            Assert.Equal(36, output.GetProperty("parameters").GetProperty("binary_data_size").GetInt32());
            OnnxModelTests.AssertClose(TestWorker.Affine.Expected(output.GetProperty("name").GetString()!, s_x), values.AsSpan(at, 9));
            at += 9;
        }
    }

    /// <summary>In one block of the connection, and in many.</summary>
    [Fact]
    public async Task Over_a_socket_rows_are_the_closed_form_whatever_the_length_of_their_body()
    {
        using TemporaryFolder folder = new();
        TestWorker.Affine.Write(folder["package"]);
        await using var app = InferenceHost.CreateHttp(new([new("Model", folder["package"]), new("Urls", "http://127.0.0.1:0")]));
        await app.StartAsync();
        Assert.True(await app.Services.GetRequiredService<ServedModel>().LoadedAsync(CancellationToken.None));
        using HttpClient client = new() { BaseAddress = new(app.Urls.Single()) };
        foreach (var rows in (int[])[1, 3, 4000, 3])
        {
            var x = AffineModel.Rows(rows, AffineModel.X, seed: rows);
            var json = Encoding.UTF8.GetBytes($$"""
                {"parameters": {"binary_data_output": true},
                "inputs": [{"name": "x", "shape": [{{rows}}, 5], "datatype": "FP32", "parameters": {"binary_data_size": {{x.Length * sizeof(float)}} } }]}
                """);
            using ByteArrayContent content = new([.. json, .. MemoryMarshal.AsBytes(x.AsSpan())]);
            content.Headers.Add(TestWorker.HeaderLength, json.Length.ToString(CultureInfo.InvariantCulture));
            using var answer = await client.PostAsync(new Uri(TestWorker.Infer, UriKind.Relative), content);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            var body = await answer.Content.ReadAsByteArrayAsync();
            var values = MemoryMarshal.Cast<byte, float>(body.AsSpan(body.Length - (2 * rows * AffineModel.Z * sizeof(float)))).ToArray();
            OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.ZMean, x), values.AsSpan(0, rows * AffineModel.Z));
            OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.ZLogVar, x), values.AsSpan(rows * AffineModel.Z));
        }
    }

    [Fact]
    public async Task A_body_that_turns_out_too_long_costs_its_request_and_not_the_connection()
    {
        using TemporaryFolder folder = new();
        TestWorker.Affine.Write(folder["package"]);
        await using var app = InferenceHost.CreateHttp(new([new("Model", folder["package"]), new("Urls", "http://127.0.0.1:0"), new("MaxRequestBytes", "200000")]));
        await app.StartAsync();
        Assert.True(await app.Services.GetRequiredService<ServedModel>().LoadedAsync(CancellationToken.None));
        var connections = 0;
        using SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (context, cancellationToken) =>
            {
                connections++;
                Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        using HttpClient client = new(handler) { BaseAddress = new(app.Urls.Single()) };
        foreach (var (spaces, status) in ((int, HttpStatusCode)[])[(300_000, HttpStatusCode.RequestEntityTooLarge), (100_000, HttpStatusCode.OK)])
        {
            // Without its length, of which the server could tell before it reads.
            using HttpRequestMessage request = new(HttpMethod.Post, new Uri(TestWorker.Infer, UriKind.Relative))
            {
                Content = new StringContent(TestWorker.Ones(1) + new string(' ', spaces)),
            };
            request.Headers.TransferEncodingChunked = true;
            using var answer = await client.SendAsync(request);
            Assert.Equal(status, answer.StatusCode);
            await answer.Content.ReadAsByteArrayAsync();
        }
        Assert.Equal(1, connections);
    }

    [Fact]
    public async Task An_output_may_be_binary_while_another_is_not()
    {
        await using var worker = await TestWorker.StartAsync();
        var answer = await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1, """
            , "parameters": {"binary_data_output": true},
            "outputs": [{"name": "z_log_var"}, {"name": "z_mean", "parameters": {"binary_data": false}}]
            """));
        var (header, values) = Split(answer);
        var outputs = header.GetProperty("outputs").EnumerateArray().ToDictionary(output => output.GetProperty("name").GetString()!);
        OnnxModelTests.AssertClose(
            TestWorker.Affine.Expected(TensorNames.ZMean, [1, 1, 1, 1, 1]),
            outputs["z_mean"].GetProperty("data").EnumerateArray().Select(value => value.GetSingle()).ToArray());
        Assert.False(outputs["z_log_var"].TryGetProperty("data", out _));
        OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.ZLogVar, [1, 1, 1, 1, 1]), values);
    }

    [Fact]
    public async Task A_body_of_nothing_but_values_is_rows_of_the_model_and_is_answered_in_kind()
    {
        await using var worker = await TestWorker.StartAsync();
        var answer = await worker.Server.SendAsync("POST", TestWorker.Infer, MemoryMarshal.AsBytes(s_x.AsSpan()).ToArray(), (TestWorker.HeaderLength, "0"));
        var (header, values) = Split(answer);
        Assert.Equal([3, 3], header.GetProperty("outputs")[0].GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()));
        OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.ZMean, s_x), values.AsSpan(0, 9));
        float[] z = [0.5f, -1, 2];
        var decoded = await worker.Server.SendAsync(
            "POST", "/v2/models/affine.decoder/infer", MemoryMarshal.AsBytes(z.AsSpan()).ToArray(), (TestWorker.HeaderLength, "0"));
        OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.XMean, z), Split(decoded).Values.AsSpan(0, AffineModel.X));
    }

    [Theory]
    [InlineData("{0}", 56, "expected 56 bytes behind the JSON, as binary_data_size says, found 60")]
    [InlineData("{0}", 64, "expected 64 bytes behind the JSON, as binary_data_size says, found 60")]
    [InlineData("100000", 60, "expected at most")]
    [InlineData("-1", 60, "Inference-Header-Content-Length: expected the bytes of the JSON in the body, found '-1'")]
    [InlineData("many", 60, "found 'many'")]
    [InlineData("0", 600, "binary data: expected float32 values of 4 bytes each")]
    public async Task A_length_that_is_not_the_body_s_is_400_and_says_which(string header, int size, string reason)
    {
        await using var worker = await TestWorker.StartAsync();
        var json = Encoding.UTF8.GetBytes(
            $$"""{"inputs": [{"name": "x", "shape": [3, 5], "datatype": "FP32", "parameters": {"binary_data_size": {{size}} } }]}""");
        byte[] body = [.. json, .. MemoryMarshal.AsBytes(s_x.AsSpan())];
        var answer = await worker.Server.SendAsync(
            "POST", TestWorker.Infer, body, (TestWorker.HeaderLength, header.Replace("{0}", $"{json.Length}", StringComparison.Ordinal)));
        Assert.Equal(400, answer.Status);
        Assert.Contains(reason, answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"inputs": [{"name": "x", "shape": [3, 5], "datatype": "FP32", "data": [1], "parameters": {"binary_data_size": 60}}]}""", "found both")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [2, 5], "datatype": "FP32", "parameters": {"binary_data_size": 60}}]}""", "expected 10 values for shape [2, 5], found 15")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [3, 5], "datatype": "FP32", "parameters": {"binary_data_size": "60"}}]}""", "binary_data_size: expected an integer")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [3, 5], "datatype": "FP32", "parameters": {"binary_data_size": 60}}], "outputs": [{"name": "z_mean", "parameters": {"binary_data": 1}}]}""", "binary_data: expected true or false")]
    [InlineData("""{"inputs": [{"name": "x", "shape": [3, 5], "datatype": "FP32", "parameters": {"binary_data_size": 60}}], "parameters": {"binary_data_output": null}}""", "binary_data_output: expected true or false")]
    public async Task What_the_parameters_say_is_checked(string json, string reason)
    {
        await using var worker = await TestWorker.StartAsync();
        var answer = await worker.PostBinaryAsync(TestWorker.Infer, json, s_x);
        Assert.Equal(400, answer.Status);
        Assert.Contains(reason, answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_binary_value_that_is_not_finite_is_named()
    {
        await using var worker = await TestWorker.StartAsync();
        var x = (float[])s_x.Clone();
        x[7] = float.PositiveInfinity;
        var answer = await worker.PostBinaryAsync(
            TestWorker.Infer, """{"inputs": [{"name": "x", "shape": [3, 5], "datatype": "FP32", "parameters": {"binary_data_size": 60}}]}""", x);
        Assert.Equal(400, answer.Status);
        Assert.StartsWith("x[1][2]: expected a finite float32", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pooled_memory_of_one_request_never_shows_in_another()
    {
        await using var worker = await TestWorker.StartAsync();
        await Parallel.ForEachAsync(Enumerable.Range(1, 200), async (seed, _) =>
        {
            var rows = seed % 9 + 1;
            var x = AffineModel.Rows(rows, AffineModel.X, seed);
            var json = string.Create(CultureInfo.InvariantCulture,
                $$"""{"parameters": {"binary_data_output": true}, "inputs": [{"name": "x", "shape": [{{rows}}, 5], "datatype": "FP32", "parameters": {"binary_data_size": {{rows * 20}} } }]}""");
            var (_, values) = Split(await worker.PostBinaryAsync(TestWorker.Infer, json, x));
            OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.ZMean, x), values.AsSpan(0, rows * AffineModel.Z));
            OnnxModelTests.AssertClose(TestWorker.Affine.Expected(TensorNames.ZLogVar, x), values.AsSpan(rows * AffineModel.Z));
        });
    }

    static (JsonElement Header, float[] Values) Split(Answer answer)
    {
        Assert.True(answer.Status == 200, answer.Text);
        var length = int.Parse(answer.Headers[TestWorker.HeaderLength].ToString(), CultureInfo.InvariantCulture);
        return (Answer.Parse(answer.Body[..length]), MemoryMarshal.Cast<byte, float>(answer.Body.AsSpan(length)).ToArray());
    }
}
