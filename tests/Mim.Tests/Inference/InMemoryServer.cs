using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Mim.Tests.Inference;

/// <summary>A transport without a socket: requests go straight into the application's pipeline.</summary>
sealed class InMemoryServer : IServer
{
    Func<IFeatureCollection, Task>? _process;

    public IFeatureCollection Features { get; } = new FeatureCollection();

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

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
    }

    public async Task<(int Status, JsonElement Body)> SendAsync(string method, string path, string? body = null)
    {
        using var written = new MemoryStream();
        var response = new HttpResponseFeature();
        FeatureCollection features = new();
        features.Set<IHttpRequestFeature>(new HttpRequestFeature
        {
            Method = method,
            Path = path,
            Scheme = "http",
            Protocol = "HTTP/1.1",
            Body = new MemoryStream(Encoding.UTF8.GetBytes(body ?? "")),
        });
        features.Set<IHttpResponseFeature>(response);
        features.Set<IHttpResponseBodyFeature>(new StreamResponseBodyFeature(written));
        await (_process ?? throw new InvalidOperationException("The host has not been started."))(features);
        using var document = JsonDocument.Parse(written.ToArray());
        return (response.StatusCode, document.RootElement.Clone());
    }
}
