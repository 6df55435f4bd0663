using Mim.Tests.Evaluation;
using Mim.Training;

namespace Mim.Tests.Reporting;

/// <summary>Runs as a report reads them, made of arithmetic: no model is trained.</summary>
static class SampleRuns
{
    /// <summary>What a browser must never take for markup.</summary>
    public const string Hostile = "</script><img src=x onerror=\"window.pwned=1\">'&amp;<!-- \u202E ${1}";

    public enum Kind
    {
        Plane,
        Images,
        Rows,
    }

    public static RunReport Create(
        string name, Kind kind = Kind.Rows, double shift = 0, ObjectiveName objective = ObjectiveName.Mim, IReadOnlyList<string>? labels = null, int rows = 200) => new()
        {
            Name = name,
            Options = new TrainingOptions { Objective = new ObjectiveOptions { Name = objective }, Network = new NetworkOptions { Z = 3 } },
            Dataset = "toy",
            DatasetSha256 = new string('a', 64),
            XShape = kind switch { Kind.Plane => [2], Kind.Images => [6, 5], _ => [7] },
            LabelNames = labels,
            Parameters = 4356,
            BestEpoch = 18,
            CheckpointSha256 = new string('b', 64),
            TrainedWith = Engines,
            DrawnWith = Engines,
            Log = Log(shift),
            Evaluation = Evaluation(shift),
            Pictures = Pictures(kind, rows, (float)shift),
        };

    public static Dictionary<string, string> Engines { get; } = new() { ["libtorch"] = "1.13.0", ["threads"] = "2" };

    public static EvaluationReport Evaluation(double shift) => SampleEvaluation.Report with
    {
        NllImportanceWeighted = 100 - shift,
        MutualInformationKsg = 1.75 - (shift / 100),
        AggregatePosterior = SampleEvaluation.Report.AggregatePosterior with { MutualInformationLower = 1.75 - (shift / 100) },
        ReconstructionRmse = 27.5 + shift,
        Training = new TrainingCourse { Epochs = 20, Steps = 1000, DecodingHalfEpochs = 19, ValidationFifthsImproved = 5 },
        PerDimension = Gauges,
        Z = 3,
        Epoch = 18,
        Engines = Engines,
    };

    static PosteriorGauges Gauges { get; } = new() { Kl = [0.9, 0.4, 0], MeanVariance = [1, 0.5, 0], PosteriorVariance = [0.25, 0.5, 1] };

    static TrainingLog Log(double shift)
    {
        int[] epochs = [.. Enumerable.Range(1, 20)];
        double[] Column(Func<int, double> value) => [.. epochs.Select(value)];
        return new TrainingLog(epochs, new Dictionary<string, double[]>
        {
            ["step"] = Column(e => 78 * e),
            ["learning_rate"] = Column(e => 1e-3 * Math.Min(e / 3.0, Math.Sqrt(3.0 / e))),
            ["train.loss"] = Column(e => shift + 80 + (1000.0 / (e * e))),
            ["validation.loss"] = Column(e => shift + 79 + (1000.0 / (e * e))),
            ["validation.encoding.log_pxz"] = Column(e => shift - 60 - (50.0 / e)),
            ["validation.decoding.log_pxz"] = Column(e => e < 3 ? double.NaN : shift - 40 - (50.0 / e)),
        });
    }

    static ModelPictures Pictures(Kind kind, int rows, float shift)
    {
        var width = kind switch { Kind.Plane => 2, Kind.Images => 30, _ => 7 };
        var shown = Math.Min(rows, kind == Kind.Plane ? ModelPictures.MaxCodes : ModelPictures.MaxRows);
        float[] Row(int i, int size, float phase) => [.. Enumerable.Range(0, size).Select(d => MathF.Sin((0.7f * i) + (1.3f * d) + phase))];
        float[][] Many(int count, int size, float phase) => [.. Enumerable.Range(0, count).Select(i => Row(i, size, phase))];
        long[] labels = [.. Enumerable.Range(0, rows).Select(i => (long)(i % 3))];
        return new ModelPictures
        {
            Image = kind == Kind.Images ? new ImageShape(6, 5, 1, false) : null,
            Codes = Many(rows, 3, shift),
            Labels = labels,
            PriorCodes = Many(rows, 3, 2),
            Gauges = Gauges,
            X = Many(shown, width, 0),
            XLabels = labels[..shown],
            Reconstructions = Many(shown, width, 0.2f),
            Samples = Many(shown, width, 1),
            SamplesAreMeans = kind == Kind.Images,
            Paths = [.. Enumerable.Range(0, ModelPictures.Interpolations).Select(i => Many(ModelPictures.InterpolationSteps, width, i))],
        };
    }
}
