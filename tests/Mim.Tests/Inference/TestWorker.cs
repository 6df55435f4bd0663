using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Mim.Inference;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>A worker that serves an affine model over a transport without a socket.</summary>
sealed class TestWorker : IAsyncDisposable
{
    public const string Infer = "/v2/models/affine/infer";
    public const string HeaderLength = "Inference-Header-Content-Length";

    readonly TemporaryFolder _folder;

    TestWorker(TemporaryFolder folder, InMemoryServer server, WebApplication app)
    {
        (_folder, Server, App) = (folder, server, app);
    }

    public static AffineModel Affine { get; } = new(seed: 12);

    public InMemoryServer Server { get; }
    public WebApplication App { get; }
    public ServedModel Served => App.Services.GetRequiredService<ServedModel>();

    public static Task<TestWorker> StartAsync(params (string Key, string Value)[] settings) => StartAsync(null, settings);

    public static async Task<TestWorker> StartAsync(Action<IServiceCollection>? services, params (string Key, string Value)[] settings)
    {
        TemporaryFolder folder = new();
        Affine.Write(folder["package"]);
        InMemoryServer server = new();
        TestWorker worker = new(folder, server, Create(server, services, settings.Any(setting => setting.Key == "Model") ? settings : [("Model", folder["package"]), .. settings]));
        await worker.App.StartAsync();
        Assert.True(await worker.Served.LoadedAsync(CancellationToken.None));
        return worker;
    }

    public static WebApplication Create(InMemoryServer server, Action<IServiceCollection>? services, params (string Key, string Value)[] settings) =>
        InferenceHost.CreateHttp(
            new(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))),
            builder =>
            {
                builder.Services.RemoveAll<IServer>();
                builder.Services.AddSingleton<IServer>(server);
                services?.Invoke(builder.Services);
            });

    public async ValueTask DisposeAsync()
    {
        await App.DisposeAsync();
        Server.Dispose();
        _folder.Dispose();
    }

    /// <summary>The exit code, once the worker has stopped.</summary>
    public Task<int> RunAsync() => InferenceHost.WaitAsync(App, CancellationToken.None);

    public Task<Answer> GetAsync(string path, params (string Name, string Value)[] headers) => Server.SendAsync("GET", path, [], headers);

    public Task<Answer> PostAsync(string path, string json, params (string Name, string Value)[] headers) =>
        Server.SendAsync("POST", path, Encoding.UTF8.GetBytes(json), headers);

    /// <summary>JSON, and binary data behind it.</summary>
    public Task<Answer> PostBinaryAsync(string path, string json, ReadOnlySpan<float> values, params (string Name, string Value)[] headers)
    {
        var header = Encoding.UTF8.GetBytes(json);
        return Server.SendAsync("POST", path, [.. header, .. MemoryMarshal.AsBytes(values)],
            [(HeaderLength, header.Length.ToString(CultureInfo.InvariantCulture)), .. headers]);
    }

    public static string Ones(int rows, string members = "") =>
        $$"""{"inputs": [{"name": "x", "shape": [{{rows}}, 5], "datatype": "FP32", "data": [ {{string.Join(',', Enumerable.Repeat("1", rows * AffineModel.X))}} ] } ]{{members}} }""";
}
