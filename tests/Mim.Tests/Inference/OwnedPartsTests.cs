using Mim.Inference;

namespace Mim.Tests.Inference;

public sealed class OwnedPartsTests
{
    [Fact]
    public async Task The_latest_ends_first_and_each_ends_once_even_if_another_fails_to()
    {
        List<string> ended = [];
        OwnedParts parts = new();
        parts.Add(() => ended.Add("database"));
        parts.Add(() => throw new InvalidOperationException("broker"));
        parts.Add(() => ended.Add("workers"));
        var fault = await Assert.ThrowsAsync<InvalidOperationException>(() => parts.DisposeAsync().AsTask());
        await parts.DisposeAsync();
        Assert.Equal("broker", fault.Message);
        Assert.Equal(["workers", "database"], ended);
    }
}
