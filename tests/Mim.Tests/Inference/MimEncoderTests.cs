using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

public sealed class MimEncoderTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_application_gets_the_encoder_s_means_through_the_standard_interface()
    {
        var manifest = TestWorker.Affine.Write(_folder["package"]);
        await using var services = new ServiceCollection().AddMimEncoder(_folder["package"]).BuildServiceProvider();
        var generator = services.GetRequiredService<IEmbeddingGenerator<float[], Embedding<float>>>();
        var rows = Enumerable.Range(0, 200).Select(seed => AffineModel.Rows(1, AffineModel.X, seed)).ToArray();
        // Concurrent callers, one row and many: they share batches and get their own.
        var alone = await Task.WhenAll(rows.Select(row => generator.GenerateAsync([row])));
        var together = await generator.GenerateAsync(rows);
        Assert.Equal(200, together.Count);
        for (var i = 0; i < rows.Length; i++)
        {
            var expected = TestWorker.Affine.Expected(TensorNames.ZMean, rows[i]);
            OnnxModelTests.AssertClose(expected, alone[i][0].Vector.Span);
            OnnxModelTests.AssertClose(expected, together[i].Vector.Span);
        }
        Assert.Equal(manifest.SpaceId, together[0].AdditionalProperties?[MimEncoder.SpaceIdKey]);
        Assert.Equal("affine/unpublished", together[0].ModelId);
        Assert.Empty(await generator.GenerateAsync([]));
        var metadata = generator.GetService<EmbeddingGeneratorMetadata>();
        Assert.Equal(("mim", "affine/unpublished", AffineModel.Z), (metadata?.ProviderName, metadata?.DefaultModelId, metadata?.DefaultModelDimensions));
        Assert.Same(generator, generator.GetService<MimEncoder>());
        Assert.Null(generator.GetService<string>());
    }

    [Fact]
    public async Task A_row_or_an_option_that_is_not_the_model_s_is_named()
    {
        TestWorker.Affine.Write(_folder["package"]);
        await using var services = new ServiceCollection().AddMimEncoder(_folder["package"], options => options with { QueueCapacity = 16 }).BuildServiceProvider();
        var generator = services.GetRequiredService<MimEncoder>();
        var good = new float[AffineModel.X];
        Assert.Contains("row 1: expected 5 values, found 4", (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([good, new float[4]]))).Message, StringComparison.Ordinal);
        Assert.Contains("row 1, value 3", (await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([good, [0, 0, 0, float.NaN, 0]]))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([good], new() { Dimensions = 4 }));
        await Assert.ThrowsAsync<ArgumentException>(() => generator.GenerateAsync([good], new() { ModelId = "other" }));
        Assert.Contains("17 rows do not fit", (await Assert.ThrowsAsync<InvalidOperationException>(() => generator.GenerateAsync(Enumerable.Repeat(good, 17)))).Message, StringComparison.Ordinal);
        Assert.Single(await generator.GenerateAsync([good], new() { Dimensions = AffineModel.Z, ModelId = "affine/unpublished" }));
        generator.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => generator.GenerateAsync([good]));
    }

    [Fact]
    public void Options_outside_their_bounds_and_models_that_break_theirs_are_refused()
    {
        var faults = Assert.Throws<ArgumentException>(() => new ServiceCollection().AddMimEncoder("m", options => options with { QueueCapacity = 1, Threads = 0 })).Message;
        Assert.Contains("QueueCapacity", faults, StringComparison.Ordinal);
        Assert.Contains("Threads", faults, StringComparison.Ordinal);
        TestWorker.Affine.Write(_folder["planted"], planted: 1e-4f);
        using var services = new ServiceCollection().AddMimEncoder(_folder["planted"]).BuildServiceProvider();
        Assert.Contains("z_mean at n = 64", Assert.Throws<InvalidDataException>(services.GetRequiredService<MimEncoder>).Message, StringComparison.Ordinal);
    }
}
