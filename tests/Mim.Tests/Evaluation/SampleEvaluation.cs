using Mim.Training;

namespace Mim.Tests.Evaluation;

/// <summary>A whole report, for tests of what is made of one.</summary>
static class SampleEvaluation
{
    public static EvaluationReport Report { get; } = new()
    {
        Split = "test",
        Rows = 9984,
        ImportanceSamples = 500,
        NllImportanceWeighted = 2.1,
        NllStandardError = 0.01,
        NllBySamples = new NllBySamples { Samples = [1, 256, 500], Nll = [3.5, 2.2, 2.1] },
        NegativeElbo = 3.5,
        NegativeElboSingleSample = 3.25,
        Rate = 5,
        Distortion = -1.5,
        MutualInformationKsg = 1.85,
        KsgK = 5,
        KsgRows = 9984,
        KsgCeiling = 7.703,
        KsgCoincidentRows = 0,
        AggregatePosterior = new AggregatePosterior
        {
            Rows = 9984,
            KlPrior = 3.125,
            MutualInformationLower = 1.875,
            MutualInformationUpper = 2.25,
            MutualInformationCeiling = 9.209,
        },
        Joints = new JointStatistics
        {
            DecodingRows = 998,
            CrossEntropyEncodingEncoding = 1,
            CrossEntropyEncodingDecoding = 2.375,
            CrossEntropyDecodingEncoding = 4,
            EntropyDecodingJoint = 1.5,
            MimBound = 2.21875,
            CrossEntropyModelMixture = 1.75,
            KlEncodingDecoding = 1.375,
            KlDecodingEncodingLower = 2.5,
            KlDecodingEncodingUpper = 80,
            Jsd = 0.5,
            JsdBound = 0.6931471805599453,
        },
        SingleSample = new SingleSampleStatistics
        {
            Rate = 5.0625,
            EntropyEncodingJoint = 2.625,
            EntropyDecodingJoint = 2.125,
            EntropyModelMixture = 2.25,
            EntropyMean = 2.375,
            CrossEntropyPrior = 3.75,
            KlPosteriorPrior = 4.9375,
            KlPriorPosterior = 1234.5,
        },
        Knn1Accuracy = 0.97,
        Knn3Accuracy = 0.98,
        Knn5Accuracy = 0.99,
        Knn10Accuracy = 0.985,
        Knn1AccuracyZMean = 0.991,
        Knn3AccuracyZMean = 0.992,
        Knn5AccuracyZMean = 0.993,
        Knn10AccuracyZMean = 0.994,
        KnnTrainRows = 9984,
        LinearProbeAccuracy = 0.96,
        LinearProbeGradientNorm = 9e-7,
        KmeansNmi = 0.95,
        KmeansClusters = 5,
        ReconstructionRmse = 0.5,
        ReconstructionL2Sampled = 144,
        ReconstructionRows = 9984,
        ActiveUnits = 1,
        PosteriorSd = new PosteriorSd { Min = 0.001, Median = 0.01, Mean = 0.25, Max = 1 },
        Training = new TrainingCourse { Epochs = 20, Steps = 1000, DecodingHalfEpochs = 19, ValidationFifthsImproved = 5 },
        PerDimension = new PosteriorGauges { Kl = [4.75, 0.25], MeanVariance = [0.9, 0.001], PosteriorVariance = [0.1, 0.999] },
        Z = 2,
        Likelihood = "gaussian",
        Preprocessing = ["standardise"],
        RawDensityOffset = 1.25,
        Seed = 1,
        Epoch = 150,
        CheckpointSha256 = new string('b', 64),
        Engines = new Dictionary<string, string> { ["torch"] = "test" },
    };
}
