using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;

namespace Mim.Tests.Inference;

/// <summary>The document against the routes, and against itself.</summary>
public sealed class OpenApiTests
{
    [Fact]
    public async Task The_document_lists_every_route_and_no_other()
    {
        await using var worker = await TestWorker.StartAsync();
        var document = (await worker.GetAsync("/openapi.json")).Json;
        var described = from path in document.GetProperty("paths").EnumerateObject()
                        from operation in path.Value.EnumerateObject()
                        select $"{operation.Name.ToUpperInvariant()} {path.Name}";
        var mapped = from source in ((IEndpointRouteBuilder)worker.App).DataSources
                     from endpoint in source.Endpoints.OfType<RouteEndpoint>()
                     from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? []
                     select $"{method} {endpoint.RoutePattern.RawText}";
        Assert.Equal(mapped.Order(), described.Order());
    }

    [Fact]
    public async Task Every_reference_leads_somewhere_and_every_path_parameter_is_described()
    {
        await using var worker = await TestWorker.StartAsync();
        var document = (await worker.GetAsync("/openapi.json")).Json;
        Assert.Equal("3.1.0", document.GetProperty("openapi").GetString());
        var references = All(document).Where(node => node.ValueKind == JsonValueKind.Object && node.TryGetProperty("$ref", out _)).ToList();
        Assert.NotEmpty(references);
        Assert.All(references, node => Resolve(document, node));
        HashSet<string> operations = [];
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                Assert.True(operations.Add(operation.Value.GetProperty("operationId").GetString()!), path.Name);
                var parameters = operation.Value.TryGetProperty("parameters", out var list) ? list.EnumerateArray().Select(node => Resolve(document, node)) : [];
                Assert.Equal(
                    path.Name.Split('/').Where(part => part.StartsWith('{')),
                    parameters.Where(parameter => parameter.GetProperty("in").GetString() == "path").Select(parameter => $"{{{parameter.GetProperty("name").GetString()}}}"));
            }
        }
    }

    /// <summary>The health endpoints are free of the key, and say so; every other operation may answer 401.</summary>
    [Fact]
    public async Task Only_operations_without_a_key_lack_401()
    {
        await using var worker = await TestWorker.StartAsync();
        foreach (var path in (await worker.GetAsync("/openapi.json")).Json.GetProperty("paths").EnumerateObject())
        {
            var free = path.Name.StartsWith("/v2/health/", StringComparison.Ordinal);
            Assert.All(path.Value.EnumerateObject(), operation =>
            {
                Assert.Equal(free, operation.Value.TryGetProperty("security", out _));
                Assert.Equal(!free, operation.Value.GetProperty("responses").TryGetProperty("401", out _));
            });
        }
    }

    /// <summary>Each operation, called as a client that has read nothing but the document would, answers with a status that the document lists for it.</summary>
    [Fact]
    public async Task Every_documented_operation_answers_as_documented()
    {
        await using var worker = await TestWorker.StartAsync(("ModelControl", "true"));
        var document = (await worker.GetAsync("/openapi.json")).Json;
        foreach (var path in document.GetProperty("paths").EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject())
            {
                var url = path.Name.Replace("{model}", AffineModel.Name, StringComparison.Ordinal).Replace("{version}", "unpublished", StringComparison.Ordinal);
                var body = path.Name.EndsWith("/infer", StringComparison.Ordinal) ? TestWorker.Ones(1) : "";
                var answer = await worker.Server.SendAsync(operation.Name.ToUpperInvariant(), url, Encoding.UTF8.GetBytes(body));
                Assert.True(answer.Status == 200, $"{operation.Name} {url}: {answer.Status} {answer.Text}");
                if (url.EndsWith("/unload", StringComparison.Ordinal))
                {
                    Assert.Equal(200, (await worker.PostAsync(url.Replace("/unload", "/load", StringComparison.Ordinal), "")).Status);
                }
                var response = Resolve(document, operation.Value.GetProperty("responses").GetProperty("200"));
                Assert.Contains(answer.Headers.ContentType.ToString(), response.GetProperty("content").EnumerateObject().Select(content => content.Name));
            }
        }
    }

    static JsonElement Resolve(JsonElement document, JsonElement node)
    {
        if (!node.TryGetProperty("$ref", out var reference))
        {
            return node;
        }
        Assert.StartsWith("#/", reference.GetString(), StringComparison.Ordinal);
        return reference.GetString()![2..].Split('/').Aggregate(document, (at, name) => at.GetProperty(name));
    }

    static IEnumerable<JsonElement> All(JsonElement node) => node.ValueKind switch
    {
        JsonValueKind.Object => node.EnumerateObject().SelectMany(member => All(member.Value)).Prepend(node),
        JsonValueKind.Array => node.EnumerateArray().SelectMany(All).Prepend(node),
        _ => [node],
    };
}
