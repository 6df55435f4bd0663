using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Mim.Tests.Inference;

/// <summary>An answer, as it went out.</summary>
sealed record Answer(int Status, IHeaderDictionary Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    /// <summary>The whole of the body.</summary>
    public JsonElement Json => Parse(Body);

    /// <summary>The message of an error.</summary>
    public string Error => Json.GetProperty("error").GetString() ?? "";

    public static JsonElement Parse(byte[] json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}

/// <summary>A transport without a socket: requests go straight into the application's pipeline.</summary>
sealed class InMemoryServer : IServer
{
    Func<IFeatureCollection, Task>? _process;

    public IFeatureCollection Features { get; } = new FeatureCollection();

    /// <summary>Called when the host closes its listener.</summary>
    public Func<Task> Stopping { get; set; } = () => Task.CompletedTask;

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        _process = async features =>
        {
            var context = application.CreateContext(features);
            await application.ProcessRequestAsync(context);
            application.DisposeContext(context, null);
        };
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Stopping();

    public void Dispose()
    {
    }

    public async Task<(int Status, JsonElement Body)> SendAsync(string method, string path, string? body = null)
    {
        var answer = await SendAsync(method, path, Encoding.UTF8.GetBytes(body ?? ""));
        return (answer.Status, answer.Json);
    }

    public async Task<Answer> SendAsync(string method, string path, byte[] body, params (string Name, string Value)[] headers)
    {
        using var written = new MemoryStream();
        var response = new HttpResponseFeature();
        HttpRequestFeature request = new()
        {
            Method = method,
            Path = path,
            Scheme = "http",
            Protocol = "HTTP/1.1",
            Body = new MemoryStream(body),
        };
        request.Headers.ContentLength = body.Length;
        foreach (var (name, value) in headers)
        {
            request.Headers.Append(name, value);
        }
        FeatureCollection features = new();
        features.Set<IHttpRequestFeature>(request);
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(written));
        await (_process ?? throw new InvalidOperationException("The host has not been started."))(features);
        return new(response.StatusCode, response.Headers, written.ToArray());
    }
}
