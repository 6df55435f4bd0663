using System.Diagnostics;
using System.Globalization;
using Mim.Training;

namespace Mim.Benchmarks;

/// <summary>Seconds of one exact estimate of I(x;z), after a short one that compiles the kernels; the best and the median of several.</summary>
static class KsgTime
{
    public static int Run(string[] args)
    {
        var (rows, xDim, zDim, runs) = (10_000, 20, 8, 5);
        for (var k = 0; k + 1 < args.Length; k += 2)
        {
            var value = int.Parse(args[k + 1], CultureInfo.InvariantCulture);
            switch (args[k])
            {
                case "--rows": rows = value; break;
                case "--x": xDim = value; break;
                case "--z": zDim = value; break;
                case "--runs": runs = value; break;
                default: Console.Error.WriteLine($"unknown option {args[k]}"); return 2;
            }
        }
        var random = new Random(1);
        float[] Normal(int count) => [.. Enumerable.Range(0, count).Select(_ =>
            (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
        var (x, z) = (Normal(rows * xDim), Normal(rows * zDim));
        for (var i = 0; i < z.Length; i++)
        {
            z[i] = 0.3f * z[i] + x[i / zDim * xDim + i % zDim % xDim];
        }
        var few = Math.Min(rows, 1_000);
        Ksg.Estimate(x.AsSpan(0, few * xDim), z.AsSpan(0, few * zDim), few);
        var seconds = new List<double>();
        var estimate = 0.0;
        for (var run = 0; run < runs; run++)
        {
            var start = Stopwatch.GetTimestamp();
            estimate = Ksg.Estimate(x, z, rows).MutualInformation;
            seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        seconds.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"KSG, k = 5, N = {rows}, x {xDim}-D, z {zDim}-D, {Environment.ProcessorCount} cores: best {seconds[0]:F2} s, median {seconds[runs / 2]:F2} s of {runs}; "
            + $"{estimate:F4} nats"));
        return 0;
    }
}
