// A speed is a ratio of interleaved runs, never a test: dotnet run -c Release --project tests/Mim.Benchmarks -- train-step --threads 2
// (encode against a bare ONNX Runtime loop is a verb of the product: ./mim bench.)
using Mim.Benchmarks;

return args switch
{
    ["train-step", .. var options] => TrainStep.Run(options),
    ["optimiser", .. var options] => OptimiserTime.Run(options),
    ["ksg", .. var options] => KsgTime.Run(options),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("usage: Mim.Benchmarks train-step [--network mlp|conv_hvae|pixel_hvae] [--precision float32|bfloat16] [--threads N] [--pairs N] [--steps N] [--python FILE] | optimiser [--threads N] [--pairs N] | ksg [--rows N] [--x N] [--z N] [--runs N]");
    return 2;
}
