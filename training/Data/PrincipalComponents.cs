using System.Globalization;
using Mim.Models;
using static TorchSharp.torch;

namespace Mim.Training;

/// <summary>
/// Principal component analysis, exact: the covariance in double, its eigenvectors by the symmetric solver, no whitening. The sign of a direction is that
/// of scikit-learn's svd_flip, which the reference's projections have: the row that lies farthest along it lies on its positive side.
/// </summary>
/// <param name="Step">The projection, as the manifest holds it.</param>
/// <param name="ExplainedVariance">Share of the rows' total variance that the components hold, from 0 to 1.</param>
public sealed record PrincipalComponents(PreprocessingStep Step, double ExplainedVariance)
{
    /// <summary>The covariance is this squared, in double: 128 MiB.</summary>
    const int MaxFeatures = 4096;

    /// <summary>Elements of a chunk of rows, in double 32 MiB.</summary>
    const int ChunkElements = 1 << 22;

    /// <summary>A direction whose variance is less than this share of the largest is rounding, and no two runs find the same one.</summary>
    const double LeastVariance = 1e-12;

    /// <exception cref="UsageException">There are fewer features or rows than components, or too many features.</exception>
    /// <exception cref="InvalidDataException">The rows vary in fewer directions.</exception>
    /// <param name="rows">Raw rows.</param>
    /// <param name="before">What comes before the projection.</param>
    /// <param name="components">How many.</param>
    /// <param name="name">For messages: the data set.</param>
    public static PrincipalComponents Fit(DataSplit rows, Preprocessing before, int components, string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Tensor? sum = null;
        ForEachChunk(rows, before, x => Add(ref sum, x.sum([0L])));
        var mean = (sum ?? throw new InvalidOperationException("A split has rows.")) / rows.Rows; // (D)
        var d = (int)mean.shape[0];
        if (components > Math.Min(Math.Min(d, rows.Rows - 1), PreprocessingStep.MaxMatrix / d) || d > MaxFeatures)
        {
            throw new UsageException($"preprocessing: 'pca: {components}' expects 1 to {Math.Min(Math.Min(d, rows.Rows - 1), PreprocessingStep.MaxMatrix / d)} "
                + $"components of at most {MaxFeatures} features, found {components} of {d} in {rows.Rows} rows of {name}.");
        }
        Tensor? scatter = null;
        ForEachChunk(rows, before, x =>
        {
            var centred = x - mean;
            Add(ref scatter, centred.t().matmul(centred));
        });
        var covariance = (scatter ?? throw new InvalidOperationException("A split has rows.")) / rows.Rows; // (D, D)
        var (values, vectors) = linalg.eigh(covariance); // ascending
        var variances = values.data<double>().ToArray();
        if (!(variances[^components] > LeastVariance * variances[^1]))
        {
            var rank = variances.Count(variance => variance > LeastVariance * variances[^1]);
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture,
                $"{name}: 'pca: {components}' expects rows that vary in {components} directions, found {rank}. Ask for fewer components."));
        }
        var directions = vectors.narrow(1, d - components, components).flip(1); // (D, N), descending
        directions *= Signs(rows, before, mean, directions);
        var step = new PreprocessingStep
        {
            Kind = PreprocessingStep.Pca,
            A = mean.to_type(ScalarType.Float32).data<float>().ToArray(),
            B = directions.t().contiguous().to_type(ScalarType.Float32).data<float>().ToArray(),
        };
        return new PrincipalComponents(step, variances[^components..].Sum() / variances.Sum());
    }

    /// <summary>±1 for each direction, (N).</summary>
    static Tensor Signs(DataSplit rows, Preprocessing before, Tensor mean, Tensor directions)
    {
        var farthest = new double[directions.shape[1]];
        ForEachChunk(rows, before, x =>
        {
            var projections = (x - mean).matmul(directions);
            var high = projections.amax([0]).data<double>();
            var low = projections.amin([0]).data<double>();
            for (var i = 0; i < farthest.Length; i++)
            {
                var here = high[i] >= -low[i] ? high[i] : low[i];
                farthest[i] = Math.Abs(here) > Math.Abs(farthest[i]) ? here : farthest[i];
            }
        });
        return tensor(Array.ConvertAll(farthest, value => value < 0 ? -1.0 : 1.0));
    }

    /// <summary>Gives the rows, (B, D) in double, chunk by chunk; what is made of a chunk and not handed out is freed after it.</summary>
    static void ForEachChunk(DataSplit rows, Preprocessing before, Action<Tensor> use)
    {
        var perChunk = Math.Max(1, ChunkElements / rows.XDim);
        for (var first = 0; first < rows.Rows; first += perChunk)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(perChunk, rows.Rows - first);
            use(before.Mean(tensor(rows.X.AsMemory(first * rows.XDim, count * rows.XDim), [count, rows.XDim])).to_type(ScalarType.Float64));
        }
    }

    static void Add(ref Tensor? sum, Tensor term)
    {
        if (sum is null)
        {
            sum = term.MoveToOuterDisposeScope();
        }
        else
        {
            sum.add_(term);
        }
    }
}
