namespace Mim.Tests.Inference;

public sealed class ApiKeyTests
{
    const string Key = "k-0123456789abcdef";

    [Theory]
    [InlineData("Authorization", "Bearer " + Key, 200)]
    [InlineData("Authorization", "bearer " + Key, 200)]
    [InlineData("x-api-key", Key, 200)]
    [InlineData("x-api-key", Key + "0", 401)]
    [InlineData("x-api-key", "k-0123456789abcdee", 401)]
    [InlineData("x-api-key", "", 401)]
    [InlineData("Authorization", Key, 401)]
    [InlineData("Authorization", "Basic " + Key, 401)]
    [InlineData("Authorization", "Bearer ", 401)]
    [InlineData("Cookie", "x-api-key=" + Key, 401)]
    public async Task Only_the_key_opens_the_worker_and_no_answer_repeats_one(string header, string value, int status)
    {
        await using var worker = await TestWorker.StartAsync(("ApiKey", Key));
        foreach (var answer in (Answer[])
        [
            await worker.GetAsync("/v2", (header, value)), await worker.PostAsync(TestWorker.Infer, TestWorker.Ones(1), (header, value)),
            await worker.GetAsync("/openapi.json", (header, value)),
        ])
        {
            Assert.Equal(status, answer.Status);
            Assert.DoesNotContain("0123456789abcde", answer.Text, StringComparison.Ordinal);
            Assert.Equal(status == 401 ? "Bearer" : "", answer.Headers.WWWAuthenticate.ToString());
        }
    }

    [Theory]
    [InlineData("/v2/health/live", 200)]
    [InlineData("/v2/health/ready", 200)]
    [InlineData("/v2/healthy", 401)]
    [InlineData("/v2/models/affine/ready", 401)]
    [InlineData("/nothing/here", 401)]
    public async Task Health_alone_is_free_of_it(string path, int status)
    {
        await using var worker = await TestWorker.StartAsync(("ApiKey", Key));
        Assert.Equal(status, (await worker.GetAsync(path)).Status);
    }

    [Fact]
    public async Task Two_keys_at_once_are_none()
    {
        await using var worker = await TestWorker.StartAsync(("ApiKey", Key));
        Assert.Equal(401, (await worker.GetAsync("/v2", ("x-api-key", Key), ("x-api-key", Key))).Status);
    }
}
