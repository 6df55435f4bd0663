using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// What is drawn when a finished model is measured, exported or drawn. Each has a generator of its own, so that none shifts another's numbers.
/// </summary>
enum EvaluationNoise : uint
{
    Importance = 1,
    Code = 2,
    Reconstruction = 3,
    TrainingCode = 5,
    Golden = 6,
    Divergences = 7,
    DecodingJoint = 8,
    DecodingImportance = 9,
    Clusters = 10,
    PictureCodes = 64,
    PicturePrior = 65,
    PictureSamples = 66,
}

static class EvaluationNoiseExtensions
{
    /// <summary>"EVAL": keeps these streams apart from every other use of the run's seed.</summary>
    const uint Domain = 0x4556414C;

    public static Generator Generator(this EvaluationNoise noise, long runSeed)
    {
        var key = unchecked((ulong)runSeed);
        var words = new uint[4];
        Philox.Block([(uint)noise, 0, 0, Domain], [(uint)key, (uint)(key >> 32)], words);
        return new Generator(((ulong)words[1] << 32) | words[0]);
    }
}
