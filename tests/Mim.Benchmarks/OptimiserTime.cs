using System.Diagnostics;
using System.Globalization;
using Mim.Inference;
using Mim.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Mim.Benchmarks;

/// <summary>
/// One update of the 784-500-500-64 VAE's weights by the trainer's optimiser against the engine's own Adam, which goes operation by operation over
/// all tensors; in the order ABBA, with the caches as a backward pass leaves them.
/// </summary>
static class OptimiserTime
{
    static readonly long[][] s_shapes =
    [
        [500, 784], [500], [500, 500], [500], [64, 500], [64], [64, 500], [64], [500, 64], [500], [500, 500], [500], [784, 500], [784],
    ];

    public static int Run(string[] args)
    {
        var (threads, pairs) = (2, 200);
        for (var k = 0; k + 1 < args.Length; k += 2)
        {
            var value = int.Parse(args[k + 1], CultureInfo.InvariantCulture);
            switch (args[k])
            {
                case "--threads": threads = value; break;
                case "--pairs": pairs = value; break;
                default: Console.Error.WriteLine($"unknown option {args[k]}"); return 2;
            }
        }
        set_num_threads(threads);
        using var scope = NewDisposeScope();
        Parameter[] Weights() => [.. s_shapes.Select(shape => new Parameter(randn(shape)))];
        var (ours, theirs) = (Weights(), Weights());
        Tensor[] gradients = [.. s_shapes.Select(shape => randn(shape))];
        foreach (var (parameter, gradient) in theirs.Zip(gradients))
        {
            parameter.grad = gradient.clone();
        }
        using var optimiser = new Optimiser(OptimiserName.Adam, ours);
        using var engine = optim.Adam(theirs);
        var activations = randn(1 << 22);
        double Milliseconds(Action step)
        {
            activations.mul_(1);
            var begin = Stopwatch.GetTimestamp();
            step();
            return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        }
        double Ours() => Milliseconds(() => optimiser.Step(gradients, 1e-3));
        double Theirs() => Milliseconds(() => engine.step());

        var (a, b, ratios) = (new List<double>(), new List<double>(), new List<double>());
        for (var pair = -5; pair < pairs; pair++)
        {
            var first = Ours();
            var reference = Theirs() + Theirs();
            var both = first + Ours();
            if (pair >= 0)
            {
                (a, b, ratios) = ([.. a, both / 2], [.. b, reference / 2], [.. ratios, both / reference]);
            }
        }
        var ratio = PairedRatio.Of(ratios);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Adam over {s_shapes.Sum(shape => shape.Aggregate(1L, (product, size) => product * size))} weights, {threads} threads: tensor by tensor "
            + $"{a.Order().ElementAt(pairs / 2):F3} ms, operation by operation {b.Order().ElementAt(pairs / 2):F3} ms; ratio {ratio.Median:F3}, "
            + $"95 % of {pairs} pairs {ratio.Low:F3} to {ratio.High:F3}"));
        return 0;
    }
}
