using System.Globalization;
using Mim.Tests.Inference;
using Xunit.Abstractions;

namespace Mim.Pipeline.Tests;

/// <summary>What a worker holds after ten minutes, against what it held after two.</summary>
public sealed class SoakTests(ITestOutputHelper output)
{
    const int Clients = 4;
    const int MaxRows = 64;
    const double AllowedMiB = 8;

    static readonly TimeSpan s_warmUp = TimeSpan.FromMinutes(2);
    static readonly TimeSpan s_soak = TimeSpan.FromMinutes(8);
    static readonly TimeSpan s_sample = TimeSpan.FromSeconds(2);

    [Fact]
    [Trait("Category", "Long")]
    public async Task Resident_memory_is_flat_over_requests_of_all_sizes_good_and_bad()
    {
        using ServingProcess worker = new();
        var infer = $"{await worker.ReadyAsync()}/v2/models/affine/infer";
        using CancellationTokenSource over = new();
        var asking = Enumerable.Range(0, Clients).Select(client => Task.Run(() => AskAsync(worker, infer, client, over.Token))).ToArray();
        await Task.Delay(s_warmUp);
        List<double> resident = [];
        using (PeriodicTimer timer = new(s_sample))
        {
            while (resident.Count < s_soak / s_sample && await timer.WaitForNextTickAsync())
            {
                worker.Process.Refresh();
                resident.Add(worker.Process.WorkingSet64 / (double)(1 << 20));
            }
        }
        await over.CancelAsync();
        var requests = (await Task.WhenAll(asking)).Sum();
        var quarter = resident.Count / 4;
        var (first, last) = (resident.Take(quarter).Average(), resident.TakeLast(quarter).Average());
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{requests:N0} requests; {first:F1} MiB in the first quarter, {last:F1} MiB in the last"));
        Assert.True(requests > 0);
        Assert.True(last - first < AllowedMiB, string.Create(CultureInfo.InvariantCulture, $"from {first:F1} to {last:F1} MiB over {requests:N0} requests"));
    }

    static async Task<long> AskAsync(ServingProcess worker, string infer, int seed, CancellationToken over)
    {
        Random random = new(seed);
        var requests = 0L;
        for (; !over.IsCancellationRequested; requests++)
        {
            var rows = random.Next(1, MaxRows + 1);
            // One in eight has a value too few.
            var (values, expected) = random.Next(8) == 0 ? ((rows * AffineModel.X) - 1, 400) : (rows * AffineModel.X, 200);
            var data = string.Join(',', Enumerable.Range(0, values).Select(_ => random.NextSingle().ToString(CultureInfo.InvariantCulture)));
            Assert.Equal(
                expected, await worker.StatusAsync(infer, $$"""{"inputs": [{"name": "x", "shape": [{{rows}}, {{AffineModel.X}}], "datatype": "FP32", "data": [{{data}}]}]}"""));
        }
        return requests;
    }
}
