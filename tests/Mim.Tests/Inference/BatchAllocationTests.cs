using Microsoft.Extensions.Logging.Abstractions;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;

namespace Mim.Tests.Inference;

/// <summary>Alone, because a worker of another test that begins to listen to the meter makes series on this one's thread.</summary>
[CollectionDefinition(nameof(BatchAllocationTests), DisableParallelization = true)]
[Collection(nameof(BatchAllocationTests))]
public sealed class BatchAllocationTests
{
    const int Batches = 3000;

    /// <summary>For the first of everything: bindings, pooled requests, statistics of a size, tiers of the compiler.</summary>
    const int WarmUp = 1000;

    /// <summary>The thread says at every run what it has allocated so far: from one run to the next is a whole turn of the loop, engine and metrics included.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_inference_thread_allocates_nothing_for_a_batch(bool measured)
    {
        using TemporaryFolder folder = new();
        TestWorker.Affine.Write(folder["package"]);
        using var model = OnnxModel.Encoder(ModelPackage.Open(folder["package"]), 64, new EngineOptions(1, Device.Cpu));
        using var metrics = measured ? new PrometheusMetrics(PrometheusMetrics.Meters) : null;
        var allocated = new long[Batches + 1];
        var batch = 0;
        using var batcher = new MicroBatcher(model.Buffers, rows =>
        {
            allocated[batch++] = GC.GetAllocatedBytesForCurrentThread();
            model.Run(rows);
        }, new(4096), "allocation", NullLogger.Instance);
        var x = AffineModel.Rows(100, AffineModel.X, 1);
        Memory<float>[] outputs = [new float[100 * AffineModel.Z], default];
        while (batch < Batches)
        {
            // 100 rows are two batches.
            var rows = batch % 37 == 0 ? 100 : batch % 64 + 1;
            Memory<float>[] wanted = [outputs[0][..(rows * AffineModel.Z)], default];
            Assert.True(batcher.TryRun(x.AsMemory(0, rows * AffineModel.X), rows, wanted, CancellationToken.None, out var completion));
            await completion;
        }
        var bytes = Enumerable.Range(WarmUp, Batches - WarmUp - 1).Select(i => allocated[i + 1] - allocated[i]).ToArray();
        Assert.All(bytes, found => Assert.Equal(0, found));
        Assert.Equal(measured, metrics?.Write().Contains("mim_inference_batch_size_count{model=\"allocation\"}", StringComparison.Ordinal) ?? false);
    }
}
