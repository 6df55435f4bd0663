using System.Diagnostics;
using Mim.Inference;
using Mim.Models;
using Mim.Tests.Contract;
using Xunit.Abstractions;

namespace Mim.Tests.Inference;

/// <summary>What only a device shows: that it computes the goldens, what a new size of batch costs, and what a worker says whose device is lost.</summary>
[CollectionDefinition(nameof(CudaTests), DisableParallelization = true)] // One of them takes times.
[Collection(nameof(CudaTests))]
public sealed class CudaTests(ITestOutputHelper output)
{
    static readonly EngineOptions s_cuda = new(1, Device.Cuda);

    [CudaFact]
    public void A_device_computes_the_goldens_in_every_size_of_batch()
    {
        foreach (Action<string> write in (Action<string>[])[ConvModel.Write, folder => TestWorker.Affine.Write(folder)])
        {
            using TemporaryFolder folder = new();
            write(folder["package"]);
            var report = Verification.Run(ModelPackage.Open(folder["package"]), s_cuda);
            Assert.Equal(Device.Cuda, report.Device);
            Assert.Empty(report.Failures());
        }
    }

    [CudaFact]
    public void Auto_is_the_device()
    {
        using TemporaryFolder folder = new();
        TestWorker.Affine.Write(folder["package"]);
        using var encoder = OnnxModel.Encoder(ModelPackage.Open(folder["package"]), 4, new EngineOptions(1, Device.Auto));
        Assert.Equal(Device.Cuda, encoder.Device);
    }

    /// <summary>An engine that searches exhaustively among algorithms does so for each new size (microsoft/onnxruntime#7612).</summary>
    [CudaFact]
    public void Batches_of_any_size_have_no_more_slow_runs_than_there_are_buckets()
    {
        const int Runs = 1000;
        using TemporaryFolder folder = new();
        ConvModel.Write(folder["package"]);
        using var encoder = OnnxModel.Encoder(ModelPackage.Open(folder["package"]), 64, s_cuda);
        Random random = new(3);
        int[] sizes = [.. Enumerable.Range(0, Runs).Select(_ => random.Next(1, 65))];
        var seconds = Array.ConvertAll(sizes, Time);
        // What a run takes that is like the one before it.
        var steady = encoder.Buffers.Sizes.Select(size => Enumerable.Range(0, 20).Select(_ => Time(size)).Order().ElementAt(10)).Max();
        var slow = seconds.Count(time => time > 10 * steady);
        output.WriteLine($"steady {steady * 1e6:F0} us at most; of {Runs} runs of random sizes the median {seconds.Order().ElementAt(Runs / 2) * 1e6:F0} us, "
            + $"the slowest {seconds.Max() * 1e3:F1} ms, {slow} slow, {encoder.Buffers.Sizes.Count} buckets");
        // A hundredth: the machine has pauses of its own.
        Assert.InRange(slow, 0, 1 + encoder.Buffers.Sizes.Count + (Runs / 100));

        double Time(int rows)
        {
            var start = Stopwatch.GetTimestamp();
            encoder.Run(rows);
            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
    }

    /// <summary>
    /// The server Triton went on saying ready after a device's assertion (triton-inference-server/server#3627). In a process of its own: a context that
    /// has failed is of no use to anybody in its process.
    /// </summary>
    [CudaFact]
    public async Task A_worker_whose_device_is_lost_says_so_before_anybody_asks_and_ends()
    {
        using Process child = new() { StartInfo = new("dotnet", [typeof(CudaTests).Assembly.Location, LostDevice.Verb]) { RedirectStandardOutput = true } };
        Assert.True(child.Start());
        string said;
        try
        {
            said = await child.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(2));
        }
        finally
        {
            child.Kill();
        }
        Assert.Equal(
            """
            infer 200
            ready 200
            the device is lost
            ready 503
            infer 500
            ended: 'affine' has not computed its golden rows for 60 s
            """, said.Trim());
    }
}
